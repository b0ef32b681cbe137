/** `<ip>` without its DHCP, and what it has in common with `<route>`. Pure. */
import { cidrFamily, cidrSize, netmaskToPrefix, parseCidr, type Cidr } from '../../values/cidr.js'
import { InputError } from '../../errors.js'
import { ipFamily, ipToBigInt, isIp, parseIp, type Ip, type IpFamily } from '../../values/ip.js'
import { subnetOf } from '../subnet.js'
import type { IpSpec } from '../spec.js'
import { shown, type Review } from './review.js'

/** The members that say which addresses an `<ip>` or a `<route>` is about. */
export type Addressed = Pick<IpSpec, 'family' | 'address' | 'netmask' | 'prefix'>

/** An address in normal form, and its subnet. */
export interface Placed { readonly written: Addressed, readonly cidr: Cidr }

/** Families, netmask and prefix of an `<ip>` or `<route>`; undefined where a complaint was made. JSON may leave the family out; the normal form says it for IPv6. */
export function placeAddress (item: Addressed, path: string, xml: boolean, review: Review): Placed | undefined {
  const { complain } = review
  const network = shown(review.network)
  if (!isIp(item.address)) { complain(`${path}.address`, `Invalid address '${shown(item.address)}' in network '${network}'`); return undefined }
  const address = parseIp(item.address)
  const family = ipFamily(address)
  const fault = familyFault(item, family, xml, network) ?? lengthFault(item, family, network)
  if (fault !== undefined) { complain(`${path}.${fault.member}`, fault.message); return undefined }
  const netmask = item.netmask === undefined ? undefined : parseIp(item.netmask)
  const written = { family: family === 6 ? 'ipv6' as const : item.family, address, netmask, prefix: item.prefix }
  return { written, cidr: subnetOf(written) }
}

interface Fault { readonly member: keyof Addressed, readonly message: string }

function familyFault ({ family, address }: Addressed, actual: IpFamily, xml: boolean, network: string): Fault | undefined {
  if (family === undefined) return xml && actual === 6 ? { member: 'address', message: `no family specified for non-IPv4 address '${address}' in network '${network}'` } : undefined
  const wanted = family === 'ipv6' ? 6 : 4
  if (wanted === actual) return undefined
  return { member: 'family', message: `Family '${family}' specified for non-IPv${String(wanted)} address '${address}' in network '${network}'` }
}

function lengthFault ({ address, netmask, prefix }: Addressed, family: IpFamily, network: string): Fault | undefined {
  if (netmask !== undefined && prefix !== undefined) return { member: 'prefix', message: `Network '${network}' IP address cannot have both a prefix and a netmask` }
  if (netmask !== undefined && family === 6) return { member: 'netmask', message: `netmask not allowed for IPv6 address '${address}' in network '${network}'` }
  if (prefix !== undefined && prefix > (family === 4 ? 32 : 128)) return { member: 'prefix', message: `Invalid IPv${String(family)} prefix '${String(prefix)}' in network '${network}'` }
  if (netmask !== undefined && !isNetmask(netmask)) return { member: 'netmask', message: `Invalid netmask '${shown(netmask)}' for address '${address}' in network '${network}'` }
  return undefined
}

function isNetmask (text: string): boolean {
  if (!isIp(text) || text.includes(':')) return false
  try { netmaskToPrefix(parseIp(text)) } catch (error) {
    if (error instanceof InputError) return false
    throw error
  }
  return true
}

interface Nowhere { readonly span: Span, readonly single: boolean, readonly why: string }

/** Where no gateway and no guest can be. Source: IANA special-purpose address registries; include/linux/in.h. */
const blocks: Readonly<Record<IpFamily, Readonly<Record<string, string>>>> = {
  4: {
    '0.0.0.0/8': 'is in 0.0.0.0/8, which means this host',
    '127.0.0.0/8': 'is a loopback address',
    '224.0.0.0/4': 'is a multicast address',
    '240.0.0.0/4': 'is in the reserved block 240.0.0.0/4',
  },
  6: {
    '::/128': 'is the unspecified address',
    '::1/128': 'is the loopback address',
    '::ffff:0.0.0.0/96': 'is an IPv4 address in IPv6 clothes',
    'ff00::/8': 'is a multicast address',
  },
}
const known = new Map<IpFamily, readonly Nowhere[]>()

function nowhere (family: IpFamily): readonly Nowhere[] {
  // Not before somebody asks: the first reading of an IPv6 address costs more than all others.
  const found = known.get(family) ?? Object.entries(blocks[family]).map(([block, why]) => {
    const span = spanOf(parseCidr(block))
    return { span, single: span.from === span.to, why }
  })
  known.set(family, found)
  return found
}

/** Why no interface can have the address, or undefined. */
export function unusable (address: Ip): string | undefined {
  const at = spanOf(address)
  return nowhere(at.family).find(({ span }) => within(at, span))?.why
}

/** The gateway's own address. It may be that of the network (seed 002), but not the broadcast address. */
export function checkGateway (cidr: Cidr, path: string, { complain, network }: Review): void {
  const { address, prefix } = cidr
  const place = `${path}.address`
  const why = unusable(address)
  const net = shown(network)
  const subnet = spanOf(cidr)
  if (why !== undefined) complain(place, `address '${address}' of network '${net}' ${why}`)
  else if (prefix === 0) complain(`${path}.prefix`, `prefix 0 would make network '${net}' the whole internet`)
  else if (prefix < 31 && subnet.family === 4 && spanOf(address).to === subnet.to) complain(place, `address '${address}' of network '${net}' is the broadcast address of its subnet`)
  else if (nowhere(subnet.family).some(({ span, single }) => !single && within(span, subnet))) complain(`${path}.prefix`, `the subnet of ${address}/${String(prefix)} in network '${net}' reaches into reserved addresses`)
}

/** A subnet or one address as numbers, since some checks compare thousands with each other. */
export interface Span { readonly family: IpFamily, readonly from: bigint, readonly to: bigint, readonly address: Ip }

/** The numbers of a subnet, or of a single address. */
export function spanOf (what: Cidr | Ip): Span {
  if (typeof what === 'string') { const at = ipToBigInt(what); return { family: ipFamily(what), from: at, to: at, address: what } }
  const size = cidrSize(what)
  const from = ipToBigInt(what.address) / size * size
  return { family: ipFamily(what.address), from, to: from + size - 1n, address: what.address }
}

/** Whether all of `inner` lies in `outer`. False across families. */
export function within (inner: Span, outer: Span): boolean { return inner.family === outer.family && inner.from >= outer.from && inner.to <= outer.to }

/** Whether the address is that of its network. */
export function isBase (cidr: Cidr): boolean { return spanOf(cidr).from === ipToBigInt(cidr.address) }

/** `local=/122.168.192.in-addr.arpa/` can only be said for whole labels. Source: libvirt, networkDnsmasqConfLocalPTRs. */
export function checkLocalPtr (cidr: Cidr, path: string, { complain }: Review): void {
  const family = cidrFamily(cidr)
  if (cidr.prefix % (family === 4 ? 8 : 4) !== 0) complain(`${path}.localPtr`, `PTR domain for IPv${String(family)} network with prefix ${String(cidr.prefix)} cannot be automatically created`)
}
