/** Finishes or undoes what a dead process left: whatever its journal names is removed, and what it was changing is put back. Callers hold the namespace's lock. */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetwrightError } from '../errors.js'
import { monotonic } from '../kernel/footprint.js'
import { now } from '../netlink/breathe.js'
import { locked, type Context } from './context.js'
import { converge } from './converge.js'
import { cutFlows } from './cut-flows.js'
import type { Daemons } from './daemons.js'
import { difference } from './difference.js'
import { unforwarded } from './flows.js'
import type { Grave } from './graves.js'
import type { Kept } from './recycle.js'
import { lives } from './identity.js'
import type { Ledger } from './ledger.js'
import { pairsOf, type Pairs } from './peering.js'
import type { BatchRecord, PortRecord } from './record.js'
import { stopIfAborted, undoSteps } from './steps.js'
import { teardown, type Left } from './teardown.js'
import { BusyNow, type Turn } from './together.js'
import { failure } from './undo.js'

export interface Means { readonly context: Context, readonly daemons: Daemons }

/** Intents that this process has given up on and could not even mark so. */
const abandoned = new Set<string>()

/** From now on `recover` takes this intent for that of a dead process, in every process. Needs no lock. */
export async function abandon (record: BatchRecord, context: Context): Promise<void> {
  abandoned.add(record.id)
  await context.book.abandon(record).catch((error: unknown) => { context.logger.warn({ err: error, purpose: record.purpose }, 'only this process can go on with it') })
}

/** Removes what an intent names, then the intent. What could not be removed is returned and stays in the journal, for whoever comes next. Callers hold the lock. */
export async function clear (record: BatchRecord, { context, daemons }: Means): Promise<readonly Left[]> {
  const step = undoSteps(context.hook)
  let left: readonly Left[]
  const graves: Grave[] = []
  const kept: Kept[] = []
  try {
    left = [...await converge(record, { context, daemons, steps: step }), ...await teardown(record, { context, daemons, steps: step, keep: await staying(context, record), graves, kept })]
    if (left.length === 0) {
      await step.before('close the record')
      if (record.trial === undefined) await context.book.gone(record)
      else await takenBack(record, context)
      context.stock?.add(kept.splice(0))
      abandoned.delete(record.id)
      await unreserve(record, { context, daemons })
      return []
    }
  } catch (error) { left = [{ what: 'its record', error }] } finally {
    // As long as a record names them nobody else may have them.
    context.sexton.take([...graves, ...kept.map(({ grave }) => grave)])
    await context.stock?.recall()
  }
  await abandon(record, context)
  return left
}

/** Connections by forwards, rules and peers that are gone again are forgotten. */
async function takenBack (record: BatchRecord, { book, flows, ipv6 }: Context): Promise<void> {
  const updates = (record.updates ?? []).map(({ before, after }) => ({ before: after, after: before }))
  const pairs = async (): Promise<Pairs> => pairsOf(updates.map(({ after }) => after.definition.name), await book.look())
  const had = await pairs()
  await book.revert(record)
  flows.forget([...updates.flatMap(({ before, after }) => unforwarded(before, difference(before, after, [], { ipv6 }).removed)), ...cutFlows(updates, { had, have: await pairs() })])
}

/** Ports that outlive the networks of a record, down and without master, for the next start. */
async function staying (context: Context, { networks, ports }: BatchRecord): Promise<readonly PortRecord[]> {
  const names = new Set(networks.map(({ definition }) => definition.name))
  const going = new Set(ports.map(({ link }) => link.index))
  return (await context.book.look()).ports(names).filter(({ link }) => !going.has(link.index))
}

/** Where only ports have gone, the networks' dnsmasq forgets their addresses. Nothing depends on it: the next start or change of a port tells it again. */
async function unreserve (record: BatchRecord, { context, daemons }: Means): Promise<void> {
  const names = new Set(record.ports.filter(({ ip }) => ip !== undefined).map(({ network }) => network))
  if (names.size === 0) return
  const standing = await context.book.look()
  for (const name of names) {
    const network = standing.network(name)
    if (network === undefined) continue
    try { await daemons.reload(network, standing.ports([name])) } catch (error) { context.logger.warn({ err: error, network: name }, 'its dnsmasq still knows the addresses of ports that are gone') }
  }
}

/** An intent whose undo failed again. */
export interface Failed { readonly record: BatchRecord, readonly left: readonly Left[] }

/** Removes what the intents of dead processes name. What cannot be removed stays in the journal, is logged and returned. */
export async function recover (means: Means): Promise<readonly Failed[]> {
  const { context } = means
  const { book, logger } = context
  const failed: Failed[] = []
  for (const record of inTurn(await book.journal())) {
    if (!await isOver(record)) continue
    if (await isVoid(record, context)) { await book.drop(record); continue }
    logger.warn({ purpose: record.purpose, pid: record.process.pid }, `"${record.purpose}" of process ${String(record.process.pid)} was not ${record.trial === undefined ? 'finished: removing what it left' : 'confirmed: it is taken back'}`)
    const left = await clear(record, means)
    if (left.length > 0) failed.push({ record, left })
  }
  await book.sweep()
  return failed
}

