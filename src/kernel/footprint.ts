/** All that layer 3 keeps about a link: addresses, routes and neighbours, as the kernel's own messages, so that they can be put back byte for byte. */
import { dump } from '../netlink/call.js'
import type { Message } from '../netlink/header.js'
import { addr, AF_INET, AF_INET6, IFA_F_DADFAILED, IFA_F_NOPREFIXROUTE, type AddrMessage } from '../netlink/rtnl/addr.js'
import { neigh, NTF_PROXY, NUD_NOARP, type NeighMessage } from '../netlink/rtnl/neigh.js'
import { dumpRoutes, route, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL, type RouteMessage } from '../netlink/rtnl/route.js'
import type { Transport } from '../netlink/transport.js'
import { cidrOf, network } from '../values/cidr.js'
import { parseIp } from '../values/ip.js'

/** Plain JSON: it is written down before anything is changed. Messages are the payloads of the kernel's answers, in hexadecimal, in the kernel's order. */
export interface Footprint {
  /** When it was read, milliseconds of CLOCK_MONOTONIC: lifetimes run on. */
  readonly at: number
  readonly addresses: readonly string[]
  /** Every table's but local, which the kernel keeps by itself. */
  readonly routes: readonly string[]
  readonly neighbours: readonly string[]
}

/** The same, to be looked at. */
export interface Belongings {
  readonly addresses: readonly AddrMessage[]
  readonly routes: readonly RouteMessage[]
  readonly neighbours: readonly NeighMessage[]
}

/** Milliseconds of CLOCK_MONOTONIC, the same in every process of this boot. */
export const monotonic = (): number => Math.round(Number(process.hrtime.bigint() / 1_000_000n))

/** `ip addr show dev X`, `ip route show table all dev X` with multipath ones, `ip neigh show dev X` with proxies. `index` is the link's. Throws KernelError. */
export async function readFootprint (transport: Transport, index: number): Promise<Footprint> {
  const addresses = await dump(transport, addr.dump({ index }))
  const routes = [...await dump(transport, route.dump({ family: AF_INET })), ...await dump(transport, route.dump({ family: AF_INET6 }))]
  const neighbours = [...await dump(transport, neigh.dump({ viaIfindex: index })), ...await dump(transport, neigh.dump({ viaIfindex: index, flags: NTF_PROXY }))]
  return {
    at: monotonic(),
    addresses: chosen(addresses, addr, (message) => message.index === index && ((message.flags ?? 0) & IFA_F_DADFAILED) === 0),
    routes: chosen(routes, route, (message) => isThrough(message, index) && tableOf(message) !== RT_TABLE_LOCAL),
    neighbours: chosen(neighbours, neigh, ({ ifindex, family, dst, lladdr, state = 0, flags = 0 }) => ifindex === index && (family === AF_INET || family === AF_INET6) && dst !== undefined &&
      ((flags & NTF_PROXY) !== 0 || (lladdr !== undefined && (state & NUD_NOARP) === 0))),
  }
}

interface Decoder<T> { readonly types: { readonly new: number }, decode (message: Pick<Message, 'type' | 'payload'>): T }

function chosen<T> (messages: readonly Message[], family: Decoder<T>, wanted: (message: T) => boolean): string[] {
  return messages.filter((message) => message.type === family.types.new && wanted(family.decode(message))).map(({ payload }) => payload.toString('hex'))
}

const read = <T>(texts: readonly string[], family: Decoder<T>): T[] => texts.map((text) => family.decode({ type: family.types.new, payload: Buffer.from(text, 'hex') }))

/** Throws DecodeError. */
export function belongings ({ addresses, routes, neighbours }: Footprint): Belongings {
  return { addresses: read(addresses, addr), routes: read(routes, route), neighbours: read(neighbours, neigh) }
}

/** Every route of both families, in the kernel's order. */
export async function allRoutes (transport: Transport): Promise<RouteMessage[]> {
  return [...await dumpRoutes(transport, { family: AF_INET }), ...await dumpRoutes(transport, { family: AF_INET6 })]
}

export const tableOf = ({ table, shortTable = RT_TABLE_MAIN }: RouteMessage): number => table ?? shortTable

/** Whether packets of a route leave by the link: all of them, or those of one of its ways. */
export function isThrough ({ oif, multipath = [] }: RouteMessage, index: number): boolean {
  return oif === index || multipath.some(({ ifindex }) => ifindex === index)
}

/** The route to an address's prefix, which comes and goes with the address. */
export function isAutomatic ({ family, protocol, dst, dstLen }: RouteMessage, addresses: readonly AddrMessage[]): boolean {
  return protocol === RTPROT_KERNEL && addresses.some((one) => {
    const { address, prefixlen = 0, flags = 0 } = one
    if (one.family !== family || address === undefined || dst === undefined || prefixlen !== dstLen || (flags & IFA_F_NOPREFIXROUTE) !== 0) return false
    return network(cidrOf(parseIp(address), prefixlen)).address === dst
  })
}
