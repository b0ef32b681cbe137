/** Short forms and defaults: what a definition says without writing it down. Pure. */
import { cidrSize, formatCidr, hosts, network, parseCidr, type Cidr } from '../values/cidr.js'
import { ipFamily, ipPlus, isIp, type Ip } from '../values/ip.js'
import { InputError } from '../errors.js'
import type { Complain } from './checks/review.js'
import { isObject, type PlainObject } from './plain.js'
import type { ExpandedInput, IpSpec, NetworkSpec } from './spec.js'

/** Where a definition comes from: defaults differ in one thing, STP. */
export type Origin = 'json' | 'xml'

/** How many leases libvirt lets one range hold (virSocketAddrGetRange). */
const MOST_LEASES = 65_535n

/** `forward: 'nat'`, `bridge: 'br0'` and a single `ip: {…}` become what they stand for. Anything else stays as it is, to be refused by the schema. */
export function expandShortForms (input: PlainObject): PlainObject {
  const { forward, bridge, ip } = input
  return {
    ...input,
    ...typeof forward === 'string' ? { forward: { mode: forward } } : {},
    ...typeof bridge === 'string' ? { bridge: { name: bridge } } : {},
    ...isObject(ip) ? { ip: [ip] } : {},
  }
}

/** No `forward` is none, one without mode is nat. Source: libvirt, virNetworkForwardDefParseXML. */
export function forwardOf ({ forward }: ExpandedInput): NetworkSpec['forward'] {
  if (forward === undefined) return { mode: 'none' }
  const { mode = 'nat', dev, nat } = forward
  if (dev === undefined && nat === undefined) return { mode }
  return { mode, ...dev === undefined ? {} : { dev }, ...nat?.ipv6 === undefined ? {} : { nat: { ipv6: nat.ipv6 } } }
}

/** STP is on in XML, as in libvirt, and off in JSON, so that a new port forwards at once instead of after four seconds. */
export function bridgeOf ({ bridge }: ExpandedInput, origin: Origin): NetworkSpec['bridge'] {
  const [stp, delay] = [bridge?.stp ?? origin === 'xml', bridge?.delay ?? 0]
  return bridge?.name === undefined ? { stp, delay } : { name: bridge.name, stp, delay }
}

/** `subnet: 'auto/24'`: a prefix length between /8 and /30 to be found in the pools. */
export function autoOf ({ subnet, dhcp, auto }: ExpandedInput, complain: Complain): NetworkSpec['auto'] {
  if (auto !== undefined && subnet !== undefined) complain('subnet', 'subnet and auto exclude each other')
  if (auto !== undefined) return auto
  const wanted = /^auto(?:\/(\d{1,3}))?$/.exec(subnet ?? '')
  if (wanted === null) return undefined
  const prefix = Number(wanted[1] ?? 24)
  if (prefix < 8 || prefix > 30) complain('subnet', `an automatic subnet has a prefix length between 8 and 30, not ${String(prefix)}`)
  return { prefix, dhcp: dhcp ?? false }
}

/** `subnet: '10.7.0.0/24'`: the `<ip>` that it stands for. */
export function subnetIp ({ subnet, dhcp }: ExpandedInput, complain: Complain): IpSpec | undefined {
  if (subnet === undefined) {
    if (dhcp === true) complain('dhcp', 'dhcp: true needs a subnet to take leases from')
    return undefined
  }
  if (subnet.startsWith('auto')) {
    if (!/^auto(?:\/\d{1,3})?$/.test(subnet)) complain('subnet', 'an automatic subnet is written auto/24')
    return undefined
  }
  const cidr = readSubnet(subnet, complain)
  return cidr === undefined ? undefined : gatewayOf(cidr, dhcp ?? false)
}

function readSubnet (subnet: string, complain: Complain): Cidr | undefined {
  const slash = subnet.indexOf('/')
  if (subnet.length > 60 || slash < 0 || !isIp(subnet.slice(0, slash))) { complain('subnet', 'a subnet is written 10.7.0.0/24, or auto/24'); return undefined }
  try {
    const cidr = parseCidr(subnet)
    const base = network(cidr)
    if (base.address !== cidr.address) complain('subnet', `${subnet} has bits behind its prefix: write ${formatCidr(base)}, or ip: { address: '${cidr.address}', prefix: ${String(cidr.prefix)} }`)
    if (cidrSize(cidr) < 4n) complain('subnet', `${subnet} has no room for a gateway and guests`)
    else return base
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    complain('subnet', error.issues[0]?.message ?? error.message)
  }
  return undefined
}

/** The `<ip>` of a whole subnet: the gateway is its first usable address; with `dhcp` the others are leased, at most 65,535 of them. */
export function gatewayOf (cidr: Cidr, dhcp: boolean): IpSpec {
  const { first, count } = hosts(cidr)
  return {
    ...ipFamily(first) === 6 ? { family: 'ipv6' as const } : {},
    address: first, prefix: cidr.prefix, ...dhcp ? { dhcp: { range: [rangeBehind(first, count - 1n)] } } : {},
  }
}

function rangeBehind (gateway: Ip, count: bigint): { readonly start: Ip, readonly end: Ip } {
  return { start: ipPlus(gateway, 1), end: ipPlus(gateway, count < MOST_LEASES ? count : MOST_LEASES) }
}
