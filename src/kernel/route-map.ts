/**
 * Where the host's routes lead, by prefix: what is in the way of a subnet is found without looking at all of them. Pure; fed with messages of the kernel,
 * a dump first and then what changes (see routes.ts).
 *
 * It may hold routes that are gone: the kernel does not tell of the IPv4 routes that it drops with a link that goes down (net/ipv4/fib_frontend.c,
 * fib_disable_ip()). It lacks none: so what it calls free is free, and what it calls taken is to be looked up again.
 */
import { hostOrder } from '../bytes/writer.js'
import { AF_INET, AF_INET6 } from '../netlink/rtnl/addr.js'
import { route, RTM_F_CLONED, rtmsg } from '../netlink/rtnl/route.js'
import type { Message } from '../netlink/header.js'
import type { Cidr } from '../values/cidr.js'
import { ipFromBytes, ipToBytes, type IpFamily } from '../values/ip.js'
import { routeTypes, type RouteState } from './route.js'

/** One route: what tells it from others with its prefix, and what it says. */
interface Way { readonly table: number, readonly dev: number, readonly metric: number, readonly type: number, readonly tos: number, readonly protocol: number }
/** All routes to one prefix. Addresses are strings of a character a byte: they sort as numbers do. */
interface Place { readonly from: string, readonly length: number, readonly ways: Way[] }

const { oif, priority, table: longTable, dst } = route.table
const HEADER = rtmsg.size
const BROADCAST = 3
const MULTICAST = 5

const read16 = (data: Buffer, at: number): number => hostOrder.little ? data.readUInt16LE(at) : data.readUInt16BE(at)
const read32 = (data: Buffer, at: number): number => hostOrder.little ? data.readUInt32LE(at) : data.readUInt32BE(at)

export class RouteMap {
  readonly #families: Readonly<Record<IpFamily, Family>> = { 4: new Family(4), 6: new Family(16) }

  /** Takes in RTM_NEWROUTE or RTM_DELROUTE. What no subnet can collide with is left out: default routes, broadcast, multicast, IPv6 link-local. */
  apply ({ type, payload }: Pick<Message, 'type' | 'payload'>): void {
    if (payload.length < HEADER || (type !== route.types.new && type !== route.types.del)) return
    const kind = payload[7] ?? 0
    const length = payload[1] ?? 0
    if (kind === BROADCAST || kind === MULTICAST || length <= 1 || (read32(payload, 8) & RTM_F_CLONED) !== 0) return
    const six = payload[0] === AF_INET6
    if (!six && payload[0] !== AF_INET) return
    let [from, dev, metric, table] = ['', 0, 0, payload[4] ?? 0]
    // Read in place: a start may meet thousands.
    for (let at = HEADER; at + 4 <= payload.length;) {
      const size = read16(payload, at)
      if (size < 4) break
      const number = read16(payload, at + 2) & 0x3fff
      if (number === dst.number) from = payload.toString('latin1', at + 4, at + size)
      else if (number === oif.number) dev = read32(payload, at + 4)
      else if (number === priority.number) metric = read32(payload, at + 4)
      else if (number === longTable.number) table = read32(payload, at + 4)
      at += (size + 3) & ~3
    }
    const family = this.#families[six ? 6 : 4]
    if (from.length !== family.bytes || (six && isLocal(from))) return
    const way = { table, dev, metric, type: kind, tos: payload[3] ?? 0, protocol: payload[5] ?? 0 }
    if (type === route.types.new) family.add(from, length, way)
    else family.remove(from, length, way)
  }

