/**
 * Makes, changes and removes networks and ports as one: one function behind `host.create`, `network.start`, `attach`, `update` and `host.transaction`.
 *
 *     lock    plan · journal · links, addresses, routes, ports in a few sends · sysctls · guests' sides
 *     free    one dnsmasq a network, until it is ready; where none is started, the lock is kept
 *     lock    one nft commit · forwarding · ports join · the journal's record stands: from here on there is no way back · removals
 *
 * Whatever fails before, all of it is undone, and the error names whom it is about.
 */
import { located } from '../errors.js'
import { missingCapabilities, requireCapabilities } from '../kernel/host.js'
import { needsDnsmasq } from '../dnsmasq/config.js'
import type { Request } from '../netlink/request.js'
import { isSlow, planBatch, whose, type Batch } from './batch.js'
import { loosen, publish } from './commit.js'
import { locked, type Context } from './context.js'
import { needOf } from './converge.js'
import { cutFlows, type Peering } from './cut-flows.js'
import { unforwarded } from './flows.js'
import { dismiss, dismissed, enlist, switchOn } from './forwarding.js'
import { openGuests, type Guests } from './guests.js'
import { all, IndexTaken, joinPorts, makeBatch } from './make.js'
import { abandon, clear, whenQuiet, type Means } from './recovery.js'
import { foresee, type Content } from './book.js'
import type { BatchRecord, NetworkRecord, PortRecord, UpdateRecord } from './record.js'
import { releasesGuests } from './named-guests.js'
import { prune } from './port-state.js'
import { removalOf } from './removal.js'
import { reload, serve } from './serving.js'
import { steps, type Steps } from './steps.js'
import { closeAll, type TapFds } from './taps.js'
import type { Turn } from './together.js'
import { failure } from './undo.js'
import { foreignDrops } from './warnings.js'
import { networksOf, onlyRemoves, purposeOf, type Work } from './work.js'
import type { Consequence } from './change.js'

export interface Transacting extends Means {
  readonly signal?: AbortSignal | undefined
  /** Of a batch of several callers. */
  readonly turn?: Turn | undefined
  /** On trial: called when all is made, says until when (milliseconds of CLOCK_MONOTONIC). Whoever finds it unconfirmed then takes it back; removals are left to the confirmation. */
  readonly trial?: (() => Promise<number>) | undefined
}

/** What was done, each in order of asking within its kind. */
export interface Transacted {
  /** Created ones, then started ones. */
  readonly networks: readonly NetworkRecord[]
  readonly ports: readonly { readonly record: PortRecord, readonly network: NetworkRecord, readonly fds: readonly number[] }[]
  readonly updates: readonly { readonly record: NetworkRecord, readonly changes: readonly Consequence[] }[]
  readonly removed: readonly NetworkRecord[]
  /** The intent of a trial. */
  readonly trial?: BatchRecord
}

/** Another process may choose the same index at the same moment. */
const ATTEMPTS = 3

/**
 * Throws what is in the way or what the kernel or dnsmasq refused, located; NETWRIGHT_ABORTED; then nothing has changed. NETWRIGHT_UNDO_INCOMPLETE names
 * what has; where only a removal is incomplete, all else stands, and the next command goes on with it.
 */
export async function transact (work: Work, means: Transacting): Promise<Transacted> {
  if (missingCapabilities('network').length > 0) await refuse(work, means.context)
  if ((work.stop?.length ?? 0) > 0) await means.context.sexton.room(means.signal)
  const guests = await openGuests(work, means.context)
  try {
    for (let attempt = 1; ; attempt++) {
      try { return await new Transaction(work, guests, means).run() } catch (error) {
        if (!(error instanceof IndexTaken) || attempt >= ATTEMPTS) throw error
      }
    }
  } finally { for (const guest of new Set(guests.values())) guest.close() }
}

/** Throws NETWRIGHT_NO_PERMISSION with all that is missing for these networks. Without permission there is no lock to choose under. */
async function refuse ({ create = [], start = [], update = [] }: Work, { store }: Context): Promise<void> {
  const stored = await Promise.all(start.map(async ({ name }) => (await store.get(name))?.definition))
  const all = [...[...create, ...update].map(({ spec }) => spec), ...stored.filter((one) => one !== undefined)]
  requireCapabilities('network', ...all.some((one) => needsDnsmasq(one) || 'auto' in one) ? ['dnsmasq' as const] : [])
}

/** A batch whose intent is on record. */
interface Begun { readonly batch: Batch, readonly record: BatchRecord, readonly elements: readonly Request[], /** They are committed. */ readonly published: boolean }

class Transaction {
  readonly #work: Work
  readonly #guests: Guests
  readonly #means: Transacting
  readonly #purpose: string
  readonly #step: Steps
  readonly #fds: TapFds = new Map()
  /** The removals' own intent, void until the record stands. */
  #removal: BatchRecord | undefined
  /** Likewise. */
  #trial: BatchRecord | undefined

