/** Neighbours (ARP, NDP) and the forwarding database of bridges. Source: include/uapi/linux/neighbour.h; net/core/neighbour.c, net/bridge/br_fdb.c. */
import { ip, lladdr } from '../../bytes/address.js'
import { be16, bytes, s32, u16, u32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr, nest } from '../attr.js'
import { mapSlowly } from '../breathe.js'
import { dump } from '../call.js'
import { family, type MessageOf } from '../family.js'
import { NLM_F_BULK } from '../header.js'
import type { Request } from '../request.js'
import type { Transport } from '../transport.js'
import { AF_BRIDGE } from './addr.js'

/** The kernel asks the neighbour, as if it had something to send. */
export const NTF_USE = 0x01
/** The entry is of the device itself (`bridge fdb … self`). */
export const NTF_SELF = 0x02
/** The entry is of the bridge that the device is a port of (`bridge fdb … master`). */
export const NTF_MASTER = 0x04
export const NTF_PROXY = 0x08
export const NTF_EXT_LEARNED = 0x10
export const NTF_STICKY = 0x40
export const NTF_ROUTER = 0x80
export const NUD_INCOMPLETE = 0x01
export const NUD_REACHABLE = 0x02
export const NUD_STALE = 0x04
export const NUD_DELAY = 0x08
export const NUD_PROBE = 0x10
export const NUD_FAILED = 0x20
/** On an FDB entry: static, it does not age but may be moved. */
export const NUD_NOARP = 0x40
/** On an FDB entry: local, one of the bridge's own addresses. */
export const NUD_PERMANENT = 0x80

/** `family` is AF_BRIDGE for the forwarding database. */
export const ndmsg = struct('ndmsg', 12, { family: [0, u8], ifindex: [4, s32], state: [8, u16], flags: [10, u8], type: [11, u8] })
interface NeighHeader { family: number, ifindex: number, state: number, flags: number, type: number }

/** Ages in hundredths of a second. Source: struct nda_cacheinfo. */
export const ndaCacheinfo = struct('nda_cacheinfo', 16, { confirmed: [0, u32], used: [4, u32], updated: [8, u32], refcnt: [12, u32] })

/** Source: NFEA_*. */
export const fdbExtAttrs = nest({ activityNotify: attr('NFEA_ACTIVITY_NOTIFY', 1, u8), dontRefresh: attr('NFEA_DONT_REFRESH', 2, bytes) })

/** A neighbour or FDB entry, decoded or to be encoded. */
export type NeighMessage = MessageOf<NeighHeader, typeof neigh.table>

/** `ip neigh add|del|show`, and with family AF_BRIDGE `bridge fdb add|del|show`. `port` is in network order; `master` is an index. */
export const neigh = family('NEIGH', { new: 28, del: 29, get: 30 }, ndmsg, {
  dst:          attr('NDA_DST', 1, ip),
  lladdr:       attr('NDA_LLADDR', 2, lladdr),
  cacheinfo:    attr('NDA_CACHEINFO', 3, ndaCacheinfo),
  probes:       attr('NDA_PROBES', 4, u32),
  vlan:         attr('NDA_VLAN', 5, u16),
  port:         attr('NDA_PORT', 6, be16),
  vni:          attr('NDA_VNI', 7, u32),
  viaIfindex:   attr('NDA_IFINDEX', 8, u32),
  master:       attr('NDA_MASTER', 9, u32),
  linkNetnsid:  attr('NDA_LINK_NETNSID', 10, s32),
  srcVni:       attr('NDA_SRC_VNI', 11, u32),
  protocol:     attr('NDA_PROTOCOL', 12, u8),
  nhId:         attr('NDA_NH_ID', 13, u32),
  fdbExtAttrs:  attr('NDA_FDB_EXT_ATTRS', 14, fdbExtAttrs),
  flagsExt:     attr('NDA_FLAGS_EXT', 15, u32),
  ndmStateMask: attr('NDA_NDM_STATE_MASK', 16, u16),
  ndmFlagsMask: attr('NDA_NDM_FLAGS_MASK', 17, u8),
})

/** What `dumpNeighs` and `dumpFdb` may be asked for, both by index. */
export interface NeighFilter { readonly ifindex?: number, readonly master?: number }

/** `ip neigh show [dev IFINDEX] [vrf MASTER] [-4|-6]`. Throws as `dump`. */
export async function dumpNeighs (transport: Transport, filter: NeighFilter & { readonly family?: number } = {}): Promise<NeighMessage[]> {
  const { family = 0, ifindex, master } = filter
  // A dump takes the index as an attribute; in the header it is refused.
  const request = neigh.dump({ family, ...(ifindex === undefined ? {} : { viaIfindex: ifindex }), ...(master === undefined ? {} : { master }) })
  return (await entries(transport, request)).filter((entry) => (family === 0 || entry.family === family) && (ifindex === undefined || entry.ifindex === ifindex))
}

/** `bridge fdb show [br MASTER] [dev IFINDEX]`; with `master`, what that bridge keeps, without the entries of its ports themselves (`self`). Throws as `dump`. */
export async function dumpFdb (transport: Transport, filter: NeighFilter = {}): Promise<NeighMessage[]> {
  const { ifindex, master } = filter
  const request = neigh.dump({ family: AF_BRIDGE, ...(ifindex === undefined ? {} : { ifindex }), ...(master === undefined ? {} : { master }) })
  return (await entries(transport, request)).filter((entry) =>
    entry.family === AF_BRIDGE && (ifindex === undefined || entry.ifindex === ifindex) && (master === undefined || entry.master === master))
}

/** `bridge fdb flush dev BRIDGE self`, by index: all that the bridge keeps, permanent entries and that of its own MAC too. Kernels before 5.19 refuse it (EINVAL). */
export function flushFdb (index: number, object: string): Request {
  return { ...neigh.remove({ family: AF_BRIDGE, ifindex: index, flags: NTF_SELF }, object), flags: NLM_F_BULK }
}

async function entries (transport: Transport, request: ReturnType<typeof neigh.dump>): Promise<NeighMessage[]> {
  const found = await dump(transport, request)
  return await mapSlowly(found.filter(({ type }) => type === neigh.types.new), (message) => neigh.decode(message))
}
