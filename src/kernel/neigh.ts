/** What the kernel has learned about guests: their addresses behind a bridge and its ports. Read only: the kernel learns by itself. */
import { AF_INET, AF_INET6 } from '../netlink/rtnl/addr.js'
import { dumpFdb, dumpNeighs, NUD_FAILED, NUD_INCOMPLETE, NUD_PERMANENT } from '../netlink/rtnl/neigh.js'
import type { Transport } from '../netlink/transport.js'

/** A host that was seen on a link. */
export interface Neighbour { readonly index: number, readonly ip: string, readonly mac: string }

/** `ip neigh show dev INDEX`: those whose MAC is known. Throws KernelError. */
export async function readNeighbours (transport: Transport, index: number): Promise<Neighbour[]> {
  const found = await dumpNeighs(transport, { ifindex: index })
  return found.flatMap(({ family, dst, lladdr, state = 0 }) =>
    dst !== undefined && lladdr !== undefined && (family === AF_INET || family === AF_INET6) && (state & (NUD_FAILED | NUD_INCOMPLETE)) === 0 ? [{ index, ip: dst, mac: lladdr }] : [])
}

/** A MAC and the port of a bridge behind which it was seen. */
export interface Learned { readonly mac: string, readonly port: number }

/** `bridge fdb show br BRIDGE`, without the bridge's own addresses. `bridge` and `port` are indexes. Throws KernelError. */
export async function readLearned (transport: Transport, bridge: number): Promise<Learned[]> {
  const found = await dumpFdb(transport, { master: bridge })
  return found.flatMap(({ lladdr, ifindex = 0, state = 0 }) => lladdr === undefined || (state & NUD_PERMANENT) !== 0 ? [] : [{ mac: lladdr, port: ifindex }])
}
