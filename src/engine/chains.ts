/** The chains of networks' rules, as a change of networks meets them. */
import { createChain, readCounts, removeChain, replaceChain, sameRule, type Count } from '../kernel/filter-chain.js'
import type { ChainObject } from '../kernel/object.js'
import type { Request } from '../netlink/request.js'
import type { Context } from './context.js'
import type { NetworkRecord } from './record.js'

/** What a change of a network does to its chains. */
export interface ChainDifference {
  readonly added: readonly ChainObject[]
  readonly changed: readonly { readonly before: ChainObject, readonly after: ChainObject }[]
  readonly removed: readonly ChainObject[]
}

/** From one set of chains to another. */
export function chainDifference (before: readonly ChainObject[] = [], after: readonly ChainObject[] = []): ChainDifference {
  const [old, fresh] = [new Map(before.map((one) => [one.name, one])), new Set(after.map(({ name }) => name))]
  return {
    added: after.filter(({ name }) => !old.has(name)),
    changed: after.flatMap((one) => {
      const other = old.get(one.name)
      return other === undefined || JSON.stringify(other.rules) === JSON.stringify(one.rules) ? [] : [{ before: other, after: one }]
    }),
    removed: before.filter(({ name }) => !fresh.has(name)),
  }
}

/** The chains of networks that come: before the elements that lead to them. */
export function chainsOf ({ table }: Pick<Context, 'table'>, networks: readonly Pick<NetworkRecord, 'chains'>[]): Request[] {
  return networks.flatMap(({ chains = [] }) => chains.flatMap((one) => createChain(table, one)))
}

/** Those that come and change: before the elements that lead to them. Rules that stay go on counting. */
export async function makeChains ({ table, nft }: Pick<Context, 'table' | 'nft'>, differences: readonly ChainDifference[]): Promise<Request[]> {
  const requests = differences.flatMap(({ added }) => added.flatMap((one) => createChain(table, one)))
  for (const { before, after } of differences.flatMap(({ changed }) => changed)) {
    const counts = await readCounts(nft, table, before)
    requests.push(...replaceChain(table, after, counts === undefined ? [] : carried(before, after, counts)))
  }
  return requests
}

/** Those that go: after the elements that led to them. */
export function endChains ({ table }: Pick<Context, 'table'>, chains: readonly Pick<ChainObject, 'name'>[]): Request[] {
  return chains.flatMap((one) => removeChain(table, one))
}

/** What the rules of the new chain have counted already, as rules of the old one. */
function carried (before: ChainObject, after: ChainObject, counts: readonly Count[]): Count[] {
  const left = before.rules.map((rule, i) => ({ rule, count: counts[i] }))
  return after.rules.map((rule) => {
    const i = left.findIndex((one) => sameRule(one.rule, rule))
    return (i < 0 ? undefined : left.splice(i, 1)[0]?.count) ?? { packets: 0n, bytes: 0n }
  })
}
