/** The two files of names that dnsmasq reads again on SIGHUP: static leases (`dhcp-hostsfile`) and names of hosts (`addn-hosts`). Pure. */
import { InputError } from '../errors.js'
import type { Definition, DhcpHost, DhcpRange } from '../network/spec.js'
import { ipFamily, parseIp } from '../values/ip.js'
import { parseMac } from '../values/mac.js'
import { field, isHostName, LONGEST_LINE } from './option.js'

type Lease = NonNullable<DhcpRange['lease']>

/** `infinite`, `200s`, `30m`, `12h`; minutes unless said, as libvirt. Source: libvirt, networkBuildDhcpLeaseTime. */
export function leaseTime (lease: Lease): string {
  if (lease.expiry === 0) return 'infinite'
  return `${String(lease.expiry)}${({ seconds: 's', minutes: 'm', hours: 'h' } as const)[lease.unit ?? 'minutes']}`
}

function refuse (message: string, path: string): never { throw new InputError([{ message, path }]) }

/** Whether dnsmasq takes it for the name in a static lease: `infinite`, `ignore` and `45m` mean something else there. */
export function isLeaseName (name: string): boolean { return isHostName(name) && !/^(?:infinite|ignore|[0-9 ]+[wdhms]?)$/i.test(name) }

/**
 * A name in a static lease. dnsmasq tells the parts of such a line by their looks: `infinite`, `ignore` and `45m` would not be names to it.
 * Source: dnsmasq 2.90, src/option.c, LOPT_DHCP_HOST.
 */
function leaseName (name: string, path: string): string {
  if (!isHostName(name)) refuse(`${JSON.stringify(name.slice(0, 80))} cannot be given to dnsmasq: a host name starts with a letter or digit and has letters, digits, - and _`, path)
  if (!isLeaseName(name)) refuse(`${JSON.stringify(name)} means something else to dnsmasq than a host name`, path)
  return name
}

function line (parts: readonly string[], separator: string, path: string): string {
  const text = parts.join(separator)
  if (Buffer.byteLength(text) > LONGEST_LINE) refuse(`the entry is longer than ${String(LONGEST_LINE)} bytes, which dnsmasq's lines take`, path)
  return `${text}\n`
}

/** `mac,ip,name[,lease]` or `id:DUID,name,[ip]`. Source: libvirt, dnsmasqHostsfileAdd (virdnsmasq.c). */
function hostLine (host: DhcpHost, path: string): string {
  const address = field('ip', parseIp(host.ip, `${path}.ip`), `${path}.ip`).text
  const six = ipFamily(parseIp(address)) === 6
  const name = host.name === undefined ? [] : [leaseName(host.name, `${path}.name`)]
  const time = host.lease === undefined ? [] : [leaseTime(host.lease)]
  if (host.id !== undefined && !/^[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2})*$/.test(host.id)) refuse(`${JSON.stringify(host.id.slice(0, 80))} is not hexadecimal bytes with colons`, `${path}.id`)
  const who = host.id !== undefined ? [`id:${host.id}`] : host.mac !== undefined ? [parseMac(host.mac, `${path}.mac`)] : []
  if (who.length + name.length === 0) refuse('a static lease needs a mac, an id or a name', path)
  // Without a MAC libvirt puts the name first; dnsmasq does not mind.
  const parts = six ? [...who, ...name, `[${address}]`] : who.length === 0 ? [...name, address] : [...who, address, ...name]
  return line([...parts, ...time], ',', path)
}

/** The text of `dhcp-hostsfile`: every static lease of the network. Throws InputError with the path of what dnsmasq cannot be given. */
export function hostsFile (definition: Pick<Definition, 'ip'>): string {
  return definition.ip.flatMap((ip, at) => (ip.dhcp?.host ?? []).map((host, index) => hostLine(host, `ip[${String(at)}].dhcp.host[${String(index)}]`))).join('')
}

/** The text of `addn-hosts`: `192.0.2.1<TAB>name<TAB>name<TAB>`, as libvirt writes it. Throws InputError with the path. */
export function addnHostsFile (definition: Pick<Definition, 'dns'>): string {
  return (definition.dns?.host ?? []).map((host, index) => {
    const path = `dns.host[${String(index)}]`
    const names = host.hostname.map((name, at) => field('domain', name, `${path}.hostname[${String(at)}]`).text)
    return line([parseIp(host.ip, `${path}.ip`), ...names, ''], '\t', path)
  }).join('')
}