  constructor (work: Work, guests: Guests, means: Transacting) {
    this.#work = work
    this.#guests = guests
    this.#means = means
    this.#purpose = purposeOf(work)
    this.#step = steps(means.context.hook, means.signal)
  }

  async run (): Promise<Transacted> {
    const { context, daemons, signal, turn } = this.#means
    if (onlyRemoves(this.#work) && !releasesGuests(this.#work, await context.book.look())) return await this.#onlyRemove()
    const started = await whenQuiet({ context, daemons, purpose: this.#purpose, networks: networksOf(this.#work), signal, turn }, async () => {
      const begun = await this.#begin()
      return isSlow(begun.batch) ? { begun } : { done: await this.#orUndo(begun, async () => await this.#finish(begun)) }
    })
    if ('done' in started) return started.done
    const { begun } = started
    try { await serve(begun.batch, this.#means, this.#step) } catch (error) {
      return await this.#conclude(begun, async () => await this.#undo(begun, error))
    }
    return await this.#conclude(begun, async () => await this.#orUndo(begun, async () => await this.#finish(begun)))
  }

  /** Nothing comes or changes: the removal's intent is the only one. */
  async #onlyRemove (): Promise<Transacted> {
    const { context, daemons, signal, turn } = this.#means
    return await whenQuiet({ context, daemons, purpose: this.#purpose, networks: networksOf(this.#work), signal, removal: true, turn }, async () => {
      const removal = await removalOf(context, this.#work)
      if (this.#means.trial !== undefined) {
        await this.#try([], {})
        return this.#done({ networks: [], ports: [], updates: [], removal: { networks: [], ports: [] }, kept: [], stocked: [] })
      }
      await this.#step.before('write the journal')
      this.#removal = await context.book.intend(this.#purpose, { ...removal, removal: true })
      const left = await clear(this.#removal, this.#means)
      if (left.length > 0) throw failure(this.#purpose, left[0]?.error, left)
      return this.#done({ networks: [], ports: [], updates: [], removal, kept: [], stocked: [] })
    })
  }

  /** Up to where guests could be served. */
  async #begin (): Promise<Begun> {
    const { context, signal } = this.#means
    const hosts = new Set(this.#work.attach?.map(({ network }) => network))
    await prune(context, (await context.book.look()).ports(hosts))
    const batch = await planBatch(this.#work, { context, guests: this.#guests })
    const [networks, ports] = [batch.networks.map(({ record }) => record), batch.ports.map((port) => port.record)]
    const record = await this.#intend(batch, { networks, ports })
    const begun: Begun = { batch, record, elements: [], published: networks.length > 0 && batch.updates.length === 0 && !isSlow(batch) }
    return await this.#orUndo(begun, async () => {
      await context.stock?.used(batch.stocked)
      const running = [...networks, ...batch.updates.map(({ before, after }) => union(before, after))]
      if (running.length > 0) await this.#step.before('record forwarding')
      // The switch comes after the commit, so its record may come while the links are made.
      const enlisting = enlist(context, running.flatMap((network) => needOf(network) ?? []))
      const publish = async (made: readonly Request[]): Promise<void> => {
        await enlisting
        await this.#publish(batch, made)
        await foreignDrops(context).catch(() => undefined) // whoever warns of them needs not wait for them then
      }
      const [elements] = await all([makeBatch(batch, { context, step: this.#step, signal, fds: this.#fds }, begun.published ? publish : undefined), enlisting, foresee(record)])
      context.stock?.moved(batch.stocked)
      return { ...begun, elements }
    })
  }

  async #intend ({ updates, stocked }: Batch, made: Pick<Content, 'networks' | 'ports'>): Promise<BatchRecord> {
    const { book, stock } = this.#means.context
    try {
      await this.#step.before('write the journal')
      return await book.intend(this.#purpose, { ...made, updates: updates.map(({ before, after }) => ({ before, after })) })
    } catch (error) {
      stock?.back(stocked)
      throw error
    }
  }

  /** Networks are reachable from here on. Resolves with who might talk to whom before, and may now. */
  async #publish ({ networks, updates }: Batch, elements: readonly Request[]): Promise<Peering> {
    const { context } = this.#means
    await this.#step.before('commit nft')
    const peering = await publish(context, elements, [...networks.map(({ record }) => record), ...updates.map(({ after }) => after)])
    await this.#step.before('switch forwarding on')
    await switchOn(context, [...networks.map(({ record }) => record.forwarding), ...updates.map(({ after }) => after.forwarding)])
    return peering
  }

  async #finish ({ batch, record, elements, published }: Begun): Promise<Transacted> {
    const { context, daemons } = this.#means
    const { networks, updates } = batch
    await reload(batch, this.#means, this.#step)
    const peering = !published && (elements.length > 0 || updates.length > 0) ? await this.#publish(batch, elements) : { had: new Map(), have: new Map() }
    if (networks.length + updates.length > 0) {
      await this.#step.before('bring ports back')
      await joinPorts(batch, { context, step: this.#step, signal: this.#means.signal }, published)
    }
    await this.#release(batch)
    if (this.#means.trial !== undefined) await this.#try(updates, record)
    else if (batch.removal.networks.length + batch.removal.ports.length > 0) {
      await this.#step.before('write the journal of removals')
      this.#removal = await context.book.intend(this.#purpose, { ...batch.removal, follows: record.id, removal: true })
    }
    await this.#step.before('let the record stand')
    await context.book.stand(record)
    context.flows.forget([...updates.flatMap(({ before, difference }) => unforwarded(before, difference.removed)), ...cutFlows(updates, peering)])
    const idle = updates.filter(({ need }) => need === 'stop').map(({ after }) => after)
    if (idle.length > 0) await daemons.forget(idle).catch((error: unknown) => { context.logger.warn({ err: error }, 'files of dnsmasq stay') })
    await this.#remove()
    return this.#done(batch)
  }

  /** From when the record stands until it is confirmed: what there is to be taken back, and from whom others have to keep their hands. */
  async #try (updates: readonly UpdateRecord[], content: Pick<Content, 'networks' | 'ports' | 'updates'>): Promise<void> {
    const { context: { book }, trial } = this.#means
    if (trial === undefined) return
    await this.#step.before('start the watcher')
    const deadline = await trial()
    await this.#step.before('write the journal of the trial')
    const standing = await book.look()
    const holders = updates.flatMap(({ before: { bridge: { index } } }) => standing.holders(index).slice(0, 1).map(({ record: { process, lifetime } }) => ({ index, process, ...lifetime === undefined ? {} : { lifetime } })))
    this.#trial = await book.intend(this.#purpose, { ...content, trial: { deadline, names: networksOf(this.#work), holders } })
  }

  /** Forwarding that an update needs no more. */
  async #release ({ updates }: Batch): Promise<void> {
    const { context } = this.#means
    const released = updates.filter(({ difference }) => difference.released).map(({ after }) => after)
    if (released.length === 0) return
    await this.#step.before('release forwarding')
    const loss = await dismiss(context, released.map(({ bridge }) => bridge.name), released.flatMap((network) => needOf(network) ?? []))
    await loosen(context, loss)
    await dismissed(context, loss)
  }

  /** There is no way back: what fails is tried again by the next command. */
  async #remove (): Promise<void> {
    if (this.#removal === undefined) return
    const left = await clear(this.#removal, this.#means)
    if (left.length > 0) throw new Stands(failure(this.#purpose, left[0]?.error, left))
  }

  #done ({ networks, ports, updates, removal }: Batch): Transacted {
    return {
      networks: networks.map(({ record }) => record),
      ports: ports.map(({ record, network }) => ({ record, network, fds: this.#fds.get(record.link.index) ?? [] })),
      updates: updates.filter(({ implied }) => implied !== true).map(({ after, changes }) => ({ record: after, changes })),
      removed: removal.networks, ...this.#trial === undefined ? {} : { trial: this.#trial },
    }
  }

  async #orUndo<T> (begun: Begun, work: () => Promise<T>): Promise<T> {
    try { return await work() } catch (error) {
      if (error instanceof Stands) { await this.#close(); throw error.reason }
      return await this.#undo(begun, error)
    }
  }

  async #undo ({ record, batch }: Begun, reason: unknown): Promise<never> {
    const { context } = this.#means
    await this.#close()
    for (const intent of [this.#removal, this.#trial]) if (intent !== undefined) await context.book.drop(intent).catch((error: unknown) => { context.logger.warn({ err: error }, 'an intent that is void stays on record') })
    throw failure(this.#purpose, located(reason, whose(reason, batch)), await clear(record, this.#means))
  }

  /** A TAP that is not persistent goes with its descriptors. */
  async #close (): Promise<void> {
    const open = [...this.#fds.values()].flat()
    this.#fds.clear()
    await closeAll(open)
  }

  /** The last part, under the lock. Where the lock cannot be had, what stands is left to whoever comes next. */
  async #conclude<T> ({ record }: Begun, work: () => Promise<T>): Promise<T> {
    const { context } = this.#means
    const lock = { had: false }
    try {
      return await locked(context, this.#purpose, undefined, async () => {
        lock.had = true
        return await work()
      })
    } catch (error) {
      if (lock.had) throw error
      await this.#close()
      await abandon(record, context)
      throw failure(this.#purpose, error, record.networks.map(({ definition }) => ({ what: `network ${definition.name}`, error })))
    }
  }
}

/** What failed came after the point of no return: nothing is undone for it. */
class Stands extends Error {
  readonly reason: unknown
  constructor (reason: unknown) {
    super('it stands')
    this.reason = reason
  }
}

/** While it changes, a network needs what it needed and what it will need. */
function union (before: NetworkRecord, after: NetworkRecord): NetworkRecord {
  return { ...after, forwarding: { ipv4: before.forwarding.ipv4 || after.forwarding.ipv4, ipv6: before.forwarding.ipv6 || after.forwarding.ipv6 } }
}
