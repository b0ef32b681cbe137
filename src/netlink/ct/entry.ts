/** Tracked connections. Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h, CTA_*. */
import { ip4, ip6 } from '../../bytes/address.js'
import { be16, be32, bytes, u8 } from '../../bytes/codec.js'
import { Writer } from '../../bytes/writer.js'
import { DecodeError } from '../../errors.js'
import { attr, decodeTable, encodeTable, nest, type Table, type TableValue } from '../attr.js'
import { NLM_F_DUMP, type Message } from '../header.js'
import { nfFamily, nfgenmsg, type NfFamily } from '../nft/header.js'
import type { Request } from '../request.js'
import { IPCTNL_MSG_CT_DELETE, IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_GET_STATS, IPCTNL_MSG_CT_NEW, NFNL_SUBSYS_CTNETLINK } from './header.js'

/** The addresses of one direction. */
export const tupleIp = nest({
  src4: attr('CTA_IP_V4_SRC', 1, ip4),
  dst4: attr('CTA_IP_V4_DST', 2, ip4),
  src6: attr('CTA_IP_V6_SRC', 3, ip6),
  dst6: attr('CTA_IP_V6_DST', 4, ip6),
})

/** The protocol of one direction with its ports, or what ICMP has for them. */
export const tupleProtocol = nest({
  number: attr('CTA_PROTO_NUM', 1, u8),
  sourcePort: attr('CTA_PROTO_SRC_PORT', 2, be16),
  destinationPort: attr('CTA_PROTO_DST_PORT', 3, be16),
  icmpId: attr('CTA_PROTO_ICMP_ID', 4, be16),
  icmpType: attr('CTA_PROTO_ICMP_TYPE', 5, u8),
  icmpCode: attr('CTA_PROTO_ICMP_CODE', 6, u8),
  icmp6Id: attr('CTA_PROTO_ICMPV6_ID', 7, be16),
  icmp6Type: attr('CTA_PROTO_ICMPV6_TYPE', 8, u8),
  icmp6Code: attr('CTA_PROTO_ICMPV6_CODE', 9, u8),
})

/** One direction of a connection. */
export const tuple = nest({
  ip: attr('CTA_TUPLE_IP', 1, tupleIp),
  protocol: attr('CTA_TUPLE_PROTO', 2, tupleProtocol),
  zone: attr('CTA_TUPLE_ZONE', 3, be16),
})
/** One direction, decoded. */
export type Tuple = TableValue<typeof tuple.table>

/** What of a connection is named here; the rest stays in `rest`. `timeout` in seconds; `status` is a set of IPS_*. */
export const entryTable = {
  original: attr('CTA_TUPLE_ORIG', 1, tuple),
  reply: attr('CTA_TUPLE_REPLY', 2, tuple),
  status: attr('CTA_STATUS', 3, be32),
  timeout: attr('CTA_TIMEOUT', 7, be32),
  mark: attr('CTA_MARK', 8, be32),
  use: attr('CTA_USE', 11, be32),
  id: attr('CTA_ID', 12, be32),
  zone: attr('CTA_ZONE', 18, be16),
  labels: attr('CTA_LABELS', 22, bytes),
}
/** `family` is `ip` or `ip6`. */
export type Entry = { family?: NfFamily } & TableValue<typeof entryTable>

/** How many connections a namespace tracks, and how many it may. */
export const statsTable = {
  entries: attr('CTA_STATS_GLOBAL_ENTRIES', 1, be32),
  maxEntries: attr('CTA_STATS_GLOBAL_MAX_ENTRIES', 2, be32),
}

function request<T extends Table> (message: number, flags: number, { family, name, object }: { readonly family: NfFamily, readonly name: string, readonly object: string }, table: T, value: TableValue<T>): Request {
  const w = new Writer(128)
  nfgenmsg.encodePartial(w, { nfgen_family: 0 })
  encodeTable(table, w, value)
  const body = w.take()
  body[0] = codeOf(family)
  return { type: NFNL_SUBSYS_CTNETLINK << 8 | message, flags, body, name: `IPCTNL_MSG_CT_${name}`, object, shape: { header: nfgenmsg.size, table } }
}

function codeOf (family: NfFamily): number {
  const w = new Writer(1)
  nfFamily.encode(w, family)
  return w.take()[0] ?? 0
}

/** `conntrack -L -f FAMILY`. */
export const dumpEntries = (family: 'ip' | 'ip6'): Request => request(IPCTNL_MSG_CT_GET, NLM_F_DUMP, { family, name: 'GET', object: `dump of family ${family}` }, entryTable, {})

/** `conntrack -D` of exactly this connection: ENOENT where it is gone, also where another one has its addresses and ports by now. */
export function removeEntry ({ family = 'unspec', original, zone, id }: Pick<Entry, 'family' | 'original' | 'zone' | 'id'>): Request {
  // Without a direction the kernel takes the message for one that deletes everything, and without a number for any connection of that name.
  if (original?.ip === undefined || original.protocol === undefined || id === undefined) throw new RangeError('a connection is deleted by its original direction and its number')
  return request(IPCTNL_MSG_CT_DELETE, 0, { family, name: 'DELETE', object: describeTuple(original) }, entryTable, { original, id, ...zone === undefined ? {} : { zone } })
}

/** `conntrack -C`: one number, however many there are. */
export const getStats = (): Request => request(IPCTNL_MSG_CT_GET_STATS, 0, { family: 'unspec', name: 'GET_STATS', object: 'connections' }, statsTable, {})

/** An IPCTNL_MSG_CT_NEW message. Throws DecodeError. */
export function decodeEntry ({ type, payload }: Pick<Message, 'type' | 'payload'>): Entry {
  if (type !== (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)) throw new DecodeError('IPCTNL_MSG_CT', `unexpected message type ${String(type)}`)
  if (payload.length < nfgenmsg.size) throw new DecodeError('IPCTNL_MSG_CT', `needs ${String(nfgenmsg.size)} bytes, has ${String(payload.length)}`)
  return { family: nfFamily.decode(payload.subarray(0, 1)), ...decodeTable(entryTable, payload.subarray(nfgenmsg.size)) }
}

/** The answer to `getStats`. Throws DecodeError. */
export const decodeStats = ({ payload }: Pick<Message, 'payload'>): TableValue<typeof statsTable> => decodeTable(statsTable, payload.subarray(nfgenmsg.size))

/** Where in a connection its sources are, for a sieve: of the original direction and of the reply. */
export const sourcePaths = { ip: [[1, 1, 1], [2, 1, 1]], ip6: [[1, 1, 3], [2, 1, 3]] } as const

/** `10.7.0.2 -> 192.0.2.1`. */
export const describeTuple = ({ ip: { src4, src6, dst4, dst6 } = {} }: Tuple): string => `${src4 ?? src6 ?? '?'} -> ${dst4 ?? dst6 ?? '?'}`
