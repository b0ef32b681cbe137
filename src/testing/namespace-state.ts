/** What stands in a network namespace, one line a thing. */
import { AF_INET, AF_INET6, dumpAddrs } from '../netlink/rtnl/addr.js'
import { dumpLinks } from '../netlink/rtnl/link.js'
import { dumpRoutes, RT_TABLE_LOCAL, type RouteMessage } from '../netlink/rtnl/route.js'
import { dumpRules, FR_ACT_TO_TBL, type RuleMessage } from '../netlink/rtnl/rule.js'
import { openChannel } from '../netlink/channel.js'
import { isErrno } from '../netlink/errno.js'
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../netlink/header.js'
import { native } from '../netlink/native.js'
import { listElements, listSets, listTables, type TableKey } from '../netlink/nft/read.js'
import type { Transport } from '../netlink/transport.js'

/** Link-local addresses, their routes and those of multicast come and go with the carrier. */
const ofItself = (address: string): boolean => /^f[ef]/.test(address)

/** `ip link`, `ip addr`, `ip route show table all`, `ip rule`, `nft list ruleset`, and who has forwarding on. Throws KernelError. */
export async function namespaceState (netns: number): Promise<readonly string[]> {
  await using rtnl = await openChannel({ protocol: NETLINK_ROUTE, netns })
  await using nft = await openChannel({ protocol: NETLINK_NETFILTER, netns })
  return [...await routing(rtnl), ...await ruleset(nft), ...await switches(netns)]
}

async function routing (rtnl: Transport): Promise<string[]> {
  const names = new Map<number, string>()
  const lines: string[] = []
  for (const { index = 0, ifname = '', linkinfo } of await dumpLinks(rtnl)) {
    names.set(index, ifname)
    lines.push(`link ${ifname}${linkinfo?.kind === undefined ? '' : ` (${linkinfo.kind})`}`)
  }
  const dev = (index: number | undefined): string => index === undefined ? '' : ` dev ${names.get(index) ?? String(index)}`
  for (const { index, local, address, prefixlen = 0 } of await dumpAddrs(rtnl)) {
    const own = local ?? address ?? ''
    if (!ofItself(own)) lines.push(`address ${own}/${String(prefixlen)}${dev(index)}`)
  }
  for (const route of await dumpRoutes(rtnl)) if (!isMinor(route)) lines.push(routeLine(route, dev))
  for (const family of [AF_INET, AF_INET6]) for (const rule of await dumpRules(rtnl, { family })) lines.push(ruleLine(rule))
  return lines
}

/** Those of the local table are their addresses'. */
const isMinor = ({ dst, table }: RouteMessage): boolean => table === RT_TABLE_LOCAL || ofItself(dst ?? '')

function routeLine ({ dst, dstLen = 0, gateway, oif, table = 0, priority }: RouteMessage, dev: (index: number | undefined) => string): string {
  return `route ${dst === undefined ? 'default' : `${dst}/${String(dstLen)}`}${gateway === undefined ? '' : ` via ${gateway}`}${dev(oif)} table ${String(table)}${priority === undefined ? '' : ` metric ${String(priority)}`}`
}

function ruleLine ({ family, priority = 0, src, srcLen = 0, dst, dstLen = 0, iifname, oifname, fwmark, action, table, shortTable = 0, goto }: RuleMessage): string {
  const words = [
    `rule ${String(priority)}: from ${src === undefined ? 'all' : `${src}/${String(srcLen)}`}`, ...dst === undefined ? [] : [`to ${dst}/${String(dstLen)}`],
    ...iifname === undefined ? [] : [`iif ${iifname}`], ...oifname === undefined ? [] : [`oif ${oifname}`], ...fwmark === undefined ? [] : [`fwmark ${String(fwmark)}`],
    goto === undefined ? `${action === FR_ACT_TO_TBL ? 'lookup' : `action ${String(action)}`} ${String(table ?? shortTable)}` : `goto ${String(goto)}`, family === AF_INET6 ? 'IPv6' : 'IPv4',
  ]
  return words.join(' ')
}

async function ruleset (nft: Transport): Promise<string[]> {
  const lines: string[] = []
  for (const { family, name } of await listTables(nft)) {
    if (family === undefined || name === undefined) continue
    lines.push(`nft table ${family} ${name}`, ...await setLines(nft, { family, table: name }))
  }
  return lines
}

/** A table that goes while we look has nothing in it. */
async function setLines (nft: Transport, key: TableKey): Promise<string[]> {
  try {
    const lines: string[] = []
    for (const { name } of await listSets(nft, key)) {
      if (name === undefined || name.startsWith('__')) continue // a rule's own
      for (const { key: value } of await listElements(nft, { ...key, set: name })) lines.push(`nft element ${key.family} ${key.table} ${name} { ${readable(value?.value)} }`)
    }
    return lines
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}

/** Names of interfaces as they are, anything else in hexadecimal. */
function readable (value: Uint8Array | undefined): string {
  const bytes = Buffer.from(value ?? [])
  const names = bytes.toString('latin1').replace(/\0+/g, ' ').trim()
  return /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(names) ? names : bytes.toString('hex')
}

const FORWARDING = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding']

async function switches (netns: number): Promise<string[]> {
  const values = await native().filesRead(netns, FORWARDING, 16)
  return FORWARDING.flatMap((path, i) => {
    const value = values[i]?.toString().trim()
    return value === undefined ? [] : [`${path.replace('/proc/sys/', '').replaceAll('/', '.')} = ${value}`]
  })
}
