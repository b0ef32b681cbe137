/**
 * How neighbours are looked for on each link: what /proc/sys/net/{ipv4,ipv6}/neigh/DEV shows.
 * Source: include/uapi/linux/neighbour.h, NDTA_*, NDTPA_*; net/core/neighbour.c, neightbl_set() and neightbl_fill_parms().
 */
import { bytes, string, u16, u32, u64, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr, nest } from '../attr.js'
import { family, type MessageOf } from '../family.js'
import type { Request } from '../request.js'

export const ndtmsg = struct('ndtmsg', 4, { family: [0, u8], pad1: [1, u8], pad2: [2, u16] })

/** Times in ms. `reachableTime` and `refcnt` are read only. Without an index they are the table's own. */
export const neighParms = nest({
  ifindex:             attr('NDTPA_IFINDEX', 1, u32),
  refcnt:              attr('NDTPA_REFCNT', 2, u32),
  reachableTime:       attr('NDTPA_REACHABLE_TIME', 3, u64),
  baseReachableTime:   attr('NDTPA_BASE_REACHABLE_TIME', 4, u64),
  retransTime:         attr('NDTPA_RETRANS_TIME', 5, u64),
  gcStaletime:         attr('NDTPA_GC_STALETIME', 6, u64),
  delayProbeTime:      attr('NDTPA_DELAY_PROBE_TIME', 7, u64),
  queueLen:            attr('NDTPA_QUEUE_LEN', 8, u32),
  appProbes:           attr('NDTPA_APP_PROBES', 9, u32),
  ucastProbes:         attr('NDTPA_UCAST_PROBES', 10, u32),
  mcastProbes:         attr('NDTPA_MCAST_PROBES', 11, u32),
  anycastDelay:        attr('NDTPA_ANYCAST_DELAY', 12, u64),
  proxyDelay:          attr('NDTPA_PROXY_DELAY', 13, u64),
  proxyQlen:           attr('NDTPA_PROXY_QLEN', 14, u32),
  locktime:            attr('NDTPA_LOCKTIME', 15, u64),
  queueLenbytes:       attr('NDTPA_QUEUE_LENBYTES', 16, u32),
  mcastReprobes:       attr('NDTPA_MCAST_REPROBES', 17, u32),
  pad:                 attr('NDTPA_PAD', 18, bytes),
  intervalProbeTimeMs: attr('NDTPA_INTERVAL_PROBE_TIME_MS', 19, u64),
})

/** `ip ntable show`. `name` is `arp_cache` or `ndisc_cache`. RTM_DELNEIGHTBL does not exist; what is to be changed is sent by `setNeighTable`. */
export const neightbl = family('NEIGHTBL', { new: 64, del: 65, get: 66 }, ndtmsg, {
  name:       attr('NDTA_NAME', 1, string),
  thresh1:    attr('NDTA_THRESH1', 2, u32),
  thresh2:    attr('NDTA_THRESH2', 3, u32),
  thresh3:    attr('NDTA_THRESH3', 4, u32),
  config:     attr('NDTA_CONFIG', 5, bytes),
  parms:      attr('NDTA_PARMS', 6, neighParms),
  stats:      attr('NDTA_STATS', 7, bytes),
  gcInterval: attr('NDTA_GC_INTERVAL', 8, u64),
  pad:        attr('NDTA_PAD', 9, bytes),
})
export type NeighTable = MessageOf<{ family: number }, typeof neightbl.table>

const RTM_SETNEIGHTBL = 67

/** `ip ntable change name NAME dev INDEX …`: tables cannot be made, so what changes them is a message of its own. */
export function setNeighTable (table: NeighTable, object: string): Request {
  return { ...neightbl.change(table, object), type: RTM_SETNEIGHTBL, name: 'RTM_SETNEIGHTBL' }
}