/** Nobody goes on with it: its process has given up on it or is dead, or it was on trial for long enough. */
const isOver = async (record: BatchRecord): Promise<boolean> => isAbandoned(record) || !await lives(record.process) || (record.trial !== undefined && record.trial.deadline <= monotonic())

/** A removal that belongs to another intent is looked at before that one: it depends on what became of it. */
const inTurn = (records: readonly BatchRecord[]): readonly BatchRecord[] => [...records.filter(belongs), ...records.filter((record) => !belongs(record))]
const belongs = ({ follows, confirms }: BatchRecord): boolean => follows !== undefined || confirms !== undefined

/** A removal whose batch was not finished, or confirmed; a trial of what never stood. One that was abandoned had begun, so its batch stood then. */
async function isVoid (record: BatchRecord, { book }: Context): Promise<boolean> {
  if (record.trial !== undefined) return !isTried(record, await book.look())
  if (isAbandoned(record)) return false
  if (record.confirms !== undefined) return (await book.journal()).some(({ id }) => id === record.confirms)
  return record.follows !== undefined && !(await book.look()).held.has(record.follows)
}

/** Whether anything stands of what is on trial. */
export function isTried ({ networks, ports, updates = [] }: BatchRecord, standing: Ledger): boolean {
  return networks.some(({ bridge }) => standing.bridge(bridge.index) !== undefined) || ports.some(({ link }) => standing.side(link.index) !== undefined) ||
    updates.some(({ after: { bridge, revision = 0 } }) => standing.bridge(bridge.index)?.revision === revision)
}

/** Whether `recover` would find something to do. Needs no lock: what somebody alive is at is not waited for. */
export async function needsRecovery ({ book }: Context): Promise<boolean> {
  for (const record of await book.journal()) if (await isOver(record)) return true
  return await book.littered()
}

const isAbandoned = (record: BatchRecord): boolean => record.abandoned === true || abandoned.has(record.id)
const namesOf = ({ networks, ports, updates = [], trial }: BatchRecord): string[] => [...trial?.names ?? [], ...networks.map(({ definition }) => definition.name), ...ports.map((port) => port.network), ...updates.map(({ after }) => after.definition.name)]

/** Somebody alive is at one of these networks or its ports; undefined where nobody is. Throws NETWRIGHT_UNDO_INCOMPLETE where somebody dead was, and it cannot be cleared. */
async function busy (means: Means, { networks, removal = false, turn }: Pick<Quiet, 'networks' | 'removal' | 'turn'>): Promise<{ readonly network: string, readonly record: BatchRecord } | undefined> {
  const failed = await recover(means)
  const hopeless = failed.find(({ record }) => namesOf(removal && record.trial === undefined ? { ...record, updates: [] } : record).some((name) => networks.includes(name)))
  if (hopeless !== undefined && turn?.patient === false) throw new BusyNow()
  if (hopeless !== undefined) throw failure(hopeless.record.purpose, hopeless.left[0]?.error, hopeless.left)
  for (const record of await means.context.book.journal()) {
    if (isAbandoned(record)) continue
    const network = namesOf(record).find((name) => networks.includes(name))
    if (network !== undefined) return { network, record }
  }
  return undefined
}

export interface Quiet extends Means {
  readonly purpose: string
  readonly networks: readonly string[]
  readonly signal?: AbortSignal | undefined
  /** They only go: what an update left half-way in them, and nobody can put back, goes with them. */
  readonly removal?: boolean
  /** Of a batch of several callers. */
  readonly turn?: Turn | undefined
}

/**
 * Runs `work` under the lock, after what dead processes left is gone, and when nobody is at any of these networks: a network that is being
 * started is waited for, one that is on trial is not. Throws NETWRIGHT_LOCKED, naming who is at it, after the lock's deadline, and NETWRIGHT_UNDO_INCOMPLETE where one
 * of them is only half there and cannot be cleared; BusyNow instead of the latter two where nobody is to wait.
 */
export async function whenQuiet<T> ({ context, daemons, purpose, networks, signal, removal = false, turn }: Quiet, work: () => Promise<T>): Promise<T> {
  const deadline = now() + context.lockTimeout
  for (let pause = 2; ; pause = Math.min(pause * 2, 25)) {
    const result = await locked(context, purpose, signal, async () => {
      const at = await busy({ context, daemons }, { networks, removal, turn })
      if (at !== undefined) return { at }
      turn?.begun()
      return { done: await work() }
    }, turn?.place)
    if ('done' in result) return result.done
    if (turn?.patient === false) throw new BusyNow()
    if (now() >= deadline || result.at.record.trial !== undefined) throw busyError(result.at.network, result.at.record)
    await sleep(pause)
    stopIfAborted(signal, purpose)
  }
}

function busyError (network: string, record: BatchRecord): NetwrightError {
  const holder = `process ${String(record.process.pid)} (${record.purpose})`
  if (record.trial !== undefined) {
    const seconds = Math.max(1, Math.ceil((record.trial.deadline - monotonic()) / 1_000))
    return new NetwrightError('NETWRIGHT_LOCKED', `network ${network} is on trial for another ${String(seconds)} s, until ${holder} confirms it`, { network, holder, remedy: 'wait until it is confirmed or taken back' })
  }
  return new NetwrightError('NETWRIGHT_LOCKED', `network ${network} is being changed by ${holder}`, { holder, remedy: 'wait until it is done' })
}
