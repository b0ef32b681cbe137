/** Multicast messages as events. */
import { DecodeError } from '../errors.js'
import { messages, NETLINK_NETFILTER, NETLINK_ROUTE, NLMSG_MIN_TYPE, type Message } from './header.js'
import { addr, type AddrMessage } from './rtnl/addr.js'
import * as groups from './rtnl/groups.js'
import { link, type LinkMessage } from './rtnl/link.js'
import { neigh, type NeighMessage } from './rtnl/neigh.js'
import { route, type RouteMessage } from './rtnl/route.js'

/** What a monitor can be asked to hear of. */
export type MonitorGroup = 'link' | 'addr' | 'route' | 'neigh' | 'nft'

/** The groups behind each word. IPv4 and IPv6 are always heard together. */
export const monitorGroups: Readonly<Record<MonitorGroup, { readonly protocol: number, readonly numbers: readonly number[] }>> = {
  link:  { protocol: NETLINK_ROUTE, numbers: [groups.RTNLGRP_LINK] },
  addr:  { protocol: NETLINK_ROUTE, numbers: [groups.RTNLGRP_IPV4_IFADDR, groups.RTNLGRP_IPV6_IFADDR] },
  route: { protocol: NETLINK_ROUTE, numbers: [groups.RTNLGRP_IPV4_ROUTE, groups.RTNLGRP_IPV6_ROUTE] },
  neigh: { protocol: NETLINK_ROUTE, numbers: [groups.RTNLGRP_NEIGH] },
  nft:   { protocol: NETLINK_NETFILTER, numbers: [groups.NFNLGRP_NFTABLES] },
}

interface Named<F extends string, M> {
  readonly kind: 'message'
  readonly family: F
  /** nlmsg_type. */
  readonly type: number
  /** `RTM_NEWLINK`. */
  readonly name: string
  readonly message: M
}

/**
 * A change, or the news that changes were missed (`overrun`: look at everything afresh). nftables messages are handed on undecoded:
 * `message.payload` is for the decoders of `netwright/nft`. Of a type that is not ours, `unknown` tells at least that it came.
 */
export type MonitorEvent =
  | Named<'link', LinkMessage> | Named<'addr', AddrMessage> | Named<'route', RouteMessage> | Named<'neigh', NeighMessage>
  | Named<'nft', Pick<Message, 'type' | 'payload'>>
  | { readonly kind: 'unknown', readonly type: number, readonly payload: Uint8Array }
  | { readonly kind: 'overrun', readonly reason: string, readonly cause?: unknown }

/** The events in a datagram. What cannot be read becomes an `overrun` with its cause: something changed, and nobody knows what. */
export function decodeEvents (data: Buffer): readonly MonitorEvent[] {
  const events: MonitorEvent[] = []
  try {
    for (const message of messages(data)) if (message.type >= NLMSG_MIN_TYPE) events.push(decodeEvent(message))
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    events.push({ kind: 'overrun', reason: cause.message, cause })
  }
  return events
}

function decodeEvent (message: Message): MonitorEvent {
  const { type } = message
  const name = rtm.get(type)
  if (type >> 8 === NFNL_SUBSYS_NFTABLES) return { kind: 'message', family: 'nft', type, name: nftName(type & 0xff), message: { type, payload: message.payload } }
  if (name === undefined) return { kind: 'unknown', type, payload: message.payload }
  if (has(link, type)) return { kind: 'message', family: 'link', type, name, message: link.decode(message) }
  if (has(addr, type)) return { kind: 'message', family: 'addr', type, name, message: addr.decode(message) }
  if (has(route, type)) return { kind: 'message', family: 'route', type, name, message: route.decode(message) }
  return { kind: 'message', family: 'neigh', type, name, message: neigh.decode(message) }
}

const has = ({ types }: { readonly types: { readonly new: number, readonly del: number } }, type: number): boolean => type === types.new || type === types.del

const rtm: ReadonlyMap<number, string> = new Map([link, addr, route, neigh].flatMap(({ name, types }) => [[types.new, `RTM_NEW${name}`], [types.del, `RTM_DEL${name}`]] as const))

/** include/uapi/linux/netfilter/nfnetlink.h. */
const NFNL_SUBSYS_NFTABLES = 10

/** include/uapi/linux/netfilter/nf_tables.h, enum nf_tables_msg_types: those that are sent to listeners. */
const nftMessages: Readonly<Record<number, string>> = {
  0: 'NEWTABLE', 2: 'DELTABLE', 3: 'NEWCHAIN', 5: 'DELCHAIN', 6: 'NEWRULE', 8: 'DELRULE', 9: 'NEWSET', 11: 'DELSET',
  12: 'NEWSETELEM', 14: 'DELSETELEM', 15: 'NEWGEN', 17: 'TRACE', 18: 'NEWOBJ', 20: 'DELOBJ', 22: 'NEWFLOWTABLE', 24: 'DELFLOWTABLE',
}
const nftName = (type: number): string => `NFT_MSG_${nftMessages[type] ?? String(type)}`
