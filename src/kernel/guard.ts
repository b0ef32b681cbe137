/**
 * When netwright switches IP forwarding on, the host must not become a router for others: this table drops what neither enters nor
 * leaves by a network of ours. It is apart from the owners' tables because forwarding is the namespace's, not an owner's.
 *
 * It sits in postrouting: there a routed packet still has its input device, while a frame bridged by br_netfilter inside a stranger's
 * bridge has none, and so is left alone. But not all that has an input device there was routed: the host's own neighbour discovery, IGMP,
 * MLD and the outer packets of its tunnels have one too (net/ipv6/ip6_output.c, ip6_output(): indev is skb->dev). They are known by their source.
 */
import { Writer } from '../bytes/writer.js'
import { chain } from '../netlink/nft/chain.js'
import { packFields, typeLength, typeNumber, typeUserdata, type Fields } from '../netlink/nft/datatype.js'
import type { Expr } from '../netlink/nft/expr.js'
import { families, hooks } from '../netlink/nft/header.js'
import { rule } from '../netlink/nft/rule.js'
import { elements, set } from '../netlink/nft/set.js'
import { addressType, compare, lookup, meta, payload, verdict } from '../netlink/nft/statement.js'
import { table } from '../netlink/nft/table.js'
import { comment } from '../netlink/nft/userdata.js'
import type { Request } from '../netlink/request.js'

/** No owner may be called `guard`, so no owner's table has this name. */
export const guardTable = 'netwright-guard'

const family = 'inet'
const sets = { ours: ['ifname'], families: ['nf_proto'] } as const satisfies Record<string, Fields>
type GuardSet = keyof typeof sets

/** What the guard lets through, and for which families it guards. */
export interface GuardContent { readonly bridges: readonly string[], readonly families: readonly ('ipv4' | 'ipv6')[] }

/** An attribute holds 65,535 bytes, and an element at most about 50. */
const CHUNK = 1000

function elementsOf (of: GuardSet, values: readonly string[], verb: 'add' | 'remove'): Request[] {
  return Array.from({ length: Math.ceil(values.length / CHUNK) }, (_, i) => elements[verb]({
    family, table: guardTable, set: of, elements: values.slice(i * CHUNK, (i + 1) * CHUNK).map((value) => ({ key: { value: packFields(sets[of], [value]) } })),
  }))
}

function content (guarded: GuardContent, verb: 'add' | 'remove'): Request[] {
  return [...elementsOf('ours', guarded.bridges, verb), ...elementsOf('families', guarded.families, verb)]
}

/** A u32 as registers hold it. */
function word (value: number): Buffer {
  const writer = new Writer(4)
  writer.u32(value)
  return writer.take()
}

const accept = verdict('accept')
const of = (family: 'ip' | 'ip6'): readonly Expr[] => [meta('nfproto'), compare('eq', Buffer.of(families[family]))]

/** The rules in order; an accept ends this chain only. */
const rules: readonly (readonly Expr[])[] = [
  // meta iif 0 accept: made here, or bridged.
  [meta('iif'), compare('eq', word(0)), accept],
  [meta('iifname'), lookup('ours'), accept],
  [meta('oifname'), lookup('ours'), accept],
  // fib saddr type local accept: the host speaks for itself.
  [...addressType('saddr', 'local'), accept],
  // What the kernel never routes, so the host has made it: ip saddr 0.0.0.0, ip6 saddr ::, ip6 saddr fe80::/64.
  [...of('ip'), payload('network', 12, 4), compare('eq', Buffer.alloc(4)), accept],
  [...of('ip6'), payload('network', 8, 16), compare('eq', Buffer.alloc(16)), accept],
  [...of('ip6'), payload('network', 8, 8), compare('eq', Buffer.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0)), accept],
  [meta('nfproto'), lookup('families'), verdict('drop')],
]

/** The table with its content. `nft -f`: a chain in postrouting that accepts what is ours or the host's own, and drops the rest of `@families`. */
export function createGuard (guarded: GuardContent): Request[] {
  return [
    table.create({ family, name: guardTable, flags: 0, userdata: [comment('netwright switched forwarding on')] }),
    chain.create({ family, table: guardTable, name: 'postrouting', type: 'filter', policy: 'accept', hook: { number: hooks.postrouting, priority: 0 } }),
    ...Object.entries(sets).map(([name, key], index) => set.create({ family, table: guardTable, name, flags: 0, keyType: typeNumber(key), keyLength: typeLength(key), id: index + 1, userdata: typeUserdata(key, undefined) })),
    ...content(guarded, 'add'),
    ...rules.map((expressions) => rule.add({ family, table: guardTable, chain: 'postrouting', expressions })),
  ]
}

/** More bridges, more families. What is there already stays. */
export function extendGuard (guarded: GuardContent): Request[] { return content(guarded, 'add') }
/** Fewer. Added first, so that what is not there (its process died before the commit) is no error. */
export function shrinkGuard (guarded: GuardContent): Request[] { return [...content(guarded, 'add'), ...content(guarded, 'remove')] }
/** ENOENT where there is none. `nft delete table inet netwright-guard`. */
export function deleteGuard (): Request[] { return [table.remove({ family, name: guardTable })] }
