/** Routes. Source: include/uapi/linux/rtnetlink.h; net/ipv4/fib_frontend.c, net/ipv6/route.c. */
import { ip } from '../../bytes/address.js'
import { be16, bytes, string, u16, u32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { KernelError, NetwrightError } from '../../errors.js'
import { attr, nest } from '../attr.js'
import { mapSlowly } from '../breathe.js'
import { dump } from '../call.js'
import { family, type MessageOf } from '../family.js'
import type { Message } from '../header.js'
import type { Transport } from '../transport.js'
import { multipath, via } from './nexthop.js'

export const RT_TABLE_UNSPEC = 0
export const RT_TABLE_MAIN = 254
export const RT_TABLE_LOCAL = 255
export const RTPROT_KERNEL = 2
export const RTPROT_BOOT = 3
export const RTPROT_STATIC = 4
export const RTN_UNICAST = 1
export const RTN_LOCAL = 2
export const RTN_BROADCAST = 3
export const RTN_BLACKHOLE = 6
export const RTN_UNREACHABLE = 7
export const RTN_PROHIBIT = 8
/** The route was made by a look-up, it is in no table. */
export const RTM_F_CLONED = 0x200
export const RTM_F_FIB_MATCH = 0x2000
export const RTNH_F_ONLINK = 4

/** `shortTable` is rtm_table: the table where its number is below 256; `table` overrules it. */
export const rtmsg = struct('rtmsg', 12, {
  family: [0, u8], dstLen: [1, u8], srcLen: [2, u8], tos: [3, u8], shortTable: [4, u8], protocol: [5, u8], scope: [6, u8], type: [7, u8], flags: [8, u32],
})
interface RouteHeader { family: number, dstLen: number, srcLen: number, tos: number, shortTable: number, protocol: number, scope: number, type: number, flags: number }

/** Times in clock ticks. Source: struct rta_cacheinfo. */
export const rtaCacheinfo = struct('rta_cacheinfo', 32, {
  clntref: [0, u32], lastuse: [4, u32], expires: [8, u32], error: [12, u32], used: [16, u32], id: [20, u32], ts: [24, u32], tsage: [28, u32],
})

/** Units: `mtu`, `advmss` in bytes; `rtt` in 1/8 ms, `rttvar` in 1/4 ms, `rtoMin` in ms; windows in packets. Source: RTAX_*. */
export const metrics = nest({
  lock:             attr('RTAX_LOCK', 1, u32),
  mtu:              attr('RTAX_MTU', 2, u32),
  window:           attr('RTAX_WINDOW', 3, u32),
  rtt:              attr('RTAX_RTT', 4, u32),
  rttvar:           attr('RTAX_RTTVAR', 5, u32),
  ssthresh:         attr('RTAX_SSTHRESH', 6, u32),
  cwnd:             attr('RTAX_CWND', 7, u32),
  advmss:           attr('RTAX_ADVMSS', 8, u32),
  reordering:       attr('RTAX_REORDERING', 9, u32),
  hoplimit:         attr('RTAX_HOPLIMIT', 10, u32),
  initcwnd:         attr('RTAX_INITCWND', 11, u32),
  features:         attr('RTAX_FEATURES', 12, u32),
  rtoMin:           attr('RTAX_RTO_MIN', 13, u32),
  initrwnd:         attr('RTAX_INITRWND', 14, u32),
  quickack:         attr('RTAX_QUICKACK', 15, u32),
  ccAlgo:           attr('RTAX_CC_ALGO', 16, string),
  fastopenNoCookie: attr('RTAX_FASTOPEN_NO_COOKIE', 17, u32),
})

/** A route, decoded or to be encoded. */
export type RouteMessage = MessageOf<RouteHeader, typeof route.table>

/**
 * `ip route add DST/DSTLEN via GATEWAY dev OIF table TABLE`, `del`, `show`. The kernel deletes the first route that matches what is given, and
 * nothing given means the default route, so `remove` needs family and table (NETWRIGHT_INVALID).
 */
export const route = family('ROUTE', { new: 24, del: 25, get: 26 }, rtmsg, {
  dst:          attr('RTA_DST', 1, ip),
  src:          attr('RTA_SRC', 2, ip),
  iif:          attr('RTA_IIF', 3, u32),
  oif:          attr('RTA_OIF', 4, u32),
  gateway:      attr('RTA_GATEWAY', 5, ip),
  priority:     attr('RTA_PRIORITY', 6, u32),
  prefsrc:      attr('RTA_PREFSRC', 7, ip),
  metrics:      attr('RTA_METRICS', 8, metrics),
  multipath:    attr('RTA_MULTIPATH', 9, multipath),
  flow:         attr('RTA_FLOW', 11, u32),
  cacheinfo:    attr('RTA_CACHEINFO', 12, rtaCacheinfo),
  table:        attr('RTA_TABLE', 15, u32),
  mark:         attr('RTA_MARK', 16, u32),
  mfcStats:     attr('RTA_MFC_STATS', 17, bytes),
  via:          attr('RTA_VIA', 18, via),
  newdst:       attr('RTA_NEWDST', 19, bytes),
  pref:         attr('RTA_PREF', 20, u8),
  encapType:    attr('RTA_ENCAP_TYPE', 21, u16),
  encap:        attr('RTA_ENCAP', 22, bytes),
  expires:      attr('RTA_EXPIRES', 23, u32),
  uid:          attr('RTA_UID', 25, u32),
  ttlPropagate: attr('RTA_TTL_PROPAGATE', 26, u8),
  ipProto:      attr('RTA_IP_PROTO', 27, u8),
  sport:        attr('RTA_SPORT', 28, be16),
  dport:        attr('RTA_DPORT', 29, be16),
  nhId:         attr('RTA_NH_ID', 30, u32),
}, (verb, message) => {
  if (verb !== 'remove' || (message.family !== undefined && (message.table ?? message.shortTable) !== undefined)) return
  throw new NetwrightError('NETWRIGHT_INVALID', 'RTM_DELROUTE needs a family and a table')
})

/** What `dumpRoutes` may be asked for; `oif` is an index. */
export interface RouteFilter { readonly family?: number, readonly table?: number, readonly oif?: number, readonly protocol?: number }

/** `ip route show table T [dev OIF] [proto P]`; without `table`, every table's (`table all`). A table that does not exist has no routes. Throws as `dump`. */
export async function dumpRoutes (transport: Transport, filter: RouteFilter = {}): Promise<RouteMessage[]> {
  const found = await routes(transport, filter)
  return (await mapSlowly(found.filter(({ type }) => type === route.types.new), (message) => route.decode(message))).filter((message) =>
    (filter.family === undefined || filter.family === 0 || message.family === filter.family) && (filter.table === undefined || (message.table ?? message.shortTable) === filter.table) &&
    (filter.oif === undefined || message.oif === filter.oif) && (filter.protocol === undefined || message.protocol === filter.protocol))
}

async function routes (transport: Transport, filter: RouteFilter): Promise<Message[]> {
  try { return await dump(transport, route.dump(filter)) } catch (error) {
    if (error instanceof KernelError && error.errnoName === 'ENOENT' && filter.table !== undefined) return []
    throw error
  }
}
