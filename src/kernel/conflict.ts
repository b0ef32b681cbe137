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

/**
 * Every overlap of a wanted subnet with a route, those with the host's own addresses last: the route to their subnet says more. Routes by a device
 * of `own` (indexes) are ours. Each route is read once and compared bytewise, so 10,000 routes cost milliseconds.
 */
export function conflicts (wanted: readonly string[], routes: readonly RouteState[], own: ReadonlySet<number>): Conflict[] {
  const asked = wanted.map((text) => ({ text, prefix: prefixOf(text) }))
  if (asked.length === 0) return []
  const found: Conflict[] = []
  for (const route of routes) {
    if (route.type === 'broadcast' || route.type === 'multicast' || (route.dev !== undefined && own.has(route.dev))) continue
    const prefix = prefixOf(route.destination)
    if (prefix.length <= (prefix.bytes.length === 4 ? WIDEST[4] : WIDEST[16]) || exempt.some((one) => covers(one, prefix))) continue
    for (const { text, prefix: mine } of asked) {
      const overlap = overlapOf(mine, prefix)
      if (overlap === undefined || (overlap === 'whole' && sinks.has(route.type))) continue
      found.push({ wanted: text, route, overlap })
    }
  }
  return found.sort((a, b) => Number(a.route.type === 'local') - Number(b.route.type === 'local'))
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

function overlapOf (mine: Prefix, theirs: Prefix): Conflict['overlap'] | undefined {
  if (mine.length === theirs.length) return covers(mine, theirs) ? 'same' : undefined
  if (mine.length < theirs.length) return covers(mine, theirs) ? 'part' : undefined
  return covers(theirs, mine) ? 'whole' : undefined
}

function covers (outer: Prefix, inner: Prefix): boolean {
  if (outer.bytes.length !== inner.bytes.length || outer.length > inner.length) return false
  const whole = outer.length >> 3
  for (let i = 0; i < whole; i++) if (outer.bytes[i] !== inner.bytes[i]) return false
  const rest = outer.length & 7
  if (rest === 0) return true
  return ((outer.bytes[whole] ?? 0) ^ (inner.bytes[whole] ?? 0)) >> (8 - rest) === 0
}
