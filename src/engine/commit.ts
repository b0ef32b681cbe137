/** The nft commit: the moment at which networks are published, or withdrawn. One batch each. Callers hold the namespace's lock. */
import { createChain, replaceChain, ruleCount } from '../kernel/filter-chain.js'
import { createGuard, deleteGuard, extendGuard, guardTable, shrinkGuard, type GuardContent } from '../kernel/guard.js'
import { addMembers, createRuleset, deleteRuleset, isOfOurShape, memberKey, readMembers, readRulesetShape, removeMembers, type Membership } from '../kernel/ruleset.js'
import { mapSlowly } from '../netlink/breathe.js'
import { isErrno } from '../netlink/errno.js'
import { nftBatch } from '../netlink/nft/batch.js'
import { getTable, listChains, listRules } from '../netlink/nft/read.js'
import type { Request } from '../netlink/request.js'
import type { ChainObject } from '../kernel/object.js'
import { chainsOf, endChains } from './chains.js'
import type { Context } from './context.js'
import type { Peering } from './cut-flows.js'
import { guarded, type Dismissed, type Guarded } from './forwarding.js'
import type { Ledger } from './ledger.js'
import { isPairOf, pairMembers, pairsOf, together, type Pairs, type Running } from './peering.js'
import type { NetworkRecord } from './record.js'

/** How often a commit is tried again when somebody else (nft flush ruleset) changes what it was decided on. */
const ATTEMPTS = 4

const exists = async (context: Context, name: string): Promise<boolean> => await getTable(context.nft, { family: 'inet', table: name }) !== undefined
const members = (networks: readonly NetworkRecord[]): NetworkRecord['members'] => networks.flatMap((network) => network.members)

/** What `publish` adds for these networks, but for their peers: made while the kernel is busy with their links. */
export async function elementsOf (context: Context, networks: readonly NetworkRecord[]): Promise<Request[]> {
  return await inParts(networks, (some) => [...chainsOf(context, some), ...addMembers(context.table, members(some))])
}

/**
 * Adds the elements of networks to the owner's table, which is made where it is missing: with those of all that stand, too, whose elements somebody has flushed then.
 * A table without any standing network is left over from a crash and is made anew, as is one that refuses: somebody has taken parts of it away, or
 * put an element of ours in, and one that another version of netwright made. `networks`: whose elements they are, those that change as they will be. Resolves with the pairs of peers of these networks, before and now.
 */
export async function publish (context: Context, elements: readonly Request[], networks: readonly NetworkRecord[]): Promise<Peering> {
  const standing = await context.book.look()
  const names = networks.map(({ definition }) => definition.name)
  const [had, have] = [pairsOf(names, standing), pairsOf(names, together(standing, networks))]
  const guard = await guarded(context)
  const touched = await context.strangers.touched([context.table, guardTable])
  let refused = touched.includes(context.table) && await damaged(context, standing)
  await repeated(async () => {
    const [found, guarding] = await Promise.all([getTable(context.nft, { family: 'inet', table: context.table }), guard !== undefined && exists(context, guardTable)])
    const there = found !== undefined
    const requests: Request[] = []
    if (!there || standing.size === 0 || refused || !isOfOurShape(found)) requests.push(...there ? deleteRuleset(context.table) : [], ...createRuleset(context.table), ...await allElements(context, standing))
    requests.push(...elements, ...removeMembers(context.table, pairMembers(had, have)), ...addMembers(context.table, pairMembers(have, had)))
    if (guard !== undefined) requests.push(...guardFor(guard, { networks, there: guarding, anew: refused || touched.includes(guardTable) }))
    refused = true // whoever comes here again has been
    await nftBatch(context.nft, requests)
  })
  return { had, have }
}

/** The elements and chains of all that stand; `instead`: those of them that are as these records say. */
async function allElements (context: Context, standing: Ledger, instead: readonly NetworkRecord[] = []): Promise<Request[]> {
  const other = new Map(instead.map((network) => [network.bridge.index, network]))
  const networks = standing.networks().map((network) => other.get(network.bridge.index) ?? network)
  return [...await elementsOf(context, networks), ...addMembers(context.table, pairMembers(allPairs(together(standing, instead), networks)))]
}

