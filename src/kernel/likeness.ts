/**
 * What a link shows of itself, but for what may differ between two that are alike: read off the message as it came, since decoding it costs the
 * event loop four times as much. Two links of one kind that are down, without master, and of one likeness behave alike, as far as the kernel tells.
 */
import { hostOrder } from '../bytes/writer.js'
import { DecodeError } from '../errors.js'
import { afSpec, common, ifinfomsg, inet, inet6 } from '../netlink/rtnl/ifinfo.js'
import { linkinfo, link } from '../netlink/rtnl/link.js'
import { bridge } from '../netlink/rtnl/kind/bridge.js'

type Rows = Readonly<Record<string, { readonly number: number }>>
const numbers = <T extends Rows>(table: T, ...keys: readonly (keyof T)[]): ReadonlySet<number> => new Set(keys.map((key) => table[key]?.number ?? 0))

/** What is left out; `inside` are nests that are looked into, and arrays of settings with those elements that are left out. */
interface Blind { readonly skip: ReadonlySet<number>, readonly inside?: ReadonlyMap<number, Blind | readonly number[]> }

/** The kernel's words; a TAP is a `tun`. */
type Kind = 'bridge' | 'tun'

const NLA_TYPE_MASK = 0x3fff
/** Forwarding is switched for all links together. The arrays begin with setting 1 of IPv4 and setting 0 of IPv6. Source: include/uapi/linux/{ip,ipv6}.h. */
const IPV4_UNSEEN = [0] as const
/** Of a bridge also `accept_ra` and `autoconf`, which every start of a network writes. */
const IPV6_UNSEEN = { bridge: [0, 3, 5], tun: [0] } as const

const blind = (kind: Kind): Blind => ({
  // Counters, names and places; what is computed from the ports of the moment; the root qdisc, which is `noop` until the link was up once.
  skip: numbers(common, 'address', 'ifname', 'qdisc', 'stats', 'stats64', 'operstate', 'group', 'carrier', 'carrierChanges', 'carrierUpCount', 'carrierDownCount',
    'map', 'permAddress', 'tsoMaxSize', 'tsoMaxSegs', 'event', 'headroom', 'tailroom'),
  inside: new Map<number, Blind>([
    [link.table.linkinfo.number, { skip: numbers(linkinfo.table, 'xstats'), inside: new Map<number, Blind>([
      // A TAP's own numbers are lower than all of these.
      [linkinfo.table.data.number, { skip: numbers(bridge.table, 'rootId', 'bridgeId', 'helloTimer', 'tcnTimer', 'topologyChangeTimer', 'gcTimer', 'topologyChange', 'topologyChangeDetected', 'fdbNLearned', 'mcastQuerierState') }],
    ]) }],
    [common.afSpec.number, { skip: new Set(), inside: new Map<number, Blind>([
      [afSpec.table.inet.number, { skip: new Set(), inside: new Map([[inet.table.conf.number, IPV4_UNSEEN]]) }],
      [afSpec.table.inet6.number, { skip: numbers(inet6.table, 'flags', 'stats', 'cacheinfo', 'icmp6stats', 'raMtu'), inside: new Map([[inet6.table.conf.number, IPV6_UNSEEN[kind]]]) }],
    ]) }],
  ]),
})
const BLIND = { bridge: blind('bridge'), tun: blind('tun') } as const

/** The likeness of a link, from the payload of its RTM_NEWLINK. Throws DecodeError. */
export function likeness (payload: Buffer, kind: Kind): Buffer {
  const copy: Copy = { from: payload, to: Buffer.allocUnsafe(payload.length), length: 0 }
  put(copy, 2, 4) // type
  put(copy, 8, 12) // flags
  collect(copy, BLIND[kind], ifinfomsg.size, payload.length)
  return copy.to.subarray(0, copy.length)
}

interface Copy { readonly from: Buffer, readonly to: Buffer, length: number }

function put (copy: Copy, start: number, end: number): void {
  copy.from.copy(copy.to, copy.length, start, end)
  copy.length += end - start
}

/** Attributes that lie side by side are taken as one piece. Every length is checked before it is used. */
function collect (copy: Copy, { skip, inside }: Blind, start: number, end: number): void {
  const { from } = copy
  let piece = start
  for (let at = start; end - at >= 4;) {
    const length = hostOrder.little ? from.readUInt16LE(at) : from.readUInt16BE(at)
    const type = (hostOrder.little ? from.readUInt16LE(at + 2) : from.readUInt16BE(at + 2)) & NLA_TYPE_MASK
    if (length < 4 || length > end - at) throw new DecodeError(`attribute ${String(type)}`, `length ${String(length)} of ${String(end - at)} bytes`)
    const next = Math.min(end, at + ((length + 3) & ~3))
    const within = inside?.get(type)
    if (skip.has(type) || within !== undefined) {
      put(copy, piece, at)
      piece = next
    }
    if (within !== undefined) {
      put(copy, at + 2, at + 4) // not the length: what is left out inside has lengths of its own
      if ('skip' in within) collect(copy, within, at + 4, at + length)
      else settings(copy, within, at + 4, at + length)
    }
    at = next
  }
  if (piece < end) put(copy, piece, end)
}

function settings (copy: Copy, unseen: readonly number[], start: number, end: number): void {
  const at = copy.length
  put(copy, start, end)
  for (const element of unseen) copy.to.fill(0, Math.min(copy.length, at + element * 4), Math.min(copy.length, at + element * 4 + 4))
}
