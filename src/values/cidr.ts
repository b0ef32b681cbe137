/** Addresses with a prefix length: `192.168.122.1/24`. */
import { InputError } from '../errors.js'
import { ipBits, ipFamily, ipFromBigInt, ipToBigInt, parseIp, type Ip, type IpFamily } from './ip.js'

/** An address and how many of its leading bits name the network. The address may be any of the network, such as a gateway's. */
export interface Cidr { readonly address: Ip, readonly prefix: number }

const refusal = (message: string, path: string | undefined): InputError => new InputError([path === undefined ? { message } : { message, path }])

/** Reads `ADDRESS/PREFIX`. Bits behind the prefix may be set. `path` is the place named in the complaint. Throws InputError. */
export function parseCidr (text: string, path?: string): Cidr {
  const slash = text.indexOf('/')
  const digits = text.slice(slash + 1)
  if (slash < 0 || !/^(?:0|[1-9]\d{0,2})$/.test(digits)) throw refusal(`${JSON.stringify(text)} is not an address with a prefix length such as 192.168.122.1/24`, path)
  return cidrOf(parseIp(text.slice(0, slash), path), Number(digits), path)
}

/** Puts an address and a prefix length together. Throws InputError where the length does not fit the family. */
export function cidrOf (address: Ip, prefix: number, path?: string): Cidr {
  const bits = ipBits(ipFamily(address))
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) throw refusal(`prefix length ${String(prefix)} of ${address} is not between 0 and ${String(bits)}`, path)
  return { address, prefix }
}

/** `192.168.122.1/24`. */
export function formatCidr ({ address, prefix }: Cidr): string { return `${address}/${String(prefix)}` }

/** 4 or 6. */
export function cidrFamily ({ address }: Cidr): IpFamily { return ipFamily(address) }

/** How many addresses the network has, its own and the broadcast address included. */
export function cidrSize (cidr: Cidr): bigint { return 1n << BigInt(ipBits(cidrFamily(cidr)) - cidr.prefix) }

function start (cidr: Cidr): bigint {
  const size = cidrSize(cidr)
  return ipToBigInt(cidr.address) / size * size
}

/** The network itself: `192.168.122.1/24` to `192.168.122.0/24`. */
export function network (cidr: Cidr): Cidr { return { address: ipFromBigInt(start(cidr), cidrFamily(cidr)), prefix: cidr.prefix } }

/** The last address; for IPv4 the broadcast address. */
export function broadcast (cidr: Cidr): Ip { return ipFromBigInt(start(cidr) + cidrSize(cidr) - 1n, cidrFamily(cidr)) }

/** Whether the address, or every address of the network, lies in `outer`. False across families. */
export function contains (outer: Cidr, inner: Ip | Cidr): boolean {
  const { address, prefix } = typeof inner === 'string' ? { address: inner, prefix: ipBits(ipFamily(inner)) } : inner
  if (ipFamily(address) !== cidrFamily(outer) || prefix < outer.prefix) return false
  const offset = ipToBigInt(address) - start(outer)
  return offset >= 0n && offset < cidrSize(outer)
}

/** Whether the two networks share an address. False across families. */
export function overlaps (a: Cidr, b: Cidr): boolean { return a.prefix <= b.prefix ? contains(a, b) : contains(b, a) }

/** `24` to `255.255.255.0`. Throws InputError where the length does not fit the family. */
export function prefixToNetmask (prefix: number, family: IpFamily = 4): Ip {
  const bits = ipBits(family)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) throw refusal(`prefix length ${String(prefix)} is not between 0 and ${String(bits)}`, undefined)
  const all = (1n << BigInt(bits)) - 1n
  return ipFromBigInt(all ^ (all >> BigInt(prefix)), family)
}

/** `255.255.255.0` to `24`. Throws InputError where the ones do not all come first. */
export function netmaskToPrefix (mask: Ip, path?: string): number {
  const bits = ipBits(ipFamily(mask))
  const ones = ipToBigInt(mask).toString(2).padStart(bits, '0')
  const prefix = ones.indexOf('0') < 0 ? bits : ones.indexOf('0')
  if (ones.includes('1', prefix)) throw refusal(`${mask} is not a netmask`, path)
  return prefix
}

/**
 * The addresses that hosts may have: without the first and, for IPv4, the last. Networks of one or two addresses
 * (/31 and /32, RFC 3021; /127 and /128, RFC 6164) have no such reserved addresses.
 */
export function hosts (cidr: Cidr): { readonly first: Ip, readonly last: Ip, readonly count: bigint } {
  const family = cidrFamily(cidr)
  const size = cidrSize(cidr)
  const from = start(cidr) + (size <= 2n ? 0n : 1n)
  const to = start(cidr) + size - (size <= 2n || family === 6 ? 1n : 2n)
  return { first: ipFromBigInt(from, family), last: ipFromBigInt(to, family), count: to - from + 1n }
}

/** The address at `offset` from the network's own: 1 is the first host. Throws InputError where that is outside of the network. */
export function addressAt (cidr: Cidr, offset: number | bigint): Ip {
  const wanted = BigInt(offset)
  if (wanted < 0n || wanted >= cidrSize(cidr)) throw refusal(`${formatCidr(network(cidr))} has no address number ${String(wanted)}`, undefined)
  return ipFromBigInt(start(cidr) + wanted, cidrFamily(cidr))
}