const allPairs = (standing: Running, networks: readonly NetworkRecord[]): Pairs => pairsOf(networks.map(({ definition }) => definition.name), standing)

/** Made where it is missing or may be damaged, else extended by what these networks need. */
function guardFor (guard: Guarded, { networks, there, anew }: { readonly networks: readonly Pick<NetworkRecord, 'bridge'>[], readonly there: boolean, readonly anew: boolean }): Request[] {
  if (!there) return createGuard(guard)
  if (anew) return [...deleteGuard(), ...createGuard(guard)]
  return extendGuard(guard.only(networks.map(({ bridge }) => bridge.name)))
}

/** Somebody has been at our tables: is a chain, a rule, a set or an element of what stands missing, or the guard in doubt? */
async function damaged (context: Context, standing: Ledger): Promise<boolean> {
  try {
    await context.strangers.renew()
    return await lacks(context, standing)
  } catch (error) {
    context.strangers.doubt()
    throw error
  }
}

/** Chains of networks that are missing, or have another number of rules. */
async function chainFaults ({ nft, table }: Context, networks: readonly NetworkRecord[]): Promise<readonly string[]> {
  const own = networks.flatMap(({ chains = [] }) => chains)
  if (own.length === 0) return []
  const counts = new Map<string, number>()
  for (const { chain = '' } of await listRules(nft, { family: 'inet', table })) counts.set(chain, (counts.get(chain) ?? 0) + 1)
  return own.filter((one) => counts.get(one.name) !== ruleCount(one)).map(({ name }) => `chain ${name}`)
}

async function lacks (context: Context, standing: Ledger): Promise<boolean> {
  const networks = standing.networks()
  const { exists: there, faults: constant } = await readRulesetShape(context.nft, context.table)
  if (!there) return false // it is made anyway
  const faults = constant.length > 0 ? constant : await chainFaults(context, networks)
  const members = faults.length > 0 ? [] : await readMembers(context.nft, context.table)
  const known = new Set(await mapSlowly(members, memberKey))
  const missing = faults.length > 0 || (await mapSlowly(networks, (network) => network.members.some((member) => !known.has(memberKey(member))))).includes(true) ||
    pairMembers(allPairs(standing, networks)).some((member) => !known.has(memberKey(member)))
  if (missing) context.logger.warn({ table: context.table, faults }, 'somebody has taken parts of our nftables table away: it is made anew')
  return missing
}

/** What a running network had, and what an update has added to it. `beside`: what all networks had that are put back together, this one among them; of a trial others stand. */
export interface Restoring { readonly before: NetworkRecord, readonly beside: readonly NetworkRecord[], readonly away: NetworkRecord['members'], readonly chains: readonly Pick<ChainObject, 'name'>[] }

/** Brings elements and chains back that an update took away, and takes away those that it added, however far it got. One commit. */
export async function restore (context: Context, restoring: Restoring): Promise<void> {
  await repeated(async () => {
    const standing = await context.book.look()
    const guard = await guarded(context)
    const found = await getTable(context.nft, { family: 'inet', table: context.table })
    const requests = found !== undefined && isOfOurShape(found)
      ? await restored(context, standing, restoring)
      : [...found === undefined ? [] : deleteRuleset(context.table), ...createRuleset(context.table), ...await allElements(context, standing, restoring.beside)]
    if (guard !== undefined) requests.push(...await exists(context, guardTable) ? extendGuard(guard) : createGuard(guard))
    await nftBatch(context.nft, requests)
  })
}

