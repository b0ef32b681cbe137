/**
 * When netwright switches IP forwarding on, the host must not become a router for others: this table drops what neither enters nor
 * leaves by a network of ours. It is apart from the owners' tables because forwarding is the namespace's, not an owner's.
 *
 * It sits in postrouting: there a routed packet still has its input device, while a frame bridged by br_netfilter inside a stranger's
 * bridge has none, and so is left alone.
 */
import { chain } from '../netlink/nft/chain.js'
import { packFields, typeLength, typeNumber, typeUserdata, type Fields } from '../netlink/nft/datatype.js'
import { hooks } from '../netlink/nft/header.js'
import { rule } from '../netlink/nft/rule.js'
import { elements, set } from '../netlink/nft/set.js'
import { compare, lookup, meta, verdict } from '../netlink/nft/statement.js'
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

function elementsOf (of: GuardSet, values: readonly string[], verb: 'add' | 'remove'): Request[] {
  if (values.length === 0) return []
  return [elements[verb]({ family, table: guardTable, set: of, elements: values.map((value) => ({ key: { value: packFields(sets[of], [value]) } })) })]
}

function content (guarded: GuardContent, verb: 'add' | 'remove'): Request[] {
  return [...elementsOf('ours', guarded.bridges, verb), ...elementsOf('families', guarded.families, verb)]
}

/** The table with its content. `nft -f`: chain postrouting, `iif != 0 iifname != @ours oifname != @ours meta nfproto @families drop`. */
export function createGuard (guarded: GuardContent): Request[] {
  const not = { not: true } as const
  return [
    table.create({ family, name: guardTable, flags: 0, userdata: [comment('netwright switched forwarding on')] }),
    chain.create({ family, table: guardTable, name: 'postrouting', type: 'filter', policy: 'accept', hook: { number: hooks.postrouting, priority: 0 } }),
    ...Object.entries(sets).map(([name, key], index) => set.create({ family, table: guardTable, name, flags: 0, keyType: typeNumber(key), keyLength: typeLength(key), id: index + 1, userdata: typeUserdata(key, undefined) })),
    ...content(guarded, 'add'),
    rule.add({ family, table: guardTable, chain: 'postrouting', expressions: [
      meta('iif'), compare('neq', Buffer.alloc(4)),
      meta('iifname'), lookup('ours', not), meta('oifname'), lookup('ours', not),
      meta('nfproto'), lookup('families'), verdict('drop'),
    ] }),
  ]
}

/** More bridges, more families. What is there already stays. */
export function extendGuard (guarded: GuardContent): Request[] { return content(guarded, 'add') }
/** Fewer. Added first, so that what is not there (its process died before the commit) is no error. */
export function shrinkGuard (guarded: GuardContent): Request[] { return [...content(guarded, 'add'), ...content(guarded, 'remove')] }
/** ENOENT where there is none. `nft delete table inet netwright-guard`. */
export function deleteGuard (): Request[] { return [table.remove({ family, name: guardTable })] }
