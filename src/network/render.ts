/**
 * What a definition would become, for people to read: without touching anything, and without what chance or the host would choose. Pure.
 * A bridge without a name is shown by its template, `virbr%d`.
 */
import type { KernelObject, MemberObject } from '../kernel/object.js'
import { expand, membersOf } from './expand.js'
import { filterChains } from './filtered.js'
import { nobody } from './forwarded.js'
import { chainText } from './render-chain.js'
import type { Definition, NetworkSpec } from './spec.js'

const TEMPLATE = 'virbr%d'

type Shown = Omit<NetworkSpec, 'forwards'> & Pick<Definition, 'bridge' | 'forwards'>
function shown (spec: NetworkSpec): Shown {
  return { ...spec, bridge: { ...spec.bridge, name: spec.bridge.name ?? TEMPLATE }, forwards: spec.forwards?.flatMap(({ port, ...rest }) => port === 'auto' ? [] : [{ port, ...rest }]) }
}

/** `netwright render FILE --as objects`: the objects in the order of creation, without index and group, and without a MAC that nobody gave. */
export function renderObjects (spec: NetworkSpec): readonly object[] {
  const { links, sysctls, addresses, routes, members, chains: own } = expand({ ...shown(spec), uuid: spec.uuid ?? '', mac: spec.mac ?? '' }, { index: 0, group: 0 })
  const objects: readonly KernelObject[] = [...links, ...addresses, ...routes, ...sysctls, ...own, ...members]
  return objects.map((object) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== 'index' && key !== 'group' && !(key === 'mac' && spec.mac === undefined))))
}

/** Sets and maps in the table's order, with their types. The rules' own list is in kernel/ruleset.ts; a kernel test proves them equal. */
const sets: readonly (readonly [name: string, type: string])[] = [
  ['same', 'ifname . ifname'], ['ours', 'ifname'], ['rpf', 'ifname'], ['out', 'ifname'], ['outdev', 'ifname . ifname'], ['indnat', 'ifname'],
  ['est', 'ifname'], ['estdev', 'ifname . ifname'], ['inall', 'ifname'], ['indev', 'ifname . ifname'],
  ['peers', 'ifname . ifname'], ['answers', 'ifname . ifname'], ['inrules', 'ifname : verdict'], ['outrules', 'ifname : verdict'],
  ['nohost', 'ifname'], ['hostproto', 'ifname . inet_proto'], ['hostports', 'ifname . inet_proto . inet_service'],
  ['masq4', 'ifname'], ['masq6', 'ifname'],
  ['snat4', 'ifname : ipv4_addr'],
  ['dnat4', 'ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service'],
  ['dnat6', 'ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service'],
  ['dnatall4', 'inet_proto . inet_service : ipv4_addr . inet_service'],
  ['dnatall6', 'inet_proto . inet_service : ipv6_addr . inet_service'],
  ['dnatnet4', 'ipv4_addr . inet_proto . inet_service'], ['dnatnet6', 'ipv6_addr . inet_proto . inet_service'],
  ['gate4', 'ifname . ipv4_addr'], ['gate6', 'ifname . ipv6_addr'], ['gw4', 'ipv4_addr'], ['gw6', 'ipv6_addr'],
]

const services = 'ipv4 . tcp . 53, ipv4 . udp . 53, ipv4 . udp . 67, ipv4 . udp . 69, ipv6 . tcp . 53, ipv6 . udp . 53, ipv6 . udp . 69, ipv6 . udp . 547'