/** A forwarded port that leads to another guest is the same key with another value, which cannot be added beside it: so what is there is read first. */
async function restored ({ nft, table }: Context, standing: Ledger, { before, beside, away, chains }: Restoring): Promise<Request[]> {
  const { definition, bridge, members: own, chains: kept = [] } = before
  const back = [...own, ...pairMembers(pairsOf([definition.name], together(standing, beside)))]
  const there = new Map((await readMembers(nft, table)).map((member) => [memberKey(member), member]))
  const wanted = new Set(back.map(memberKey))
  const missing = back.filter((member) => { const found = there.get(memberKey(member)); return found === undefined || valueOf(found) !== valueOf(member) })
  const strays = [...away, ...[...there.values()].filter((member) => isPairOf(member, new Set([bridge.name])))]
  const wrong = new Map([...missing, ...strays.filter((member) => !wanted.has(memberKey(member)))].filter((member) => there.has(memberKey(member))).map((member) => [memberKey(member), member]))
  const made = new Set((await listChains(nft, { family: 'inet', table })).map(({ name }) => name))
  const ended = chains.filter(({ name }) => made.has(name) && !kept.some((one) => one.name === name))
  return [
    ...removeMembers(table, [...wrong.values()]), ...kept.flatMap((one) => made.has(one.name) ? replaceChain(table, one, []) : createChain(table, one)),
    ...addMembers(table, missing), ...endChains({ table }, ended),
  ]
}

const valueOf = ({ data }: Membership): string => data?.join(' ') ?? ''

/** The guard loses what no network needs any more, while all networks stay. */
export async function loosen (context: Context, loss: Dismissed): Promise<void> {
  const { guard } = loss
  if (guard === undefined) return
  await repeated(async () => { if (await exists(context, guardTable)) await nftBatch(context.nft, lossOf(guard)) })
}

/** Takes the networks out; with the last one the table goes. What is not there any more is no error. */
export async function withdraw (context: Context, networks: readonly NetworkRecord[], remaining: number, { guard }: Dismissed): Promise<void> {
  let careful = false
  const pairs = remaining === 0 ? new Map<string, never>() : pairsOf(networks.map(({ definition }) => definition.name), together(await context.book.look(), networks))
  await repeated(async () => {
    const requests: Request[] = []
    if (remaining === 0) requests.push(...!careful || await exists(context, context.table) ? deleteRuleset(context.table) : [])
    else if (careful) requests.push(...await still(context, networks))
    else requests.push(...removeMembers(context.table, pairMembers(pairs)), ...await inParts(networks, (some) => [...removeMembers(context.table, members(some)), ...endChains(context, some.flatMap(({ chains = [] }) => chains))]))
    if (guard !== undefined) requests.push(...!careful || await exists(context, guardTable) ? lossOf(guard) : [])
    careful = true // the next attempt looks before it deletes
    await nftBatch(context.nft, requests)
  })
}

const lossOf = (guard: GuardContent | 'all'): Request[] => guard === 'all' ? deleteGuard() : shrinkGuard(guard)

/** So many networks' elements are encoded in a millisecond or two. */
const PART = 40

/** The requests of one batch, made in slices. */
async function inParts (networks: readonly NetworkRecord[], make: (some: readonly NetworkRecord[]) => Request[]): Promise<Request[]> {
  const parts = Array.from({ length: Math.ceil(networks.length / PART) }, (_, i) => networks.slice(i * PART, (i + 1) * PART))
  return (await mapSlowly(parts, make)).flat()
}

/** What of them is there, with every pair that one of their bridges is in. */
async function still (context: Context, networks: readonly NetworkRecord[]): Promise<Request[]> {
  const { nft, table } = context
  if (!await exists(context, table)) return []
  const bridges = new Set(networks.map(({ bridge }) => bridge.name))
  const found = await readMembers(nft, table)
  const there = new Set(found.map(memberKey))
  const chains = new Set((await listChains(nft, { family: 'inet', table })).map(({ name }) => name))
  return [
    ...removeMembers(table, [...members(networks).filter((member) => there.has(memberKey(member))), ...found.filter((member) => isPairOf(member, bridges))]),
    ...endChains(context, networks.flatMap(({ chains: own = [] }) => own).filter(({ name }) => chains.has(name))),
  ]
}

async function repeated (attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try { await attempt(); return } catch (error) {
      const stale = ['ENOENT', 'EEXIST', 'ERESTART'].some((name) => isErrno(error, name))
      if (!stale || tries >= ATTEMPTS) throw error
    }
  }
}
