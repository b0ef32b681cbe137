/**
 * The rules of netwright's table as data. They never change: a network is an element in the sets that they look into, so a packet
 * meets the same rules whether there is one network or ten thousand.
 *
 * Registers: a name of an interface takes 16 bytes, so `iifname . oifname` lies at 0 and 16.
 */
import { ctDirections, ctStates, ctStatus } from '../netlink/nft/expr/ct.js'
import type { Expr } from '../netlink/nft/expr.js'
import { families, type hooks } from '../netlink/nft/header.js'
import { answers } from './filter-chain.js'
import { addressType, anyBit, compare, ct, fib, lookup, masquerade, meta, nat, payload, reject, verdict } from '../netlink/nft/statement.js'

/** A chain that the kernel calls, with its rules in order. */
export interface Hooked {
  readonly name: string
  readonly type: 'filter' | 'nat'
  readonly hook: keyof typeof hooks
  readonly priority: number
  readonly rules: readonly (readonly Expr[])[]
}

/** A chain that others lead to. */
export type Plain = Pick<Hooked, 'name' | 'rules'>

/** `filter`, `srcnat` and `dstnat` of nft(8). */
const FILTER = 0
const SRCNAT = 100
const DSTNAT = -100

const accept = verdict('accept')
const name = (text: string): Buffer => { const bytes = Buffer.alloc(16); bytes.write(text); return bytes }

/** `iifname @set`, `oifname @set`, `iifname . oifname @set`. */
const from = (set: string): readonly Expr[] => [meta('iifname'), lookup(set)]
const notFrom = (set: string): readonly Expr[] => [meta('iifname'), lookup(set, { not: true })]
const to = (set: string): readonly Expr[] => [meta('oifname'), lookup(set)]
const along = (set: string): readonly Expr[] => [meta('iifname'), meta('oifname', 16), lookup(set)]

const replies = [ct('state'), ...anyBit(ctStates.established | ctStates.related)]
const destinationNat = [ct('status'), ...anyBit(ctStatus.dnat)]
const answering = [ct('direction'), compare('eq', Buffer.of(ctDirections.reply))]

/** `meta nfproto ipv4`, which nft leaves out when it prints a match of IPv4 after it. */
const ipv4 = [meta('nfproto'), compare('eq', Buffer.of(families.ip))]
const ipv6 = [meta('nfproto'), compare('eq', Buffer.of(families.ip6))]
/** Offsets of the destination address: RFC 791 section 3.1, RFC 8200 section 3. */
const daddr4 = (at = 0): Expr => payload('network', 16, 4, at)
const daddr6 = (at = 0): Expr => payload('network', 24, 16, at)
/** The destination port of TCP and UDP. */
const dport = (at: number): Expr => payload('transport', 2, 2, at)

const LOOPBACK6 = Buffer.from('00000000000000000000000000000001', 'hex')
/** 127.0.0.0/8 in the address at this offset: 12 the source, 16 the destination. */
const loopback4 = (offset: 12 | 16): readonly Expr[] => [payload('network', offset, 1), compare('eq', Buffer.of(127))]

/** From a bridge back to itself under br_netfilter, from a bridge to its own guests: nobody's business but the bridge's. */
const forward: Hooked['rules'] = [
  [...along('same'), accept],
  // Instead of one rule a subnet: a guest may only use a source address that is routed back to its bridge.
  [...from('rpf'), ...fib(['saddr', 'iif'], 'missing'), verdict('drop')],
  // Answers of a forwarded port leave through whatever device the question came in by.
  [...from('indnat'), ...destinationNat, ...answering, accept],
  // Whether a guest may send out: its network's rules say so first, then the mode and the peers.
  [...from('ours'), verdict('jump', 'leave')],
  // Whether somebody may come in: the network's rules, before anything else opens it.
  [meta('oifname'), lookup('inrules', { into: 'verdict' })],
  // A forwarded port is for the outside; for other networks of ours only where that is said, and else as far as they may come in anyway.
  [...notFrom('ours'), ...to('indnat'), ...destinationNat, accept],
  [...to('indnat'), ...destinationNat, ...ipv4, daddr4(), meta('l4proto', 4), dport(8), lookup('dnatnet4'), accept],
  [...to('indnat'), ...destinationNat, ...ipv6, daddr6(), meta('l4proto', 16), dport(20), lookup('dnatnet6'), accept],
  [...to('est'), ...replies, accept],
  [...along('estdev'), ...replies, accept],
  [...to('inall'), accept],
  [...along('indev'), accept],
  [...along('peers'), accept],
  [...along('answers'), ...answers, accept],
  [...to('ours'), reject()],
  [...from('ours'), accept],
]

/** What it lets through returns to `forward`, where the receiving network has its say. */
const leave: Plain['rules'] = [
  [meta('iifname'), lookup('outrules', { into: 'verdict' })],
  [verdict('goto', 'bymode')],
]

/** Also where the chain of a network with rules ends. */
const bymode: Plain['rules'] = [
  [...from('out'), verdict('return')],
  [...along('outdev'), verdict('return')],
  [...along('peers'), verdict('return')],
  [...along('answers'), ...answers, verdict('return')],
  [reject()],
]

/** Neither local multicast nor broadcast is translated: 224.0.0.0/24, 255.255.255.255. */
const routable4 = [...ipv4, payload('network', 16, 3), compare('neq', Buffer.of(224, 0, 0)), daddr4(), compare('neq', Buffer.of(255, 255, 255, 255))]
/** ff02::/16. */
const routable6 = [...ipv6, payload('network', 24, 2), compare('neq', Buffer.of(0xff, 0x02))]

