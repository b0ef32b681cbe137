/** Which name servers guests' questions go to: the host's own, from resolv.conf, in dnsmasq's words. Pure. */
import { isIfName } from '../values/ifname.js'
import { isIp, parseIp } from '../values/ip.js'

export interface Servers {
  /** The text of `servers-file`: one `server=` a line. */
  readonly text: string
  /** Name servers that were left out, since they are this network's own gateway: dnsmasq would ask itself for ever. */
  readonly loops: readonly string[]
}

/** As many as anybody has; each costs dnsmasq a look at every question. */
const MOST = 16

/**
 * The `nameserver` lines of a resolv.conf, in order, without doubles. `own`: addresses of our gateways.
 * Link-local servers keep their zone (`fe80::1%eth0`). Source: resolv.conf(5).
 */
export function serversFile (resolvConf: string, own: readonly string[]): Servers {
  const ours = new Set(own)
  const found = resolvConf.split('\n').flatMap((line) => {
    const match = /^\s*nameserver\s+(\S+)/.exec(line)
    const [address = '', zone, ...rest] = (match?.[1] ?? '').split('%')
    if (!isIp(address) || rest.length > 0) return []
    if (zone !== undefined && !(isIfName(zone) && /^[A-Za-z0-9._-]+$/.test(zone))) return []
    return [{ address: parseIp(address), text: zone === undefined ? parseIp(address) : `${parseIp(address)}%${zone}` }]
  })
  const servers = new Set(found.filter(({ address }) => !ours.has(address)).map(({ text }) => text))
  return {
    text: [...servers].slice(0, MOST).map((server) => `server=${server}\n`).join(''),
    loops: [...new Set(found.filter(({ address }) => ours.has(address)).map(({ address }) => address))],
  }
}
