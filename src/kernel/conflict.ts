/**
 * Does a subnet that a network wants lie where the host already reaches somebody else? Pure.
 *
 * libvirt compares with equal IPv4 prefixes of table main only; a subnet inside of, or around, a VPN's is then a black hole for the host.
 */
import type { RouteState } from './route.js'
import { parseCidr } from '../values/cidr.js'
import { readIp } from '../values/ip.js'

/** A wanted subnet and the route in its way. */
export interface Conflict {
  /** As it was asked for: `192.168.122.0/24`. */
  readonly wanted: string
  readonly route: RouteState
  /** The route is to the same subnet, to a part of it, or to one that holds it. */
  readonly overlap: 'same' | 'part' | 'whole'
}

interface Prefix { readonly bytes: Uint8Array, readonly length: number }

/** Where nobody's subnet is: loopback, link-local, multicast and broadcast. RFC 6890, RFC 4291. */
const exempt: readonly Prefix[] = ['127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::1/128', 'fe80::/10', 'ff00::/8'].map(prefixOf)

/**
 * Default routes, also in the halves and quarters that VPN clients prefer (0.0.0.0/1 and 128.0.0.0/1, 2000::/3): they lead to everywhere, so
 * everything lies inside. Source: openvpn(8), redirect-gateway def1.
 */
const WIDEST = { 4: 1, 16: 3 } as const

/** They throw packets away and so have nobody behind them; a more precise route inside is what they are made for. */
const sinks: ReadonlySet<string> = new Set(['blackhole', 'unreachable', 'prohibit', 'throw'])

/** Every overlap of the wanted subnets with routes, those with the host's own addresses last: the route to their subnet says more. Throws InputError on text that is no subnet. */
export function conflicts (wanted: readonly string[], routes: readonly RouteState[], own: ReadonlySet<number>): Conflict[] {
  const overlaps = overlapFinder(wanted)
  return routes.flatMap((route) => route.dev !== undefined && own.has(route.dev) ? [] : overlaps(route)).sort(hostsLast)
}

/** For `sort`: overlaps with the host's own addresses come last. */
export const hostsLast = (a: Conflict, b: Conflict): number => Number(a.route.type === 'local') - Number(b.route.type === 'local')

/**
 * Asks route by route, whatever the number of wanted subnets: they are indexed by their prefixes, so hundreds against 10,000 routes cost milliseconds.
 * Throws InputError on text that is no subnet.
 */
export function overlapFinder (wanted: readonly string[]): (route: RouteState) => Conflict[] {
  const asked = wanted.map((text) => ({ text, prefix: prefixOf(text) }))
  const lengths = [...new Set(asked.map(({ prefix }) => prefix.length))]
  const indexes = new Map<number, ReadonlyMap<string, readonly Asked[]>>()
  const sharing = (prefix: Prefix, length: number): readonly Asked[] => {
    const index = indexes.get(length) ?? byBits(asked, length)
    indexes.set(length, index)
    return index.get(bitsOf(prefix, length)) ?? []
  }
  return (route) => {
    if (asked.length === 0 || route.type === 'broadcast' || route.type === 'multicast') return []
    const prefix = prefixOf(route.destination)
    if (prefix.length <= (prefix.bytes.length === 4 ? WIDEST[4] : WIDEST[16]) || exempt.some((one) => covers(one, prefix))) return []
    const around = lengths.filter((length) => length < prefix.length).flatMap((length) => sharing(prefix, length).filter((one) => one.prefix.length === length))
    return [...sharing(prefix, prefix.length), ...around].flatMap(({ text, prefix: { length } }) => {
      const overlap = length === prefix.length ? 'same' : length < prefix.length ? 'part' : 'whole'
      return overlap === 'whole' && sinks.has(route.type) ? [] : [{ wanted: text, route, overlap }]
    })
  }
}

interface Asked { readonly text: string, readonly prefix: Prefix }

/** Those of at least that length, by their first `length` bits. */
function byBits (asked: readonly Asked[], length: number): ReadonlyMap<string, readonly Asked[]> {
  const index = new Map<string, Asked[]>()
  for (const one of asked) {
    if (one.prefix.length < length) continue
    const key = bitsOf(one.prefix, length)
    const siblings = index.get(key)
    if (siblings === undefined) index.set(key, [one])
    else siblings.push(one)
  }
  return index
}

/** The first `length` bits as a key; addresses of different families differ in their lengths. */
function bitsOf ({ bytes }: Prefix, length: number): string {
  let key = `${bytes.length}:`
  for (let i = 0; i < length; i += 8) key += String.fromCharCode(length - i >= 8 ? bytes[i >> 3] ?? 0 : (bytes[i >> 3] ?? 0) >> (8 - (length - i)))
  return key
}

/** `192.168.122.0/24 is part of 192.168.0.0/16, which the host reaches by tun0 (table 254)`. `names` are of links, by index. */
export function describeConflict ({ wanted, route, overlap }: Conflict, names: ReadonlyMap<number, string>): string {
  const relation = { same: 'is the same as', part: 'holds', whole: 'is part of' }[overlap]
  const dev = route.dev === undefined ? undefined : names.get(route.dev) ?? `link ${String(route.dev)}`
  const by = route.type === 'local' ? `an address of the host on ${dev ?? 'no device'}` : dev === undefined ? `a route of type ${route.type}` : `which the host reaches by ${dev}`
  return `${wanted} ${relation} ${route.destination}, ${by} (table ${String(route.table)})`
}

function prefixOf (text: string): Prefix {
  const slash = text.indexOf('/')
  const bytes = readIp(text.slice(0, slash))
  // What the kernel sends is well formed; what people write is checked, with the complaint that belongs to it.
  if (bytes === undefined || slash < 0) return prefixOf(plain(text))
  return { bytes, length: Number(text.slice(slash + 1)) }
}

function plain (text: string): string {
  const { address, prefix } = parseCidr(text)
  return `${address}/${String(prefix)}`
}

function covers (outer: Prefix, inner: Prefix): boolean {
  if (outer.bytes.length !== inner.bytes.length || outer.length > inner.length) return false
  const whole = outer.length >> 3
  for (let i = 0; i < whole; i++) if (outer.bytes[i] !== inner.bytes[i]) return false
  const rest = outer.length & 7
  if (rest === 0) return true
  return ((outer.bytes[whole] ?? 0) ^ (inner.bytes[whole] ?? 0)) >> (8 - rest) === 0
}
