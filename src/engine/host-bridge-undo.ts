/** Takes back what a record of a host bridge names, as far as it has come. Each step is one that may have been done already. */
import { dirname } from 'node:path'
import { upRequest, type Known } from '../kernel/link.js'
import { readRawLink } from '../kernel/uplink.js'
import { link } from '../netlink/rtnl/link.js'
import { ahead, arrival, carries, deal, demand, departure, enslave, GONE, release, settling, silence, THERE, type Deal, type Means, type Way } from './carry.js'
import { isErrno } from '../netlink/errno.js'
import { removeEmpty } from './files.js'
import { dropRecord, readRecord, writeRecord, type CreationRecord, type HostBridgeRecord, type KeptRecord, type RemovalRecord, type Source } from './host-bridge-record.js'
import { lock } from './lock.js'
import { undoSteps } from './steps.js'
import type { Left } from './teardown.js'

/** Where the record is, and what keeps others from it meanwhile. */
export interface Filed { readonly path: string, readonly lock: string }

/** Milliseconds: nobody holds this lock for longer than a change takes. */
const LOCK_TIMEOUT = 10_000

/** What says that nothing can be written, and so nobody can have a lock. */
const UNWRITABLE = ['EROFS', 'ENOSPC', 'EDQUOT', 'EIO']

/**
 * Runs `work` while nobody else confirms or takes back a host bridge of this namespace. Throws NETWRIGHT_LOCKED. `regardless`: without a lock where the
 * file system takes none, since being reached again comes first.
 */
export async function undisturbed<T> ({ lock: path }: Pick<Filed, 'lock'>, purpose: string, work: () => Promise<T>, { regardless = false } = {}): Promise<T> {
  const held = await lock({ path, purpose, timeout: LOCK_TIMEOUT }).catch((error: unknown) => {
    if (!regardless || !UNWRITABLE.some((code) => isErrno(error, code))) throw error
  })
  try { return await work() } finally {
    await held?.release(true)
    if (held !== undefined) await removeEmpty(dirname(path), 1)
  }
}

export interface TakenBack { readonly was: HostBridgeRecord | undefined, readonly left: readonly Left[] }

/**
 * Takes back what is on trial, unless it is decided already, and its record; a removal that has lost its bridge is finished. Returns what it was, and what could not be taken back: then the record stays,
 * for whoever comes next.
 */
export async function takeBack (filed: Filed, means: Means): Promise<TakenBack> {
  return await undisturbed(filed, 'take a host bridge back', async () => {
    const was = await readRecord(filed.path)
    if (was?.state !== 'trial') return { was, left: [] }
    const removed = was.change === 'remove' && !await stands(was.bridge, 'bridge', means)
    const left = was.change === 'create' ? await undoCreation(was, means) : removed ? await finishRemoval(was, means) : await undoRemoval(was, means)
    if (left.length > 0) return { was, left }
    await undoSteps(means.hook).before('close the record')
    try { await (was.change === 'create' || removed ? dropRecord(filed.path) : writeRecord(filed.path, asKept(was))) } catch (error) { return { was, left: [{ what: `record ${filed.path}`, error }] } }
    return { was, left }
  }, { regardless: true })
}

/** What stands when the trial is over. */
export function asKept ({ version, boot, definition, bridge, port, made, target, sources }: HostBridgeRecord): KeptRecord {
  return { version, boot, definition, bridge, port, made, target, sources, state: 'kept' }
}

/** Whether a link is there, by index and kind: names may have been changed. */
async function stands ({ index }: Known, kind: string, { rtnl }: Means): Promise<boolean> {
  return (await readRawLink(rtnl, { index }))?.linkinfo?.kind === kind
}

async function undoCreation (record: CreationRecord, means: Means): Promise<readonly Left[]> {
  const { bridge, made, target, sources } = record
  const step = undoSteps(means.hook)
  const bridged = await stands(bridge, 'bridge', means)
  const left: Left[] = []
  await step.before('give back')
  const back: Deal[] = []
  for (const source of sources) back.push(...await giveBack(source, record, means))
  left.push(...await deal(back, means))
  if (bridged) {
    await step.before('remove the bridge')
    left.push(...await deal([{ requests: [upRequest(bridge, false), link.remove({ index: bridge.index }, bridge.name)], unless: GONE }], means))
  }
  for (const one of [...made].reverse()) {
    if (await readRawLink(means.rtnl, { index: one.index }) === undefined) continue
    await step.before(`remove ${one.name}`)
    left.push(...await deal([{ requests: [link.remove({ index: one.index }, one.name)], unless: GONE }], means))
  }
  await step.before('settle')
  for (const source of sources) {
    if (await readRawLink(means.rtnl, { index: source.index }) !== undefined) left.push(...await settling(homeward(source, target), means))
  }
  return left
}

const homeward = (source: Source, from: Known): Way => ({ footprint: source.footprint, home: source, from, to: source })

/** A NIC that has gone meanwhile has nothing to get; one that has become somebody else's port stays it. */
async function giveBack (source: Source, { bridge, port, made, target }: CreationRecord, means: Means): Promise<Deal[]> {
  const now = await readRawLink(means.rtnl, { index: source.index })
  if (now === undefined) return []
  const way = homeward(source, target)
  const whole = await stands(target, target.index === bridge.index ? 'bridge' : 'bond', means) ? await arrival(way, means) : ahead(way)
  const [nomaster, ...mode] = release(source, source.addrGenMode)
  const leave = nomaster !== undefined && [bridge, ...made].some(({ index }) => index === now.master) ? [nomaster] : []
  // A member is down when it leaves its bond, and down it can have no routes.
  const before: Deal[] = source.index === port.index ? [] : [{ requests: [...leave, upRequest(source, true)] }]
  const after: Deal[] = source.index === port.index ? [{ requests: leave }] : []
  return [...before, ...whole, ...after, { requests: mode }]
}

/** Without its bridge (whoever confirmed it was killed, or somebody else has deleted it) there is nothing to go back to: what it had is its port's. */
async function finishRemoval ({ bridge, port, before, sources }: RemovalRecord, means: Means): Promise<readonly Left[]> {
  const way: Way = { footprint: before, home: bridge, from: bridge, to: port }
  const mode = sources.find(({ index }) => index === port.index)?.addrGenMode
  const deals = [...ahead(way), ...await arrival(way, means), { requests: release(port, mode) }]
  return await deal(deals.map(({ requests }) => ({ requests, unless: [...THERE, ...GONE] })), means)
}

async function undoRemoval ({ bridge, port, before, sources }: RemovalRecord, means: Means): Promise<readonly Left[]> {
  const step = undoSteps(means.hook)
  const way: Way = { footprint: before, home: bridge, from: port, to: bridge }
  try {
    await step.before('give back')
    await demand([...ahead(way), { requests: [enslave(port, bridge)] }], means)
    await carries(bridge, means)
    await demand([...await arrival(way, means), ...departure(way), { requests: sources.some(({ addrGenMode }) => addrGenMode !== undefined) ? [silence(port)] : [] }], means)
  } catch (error) { return [{ what: `bridge ${bridge.name}`, error }] }
  await step.before('settle')
  return await settling(way, means)
}
