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
import { ipFromBytes, type IpFamily } from '../values/ip.js'
import { PrefixMap, startOf, type Obstacles, type Place } from '../values/prefix-map.js'
import { routeTypes, type RouteState } from './route.js'

/** One route: what tells it from others with its prefix, and what it says. */
interface Way { readonly table: number, readonly dev: number, readonly metric: number, readonly type: number, readonly tos: number, readonly protocol: number }

const { oif, priority, table: longTable, dst } = route.table
const HEADER = rtmsg.size
const BROADCAST = 3
const MULTICAST = 5

const read16 = (data: Buffer, at: number): number => hostOrder.little ? data.readUInt16LE(at) : data.readUInt16BE(at)
const read32 = (data: Buffer, at: number): number => hostOrder.little ? data.readUInt32LE(at) : data.readUInt32BE(at)

export class RouteMap {
  readonly #families: Readonly<Record<IpFamily, PrefixMap<Way>>> = { 4: new PrefixMap(same), 6: new PrefixMap(same) }

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
    if (from.length !== (six ? 16 : 4) || (six && isLocal(from))) return
    const way = { table, dev, metric, type: kind, tos: payload[3] ?? 0, protocol: payload[5] ?? 0 }
    if (type === route.types.new) family.add(from, length, way)
    else family.remove(from, length, way)
  }

  /** How many prefixes it knows. */
  get size (): number { return this.#families[4].size + this.#families[6].size }

  /** The routes to a subnet, to parts of it and to what holds it. */
  overlapping (subnet: Cidr): RouteState[] {
    const from = startOf(subnet)
    return this.#families[from.length === 4 ? 4 : 6].overlapping(from, subnet.prefix).flatMap(statesOf)
  }

  /** Prefixes with a route. */
  prefixes (family: IpFamily): Obstacles { return this.#families[family] }
}

const LOOPBACK = '\x01'.padStart(16, '\0')

/** fe80::/10, ff00::/8, ::1. Every link has some. */
function isLocal (from: string): boolean {
  const first = from.charCodeAt(0)
  return first === 0xff || (first === 0xfe && (from.charCodeAt(1) & 0xc0) === 0x80) || from === LOOPBACK
}

function statesOf ({ from, length, items }: Place<Way>): RouteState[] {
  const destination = `${ipFromBytes(Buffer.from(from, 'latin1'))}/${String(length)}`
  return items.map(({ table, dev, metric, type, protocol }) => ({ destination, table, type: routeTypes[type] ?? 'unspec', protocol, metric, ...dev === 0 ? {} : { dev } }))
}

const same = (a: Way, b: Way): boolean => a.table === b.table && a.dev === b.dev && a.metric === b.metric && a.type === b.type && a.tos === b.tos