  /** How many prefixes it knows. */
  get size (): number { return this.#families[4].size + this.#families[6].size }

  /** The routes to a subnet, to parts of it and to what holds it. */
  overlapping (subnet: Cidr): RouteState[] {
    const from = bytesOf(subnet)
    return this.#families[from.length === 4 ? 4 : 6].overlapping(from, subnet.prefix).flatMap(statesOf)
  }

  /** The last address of the first prefix known to overlap with the one of `prefix` bits at `from` (an address as bytes); undefined where it is free. */
  obstacle (from: Uint8Array, prefix: number): Uint8Array | undefined {
    const found = this.#families[from.length === 4 ? 4 : 6].first(text(from), prefix)
    return found === undefined ? undefined : Buffer.from(lastOf(found.from, found.length), 'latin1')
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const bytesOf = ({ address, prefix }: Cidr): string => masked(text(ipToBytes(address)), prefix)

const LOOPBACK = '\x01'.padStart(16, '\0')

/** fe80::/10, ff00::/8, ::1. Every link has some. */
function isLocal (from: string): boolean {
  const first = from.charCodeAt(0)
  return first === 0xff || (first === 0xfe && (from.charCodeAt(1) & 0xc0) === 0x80) || from === LOOPBACK
}

function masked (from: string, length: number): string {
  const whole = length >> 3
  const rest = length & 7
  const edge = rest === 0 ? '' : String.fromCharCode(from.charCodeAt(whole) & (0xff00 >> rest & 0xff))
  return (from.slice(0, whole) + edge).padEnd(from.length, '\0')
}

function lastOf (from: string, length: number): string {
  const whole = length >> 3
  const rest = length & 7
  const edge = rest === 0 ? '' : String.fromCharCode(from.charCodeAt(whole) | 0xff >> rest)
  return (from.slice(0, whole) + edge).padEnd(from.length, '\xff')
}

function statesOf ({ from, length, ways }: Place): RouteState[] {
  const destination = `${ipFromBytes(Buffer.from(from, 'latin1'))}/${String(length)}`
  return ways.map(({ table, dev, metric, type, protocol }) => ({ destination, table, type: routeTypes[type] ?? 'unspec', protocol, metric, ...dev === 0 ? {} : { dev } }))
}

const same = (a: Way, b: Way): boolean => a.table === b.table && a.dev === b.dev && a.metric === b.metric && a.type === b.type && a.tos === b.tos

/** The prefixes of one family: sorted by where they begin, the shorter first, and by name. */
class Family {
  readonly bytes: number
  removals = 0
  readonly #places = new Map<string, Place>()
  #sorted: Place[] = []
  /** Added since the last sort. */
  #fresh: Place[] = []
  /** By length, how many have it. */
  readonly #lengths: number[] = []

  constructor (bytes: number) { this.bytes = bytes }

  get size (): number { return this.#places.size }

  add (from: string, length: number, way: Way): void {
    const key = from + String.fromCharCode(length)
    const place = this.#places.get(key)
    if (place !== undefined) {
      if (!place.ways.some((other) => same(other, way))) place.ways.push(way)
      return
    }
    const made = { from, length, ways: [way] }
    this.#places.set(key, made)
    this.#lengths[length] = (this.#lengths[length] ?? 0) + 1
    this.#fresh.push(made)
  }

  remove (from: string, length: number, way: Way): void {
    const key = from + String.fromCharCode(length)
    const place = this.#places.get(key)
    const at = place?.ways.findIndex((other) => same(other, way)) ?? -1
    if (place === undefined || at < 0) return
    this.removals++
    place.ways.splice(at, 1)
    if (place.ways.length > 0) return
    this.#places.delete(key)
    this.#lengths[length] = (this.#lengths[length] ?? 1) - 1
    const sorted = this.#order()
    const index = position(sorted, place)
    if (sorted[index] === place) sorted.splice(index, 1)
  }

  /** A few are put in their places; many are sorted with the others. */
  #order (): Place[] {
    if (this.#fresh.length > 64) this.#sorted = this.#sorted.concat(this.#fresh).sort(compare)
    else for (const place of this.#fresh) this.#sorted.splice(position(this.#sorted, place), 0, place)
    if (this.#fresh.length > 0) this.#fresh = []
    return this.#sorted
  }

  #around (from: string, length: number): Place[] {
    const found: Place[] = []
    for (let shorter = 0; shorter < length; shorter++) {
      if ((this.#lengths[shorter] ?? 0) === 0) continue
      const place = this.#places.get(masked(from, shorter) + String.fromCharCode(shorter))
      if (place !== undefined) found.push(place)
    }
    return found
  }

  overlapping (from: string, length: number): Place[] {
    const found = this.#around(from, length)
    const sorted = this.#order()
    const last = lastOf(from, length)
    for (let i = position(sorted, { from, length }); i < sorted.length; i++) {
      const place = sorted[i]
      if (place === undefined || place.from > last) break
      found.push(place)
    }
    return found
  }

  first (from: string, length: number): Place | undefined {
    const [around] = this.#around(from, length)
    if (around !== undefined) return around
    const sorted = this.#order()
    const place = sorted[position(sorted, { from, length })]
    return place !== undefined && place.from <= lastOf(from, length) ? place : undefined
  }
}

type Key = Pick<Place, 'from' | 'length'>
const compare = (a: Key, b: Key): number => a.from < b.from ? -1 : a.from > b.from ? 1 : a.length - b.length

/** Where a prefix is, or would be. */
function position (sorted: readonly Place[], key: Key): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = low + high >> 1
    const other = sorted[middle]
    if (other !== undefined && compare(other, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