const chains = `	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname . oifname @same accept
		iifname @rpf fib saddr . iif oif missing drop
		iifname @indnat ct status dnat ct direction reply accept
		iifname @ours jump leave
		oifname vmap @inrules
		iifname != @ours oifname @indnat ct status dnat accept
		oifname @indnat ct status dnat ip daddr . meta l4proto . th dport @dnatnet4 accept
		oifname @indnat ct status dnat ip6 daddr . meta l4proto . th dport @dnatnet6 accept
		oifname @est ct state established,related accept
		iifname . oifname @estdev ct state established,related accept
		oifname @inall accept
		iifname . oifname @indev accept
		iifname . oifname @peers accept
		iifname . oifname @answers ct direction reply ct state established,related accept
		oifname @ours reject
		iifname @ours accept
	}

	chain leave {
		iifname vmap @outrules
		goto bymode
	}

	chain bymode {
		iifname @out return
		iifname . oifname @outdev return
		iifname . oifname @peers return
		iifname . oifname @answers ct direction reply ct state established,related return
		reject
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		iifname . oifname @same ct status dnat masquerade
		iifname . oifname @same return
		iifname . oifname @peers return
		oifname @indnat ip saddr 127.0.0.0/8 ct status dnat masquerade
		oifname @indnat ct status dnat return
		iifname @masq4 ip daddr != 224.0.0.0/24 ip daddr != 255.255.255.255 snat ip to iifname map @snat4
		iifname @masq4 ip daddr != 224.0.0.0/24 ip daddr != 255.255.255.255 masquerade
		iifname @masq6 ip6 daddr != ff02::/16 masquerade
	}

	chain input {
		type filter hook input priority filter; policy accept;
		iifname @ours ip daddr 127.0.0.0/8 ct state invalid,new,untracked drop
		iifname != "lo" ip daddr @gw4 iifname . ip daddr != @gate4 meta nfproto . meta l4proto . th dport @services drop
		iifname != "lo" ip6 daddr @gw6 iifname . ip6 daddr != @gate6 meta nfproto . meta l4proto . th dport @services drop
		iifname @nohost jump tohost
	}

	chain tohost {
		ct direction reply ct state established,related accept
		iifname . ip daddr @gate4 meta nfproto . meta l4proto . th dport @services accept
		iifname . ip6 daddr @gate6 meta nfproto . meta l4proto . th dport @services accept
		ip6 daddr fe80::/64 meta nfproto . meta l4proto . th dport @services accept
		ip daddr 255.255.255.255 udp dport 67 accept
		ip6 daddr ff02::1:2 udp dport 547 accept
		icmpv6 type 133-136 accept
		iifname . meta l4proto @hostproto accept
		iifname . meta l4proto . th dport @hostports accept
		reject
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to ip daddr . meta l4proto . th dport map @dnat4
		dnat ip6 to ip6 daddr . meta l4proto . th dport map @dnat6
		meta nfproto ipv4 fib daddr type local dnat ip to meta l4proto . th dport map @dnatall4
		ip6 daddr != ::1 fib daddr type local dnat ip6 to meta l4proto . th dport map @dnatall6
	}

	chain output {
		type nat hook output priority -100; policy accept;
		dnat ip to ip daddr . meta l4proto . th dport map @dnat4
		dnat ip6 to ip6 daddr . meta l4proto . th dport map @dnat6
		meta nfproto ipv4 fib daddr type local dnat ip to meta l4proto . th dport map @dnatall4
		ip6 daddr != ::1 fib daddr type local dnat ip6 to meta l4proto . th dport map @dnatall6
	}
`

/** Addresses, words and numbers stand as they are; names of interfaces may be anything and are quoted. */
function field (value: string | number, type: string | undefined): string { return type === 'ifname' ? `"${String(value)}"` : String(value) }

function setText (name: string, type: string, members: readonly MemberObject[]): string {
  const [keys = '', values] = type.split(' : ').map((part) => part.split(' . '))
  const items = members.filter((member) => member.set === name).map(({ key, data }) => {
    const left = key.map((value, i) => field(value, keys[i])).join(' . ')
    return data === undefined ? left : `${left} : ${data.map((value, i) => field(value, values?.[i])).join(values?.[0] === 'verdict' ? ' ' : ' . ')}`
  })
  return block(values === undefined ? 'set' : 'map', name, type, items.join(', '))
}

function block (word: 'set' | 'map', name: string, type: string, elements: string): string {
  return `\t${word} ${name} {\n\t\ttype ${type}\n${elements === '' ? '' : `\t\telements = { ${elements} }\n`}\t}\n`
}

/** `netwright render FILE --as nft`: the whole table with this network's elements, as `nft -f` takes it and `nft list table inet netwright` shows it. */
export function renderNft (spec: NetworkSpec, table = 'netwright'): string {
  const definition = shown(spec)
  const members = membersOf(definition, nobody)
  const parts = [...sets.map(([name, type]) => setText(name, type, members)), block('set', 'services', 'nf_proto . inet_proto . inet_service', services), chains, ...filterChains(definition).map(chainText)]
  return `table inet ${table} {\n\tcomment "netwright, shape 3"\n${parts.join('\n')}}\n`
}
