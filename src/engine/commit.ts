/** The nft commit: the moment at which networks are published, or withdrawn. One batch each. Callers hold the namespace's lock. */
import { createGuard, deleteGuard, extendGuard, guardTable, shrinkGuard, type GuardContent } from '../kernel/guard.js'
import { addMembers, createRuleset, deleteRuleset, memberKey, readMembers, readRulesetShape, removeMembers, type Membership } from '../kernel/ruleset.js'
import { mapSlowly } from '../netlink/breathe.js'
import { isErrno } from '../netlink/errno.js'
import { nftBatch } from '../netlink/nft/batch.js'
import { getTable } from '../netlink/nft/read.js'
import type { Request } from '../netlink/request.js'
import type { Context } from './context.js'
import { guarded, type Dismissed, type Guarded } from './forwarding.js'
import type { Ledger } from './ledger.js'
import type { NetworkRecord } from './record.js'

/** How often a commit is tried again when somebody else (nft flush ruleset) changes what it was decided on. */
const ATTEMPTS = 4

const exists = async (context: Context, name: string): Promise<boolean> => await getTable(context.nft, { family: 'inet', table: name }) !== undefined
const members = (networks: readonly NetworkRecord[]): NetworkRecord['members'] => networks.flatMap((network) => network.members)

/** What `publish` adds for these networks: made while the kernel is busy with their links. */
export async function elementsOf (context: Context, networks: readonly NetworkRecord[]): Promise<Request[]> {
  return await inParts(networks, (some) => addMembers(context.table, members(some)))
}

/**
 * Adds the elements of networks to the owner's table, which is made where it is missing: with those of all that stand, too, whose elements somebody has flushed then.
 * A table without any standing network is left over from a crash and is made anew, as is one that refuses: somebody has taken parts of it away, or
 * put an element of ours in. `networks`: whose elements they are; all may be meant.
 */
export async function publish (context: Context, elements: readonly Request[], networks?: readonly Pick<NetworkRecord, 'bridge'>[]): Promise<void> {
  const standing = await context.book.look()
  const guard = await guarded(context)
  const touched = await context.strangers.touched([context.table, guardTable])
  let refused = touched.includes(context.table) && await damaged(context, standing)
  await repeated(async () => {
    const there = await exists(context, context.table)
    const requests: Request[] = []
    if (!there || standing.size === 0 || refused) requests.push(...there ? deleteRuleset(context.table) : [], ...createRuleset(context.table), ...await elementsOf(context, standing.networks()))
    requests.push(...elements)
    if (guard !== undefined) requests.push(...await guardFor(context, guard, { networks, anew: refused || touched.includes(guardTable) }))
    refused = true // whoever comes here again has been
    await nftBatch(context.nft, requests)
  })
}

/** Made where it is missing or may be damaged, else extended by what these networks need. */
async function guardFor (context: Context, guard: Guarded, { networks, anew }: { readonly networks: readonly Pick<NetworkRecord, 'bridge'>[] | undefined, readonly anew: boolean }): Promise<Request[]> {
  if (!await exists(context, guardTable)) return createGuard(guard)
  if (anew) return [...deleteGuard(), ...createGuard(guard)]
  return extendGuard(networks === undefined ? guard : guard.only(networks.map(({ bridge }) => bridge.name)))
}

/** Somebody has been at our tables: is a chain, a rule, a set or an element of what stands missing, or the guard in doubt? */
async function damaged (context: Context, standing: Pick<Ledger, 'networks'>): Promise<boolean> {
  try {
    await context.strangers.renew()
    return await lacks(context, standing.networks())
  } catch (error) {
    context.strangers.doubt()
    throw error
  }
}

async function lacks (context: Context, standing: readonly NetworkRecord[]): Promise<boolean> {
  const { exists: there, faults } = await readRulesetShape(context.nft, context.table)
  if (!there) return false // it is made anyway
  const members = faults.length > 0 ? [] : await readMembers(context.nft, context.table)
  const known = new Set(await mapSlowly(members, memberKey))
  const missing = faults.length > 0 || (await mapSlowly(standing, (network) => network.members.some((member) => !known.has(memberKey(member))))).includes(true)
  if (missing) context.logger.warn({ table: context.table, faults }, 'somebody has taken parts of our nftables table away: it is made anew')
  return missing
}

/** Brings elements back that an update took away, and takes away those that it added, however far it got. One commit. */
export async function restore (context: Context, back: NetworkRecord['members'], away: NetworkRecord['members']): Promise<void> {
  await repeated(async () => {
    const standing = await context.book.look()
    const guard = await guarded(context)
    const requests = await exists(context, context.table)
      ? await restoring(context, back, away)
      : [...createRuleset(context.table), ...await elementsOf(context, standing.networks())]
    if (guard !== undefined) requests.push(...await exists(context, guardTable) ? extendGuard(guard) : createGuard(guard))
    await nftBatch(context.nft, requests)
  })
}

/** A forwarded port that leads to another guest is the same key with another value, which cannot be added beside it: so what is there is read first. */
async function restoring (context: Context, back: NetworkRecord['members'], away: NetworkRecord['members']): Promise<Request[]> {
  const there = new Map((await readMembers(context.nft, context.table)).map((member) => [memberKey(member), valueOf(member)]))
  const wanted = new Set(back.map(memberKey))
  const missing = back.filter((member) => there.get(memberKey(member)) !== valueOf(member))
  const wrong = [...missing.filter((member) => there.has(memberKey(member))), ...away.filter((member) => there.has(memberKey(member)) && !wanted.has(memberKey(member)))]
  return [...removeMembers(context.table, wrong), ...addMembers(context.table, missing)]
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
  await repeated(async () => {
    const requests: Request[] = []
    if (remaining === 0) requests.push(...!careful || await exists(context, context.table) ? deleteRuleset(context.table) : [])
    else if (careful) requests.push(...removeMembers(context.table, await still(context, networks)))
    else requests.push(...await inParts(networks, (some) => removeMembers(context.table, members(some))))
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

async function still (context: Context, networks: readonly NetworkRecord[]): Promise<NetworkRecord['members']> {
  if (!await exists(context, context.table)) return []
  const there = new Set((await readMembers(context.nft, context.table)).map(memberKey))
  return members(networks).filter((member) => there.has(memberKey(member)))
}

async function repeated (attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try { await attempt(); return } catch (error) {
      const stale = ['ENOENT', 'EEXIST', 'ERESTART'].some((name) => isErrno(error, name))
      if (!stale || tries >= ATTEMPTS) throw error
    }
  }
}