const postrouting: Hooked['rules'] = [
  // A guest that calls a forwarded port of its own network: without a new source the answer would not come back through us.
  [...along('same'), ...destinationNat, masquerade()],
  [...along('same'), verdict('return')],
  // Peers know each other by their own addresses.
  [...along('peers'), verdict('return')],
  // The host's own call of 127.0.0.1: on the wire it needs an address that can be answered.
  [...to('indnat'), ...ipv4, ...loopback4(12), ...destinationNat, masquerade()],
  // Whoever calls a forwarded port keeps his address, a guest of another network too.
  [...to('indnat'), ...destinationNat, verdict('return')],
  [...from('masq4'), ...routable4, meta('iifname'), lookup('snat4', { into: 0 }), nat('snat', 'ip', 0)],
  [...from('masq4'), ...routable4, masquerade()],
  [...from('masq6'), ...routable6, masquerade()],
]

const foreigner = [meta('iifname'), compare('neq', name('lo'))]
const served = [meta('nfproto'), meta('l4proto', 4), dport(8), lookup('services')]
const service = [...served, verdict('drop')]

/** dnsmasq with bind-interfaces answers whoever reaches its address: DNS, DHCP and TFTP of a gateway are for its own bridge. */
const input: Hooked['rules'] = [
  // Forwarded ports on 127.0.0.1 need route_localnet, with which a guest could call what listens there. Only answers may come.
  [...from('ours'), ...ipv4, ...loopback4(16), ct('state'), ...anyBit(ctStates.new | ctStates.invalid | ctStates.untracked), verdict('drop')],
  [...foreigner, ...ipv4, daddr4(), lookup('gw4'), meta('iifname'), daddr4(16), lookup('gate4', { not: true }), ...service],
  [...foreigner, ...ipv6, daddr6(), lookup('gw6'), meta('iifname'), daddr6(16), lookup('gate6', { not: true }), ...service],
  [...from('nohost'), verdict('jump', 'tohost')],
]

const l4proto = (number: number): readonly Expr[] => [meta('l4proto'), compare('eq', Buffer.of(number))]
const toPort = (number: number): readonly Expr[] => [dport(0), compare('eq', Buffer.of(number >> 8, number & 0xff))]
const UDP = 17
const ICMPV6 = 58
/** RFC 4861: router solicitation, router and neighbour advertisements, neighbour solicitation. */
const NEIGHBOURS = [133, 136] as const

/** Guests that may not reach the host: what their network needs to work, what is answered, and what is listed. */
const tohost: Plain['rules'] = [
  [...answers, accept],
  [...ipv4, meta('iifname'), daddr4(16), lookup('gate4'), ...served, accept],
  [...ipv6, meta('iifname'), daddr6(16), lookup('gate6'), ...served, accept],
  // Routers are asked by their link-local address, fe80::/64.
  [...ipv6, payload('network', 24, 8), compare('eq', Buffer.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0)), ...served, accept],
  // DHCP begins by broadcast, DHCPv6 by ff02::1:2.
  [...ipv4, daddr4(), compare('eq', Buffer.alloc(4, 0xff)), ...l4proto(UDP), ...toPort(67), accept],
  [...ipv6, daddr6(), compare('eq', Buffer.from('ff020000000000000000000000010002', 'hex')), ...l4proto(UDP), ...toPort(547), accept],
  [...ipv6, ...l4proto(ICMPV6), payload('transport', 0, 1), compare('gte', Buffer.of(NEIGHBOURS[0])), compare('lte', Buffer.of(NEIGHBOURS[1])), accept],
  [meta('iifname'), meta('l4proto', 16), lookup('hostproto'), accept],
  [meta('iifname'), meta('l4proto', 16), dport(20), lookup('hostports'), accept],
  [reject()],
]

/** The map's value lies where its key lay: the address first, the port behind it. */
const forwarded: Hooked['rules'] = [
  [...ipv4, daddr4(), meta('l4proto', 4), dport(8), lookup('dnat4', { into: 0 }), nat('dnat', 'ip', 0, 4)],
  [...ipv6, daddr6(), meta('l4proto', 16), dport(20), lookup('dnat6', { into: 0 }), nat('dnat', 'ip6', 0, 16)],
  [...ipv4, ...addressType('daddr', 'local'), meta('l4proto'), dport(4), lookup('dnatall4', { into: 0 }), nat('dnat', 'ip', 0, 4)],
  // The kernel lets nothing from or to ::1 out on a link: without a translation such a call is refused at once, with one it would hang.
  [...ipv6, daddr6(), compare('neq', LOOPBACK6), ...addressType('daddr', 'local'), meta('l4proto'), dport(4), lookup('dnatall6', { into: 0 }), nat('dnat', 'ip6', 0, 16)],
]

/** The chains in the order in which `nft list table` shows them. */
export const chains: readonly (Hooked | Plain)[] = [
  { name: 'forward', type: 'filter', hook: 'forward', priority: FILTER, rules: forward },
  { name: 'leave', rules: leave },
  { name: 'bymode', rules: bymode },
  { name: 'postrouting', type: 'nat', hook: 'postrouting', priority: SRCNAT, rules: postrouting },
  { name: 'input', type: 'filter', hook: 'input', priority: FILTER, rules: input },
  { name: 'tohost', rules: tohost },
  { name: 'prerouting', type: 'nat', hook: 'prerouting', priority: DSTNAT, rules: forwarded },
  { name: 'output', type: 'nat', hook: 'output', priority: DSTNAT, rules: forwarded },
]
