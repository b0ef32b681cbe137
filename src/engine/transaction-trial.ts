/**
 * A transaction on trial. It stands, and its intent stays in the journal: we take it back when nobody has confirmed it in time; a reaper does when we have
 * died, or do not get round to it; whatever killed both, the next command does.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { InputError, NetwrightError } from '../errors.js'
import { monotonic } from '../kernel/footprint.js'
import { requireCapabilities } from '../kernel/host.js'
import type { Committed, Options } from './api.js'
import { locked } from './context.js'
import { checkedTime } from './host-bridge-input.js'
import { asked, uplinkReach, type UplinkReach } from './probe.js'
import { Reaper, type Estate } from './reaper.js'
import { abandon, clear } from './recovery.js'
import type { BatchRecord } from './record.js'
import { removalOf } from './removal.js'
import { steps, stopIfAborted } from './steps.js'
import type { CommittedOnTrial, OnTrial, TransactionTrialOptions } from './trial-api.js'
import { failure } from './undo.js'
import { unconfirmed } from './trial.js'
import { closeOwn } from './port-handle.js'
import { transact, type Transacted } from './transact.js'
import type { Work } from './work.js'
import type { Works } from './works.js'

/** Milliseconds that the probe may take where nobody has to confirm it. */
const AUTOMATIC = 30_000
/** Milliseconds after its end that we have to take it back before the reaper does. */
const GRACE = 5_000

type Decision = 'kept' | 'taken back'

/** Whether a transaction is to be on trial. */
export const isTrial = (options: TransactionTrialOptions | undefined): boolean => options?.confirmWithin !== undefined || options?.probe !== undefined

/** What has to be known before the change. */
interface Prepared { readonly options: TransactionTrialOptions, readonly reached: UplinkReach | undefined }

/** Throws NETWRIGHT_INVALID. */
async function prepared (options: TransactionTrialOptions, { context }: Works): Promise<Prepared> {
  const { probe, signal } = options
  if (probe !== undefined && probe !== 'none' && typeof probe !== 'function') throw new InputError([{ path: 'probe', message: 'expected a function, or \'none\'' }])
  stopIfAborted(signal, 'transaction')
  requireCapabilities('network')
  return { options, reached: probe === undefined ? await uplinkReach({ transport: context.rtnl, netns: context.netns.fd }) : undefined }
}

/** Those of one host. */
export class TransactionTrials {
  readonly #works: Works
  readonly #root: string
  /** Those that are not decided. */
  readonly #pending = new Set<TransactionTrial>()

  constructor (works: Works, root: string) {
    this.#works = works
    this.#root = root
  }

  /** As `transact`, then the probe. `hand`: makes handles of what was made. */
  async run (work: Work, options: TransactionTrialOptions, hand: (made: Transacted) => Promise<Committed>): Promise<CommittedOnTrial> {
    const { context, daemons } = this.#works
    const confirmWithin = checkedTime(options, 0)
    const before = await prepared(options, this.#works)
    const watcher = new Watcher(this.#works, this.#root)
    const { intent, made } = await (async () => {
      try {
        const made = await transact(work, { context, daemons, signal: options.signal, trial: async () => await watcher.start(confirmWithin) })
        if (made.trial === undefined) throw new Error('a trial without an intent')
        return { intent: made.trial, made }
      } catch (error) { await watcher.end(); throw error }
    })()
    const trial = new TransactionTrial(this.#works, { work, made, intent, confirmWithin, watcher })
    this.#pending.add(trial)
    trial.outcome.then(() => { this.#pending.delete(trial) }, () => { this.#pending.delete(trial) })
    const committed = await trial.probe(async () => await hand(made), before)
    if (confirmWithin === 0) await trial.confirm()
    return {
      ...committed, confirmWithin, outcome: trial.outcome, confirm: async (how) => { await trial.confirm(how) }, takeBack: async () => { await trial.takeBack() },
      [Symbol.asyncDispose]: async () => { await trial[Symbol.asyncDispose]() },
    }
  }

  /** What nobody has confirmed is taken back. */
  async close (): Promise<void> {
    for (const trial of this.#pending) await trial[Symbol.asyncDispose]().catch((error: unknown) => { this.#works.context.logger.error({ err: error }, 'a transaction on trial could not be taken back: the next host tries again') })
  }
}

/** Who takes it back when we die: there before there is anything to take back. */
class Watcher {
  readonly #works: Works
  readonly #root: string
  #reaper: Reaper | undefined

  constructor (works: Works, root: string) {
    this.#works = works
    this.#root = root
  }

  /** Returns until when it is on trial, milliseconds of CLOCK_MONOTONIC. */
  async start (confirmWithin: number): Promise<number> {
    const { owner, netns, logger, places } = this.#works.context
    const deadline = monotonic() + (confirmWithin === 0 ? AUTOMATIC : confirmWithin * 1_000)
    await this.end()
    this.#reaper = await Reaper.start({ program: 'reap', duty: { owner, root: this.#root, complaints: places.complaints, discard: false } satisfies Estate, deadline: deadline + GRACE, netns: netns.fd, logger })
    return deadline
  }

  async end (): Promise<void> { await this.#reaper?.end() }
}

class TransactionTrial implements OnTrial {
  readonly confirmWithin: number
  readonly outcome: Promise<Decision>
  readonly #works: Works
  readonly #work: Work
  readonly #made: Transacted
  readonly #intent: BatchRecord
  readonly #watcher: Watcher
  readonly #decided = new AbortController()
  #decision: Decision | undefined
  /** Why it is taken back. */
  #reason: unknown

  constructor (works: Works, { work, made, intent, confirmWithin, watcher }: { readonly work: Work, readonly made: Transacted, readonly intent: BatchRecord, readonly confirmWithin: number, readonly watcher: Watcher }) {
    this.#works = works
    this.#work = work
    this.#made = made
    this.#intent = intent
    this.#watcher = watcher
    this.confirmWithin = confirmWithin
    this.outcome = this.#wait()
    this.outcome.catch(() => undefined) // whoever asks is told
  }

  get #deadline (): number { return this.#intent.trial?.deadline ?? 0 }

  async #wait (): Promise<Decision> {
    try {
      await sleep(Math.max(0, this.#deadline - monotonic()), undefined, { signal: this.#decided.signal }).catch(() => undefined)
      return await this.#end()
    } finally { await this.#watcher.end() }
  }

  /** Takes it back unless it is decided already. */
  async #end (): Promise<Decision> {
    const { context, daemons, refresh } = this.#works
    if (this.#decision !== undefined) return this.#decision
    const { purpose } = this.#intent
    try {
      const decision = await locked(context, `take back: ${purpose}`, undefined, async () => {
        const intent = await this.#pending()
        if (this.#decision !== undefined || intent === undefined) return this.#decision ??= 'taken back'
        const left = await clear(intent, { context, daemons })
        if (left.length > 0) throw failure(purpose, this.#reason ?? left[0]?.error, left)
        return this.#decision = 'taken back'
      })
      if (decision === 'taken back' && !this.#works.closed) await refresh()
      return decision
    } catch (error) {
      await abandon(this.#intent, context)
      throw error
    }
  }

  /** Nobody has taken it back yet. Under the lock. */
  async #pending (): Promise<BatchRecord | undefined> { return (await this.#works.context.book.journal()).find(({ id }) => id === this.#intent.id) }

  /** Whether the probe is content. Throws NETWRIGHT_PROBE_FAILED, NETWRIGHT_ABORTED; then it is taken back. */
  async probe (hand: () => Promise<Committed>, { options: { probe, signal }, reached }: Prepared): Promise<Committed> {
    try {
      const committed = await hand()
      await steps(this.#works.context.hook, signal).before('probe')
      const time = AbortSignal.timeout(Math.max(1, this.#deadline - monotonic()))
      const ending = signal === undefined ? time : AbortSignal.any([signal, time])
      if (reached !== undefined) await reached.still(ending)
      if (typeof probe === 'function') await asked(probe, { ...committed, signal: ending })
      stopIfAborted(signal, 'the probe of a transaction on trial')
      return committed
    } catch (error) {
      this.#reason = error
      for (const { record, fds } of this.#made.ports) await closeOwn(record.link.name, fds)
      await this.takeBack()
      throw error
    }
  }

  async confirm (options?: Options): Promise<void> {
    const { context } = this.#works
    if (this.#decision === undefined && (this.#work.stop?.length ?? 0) > 0) await context.sexton.room(options?.signal)
    if (this.#decision === undefined) await locked(context, `confirm: ${this.#intent.purpose}`, options?.signal, async () => { await this.#confirm(options) })
    this.#decided.abort()
    if (await this.outcome === 'taken back') throw unconfirmed(this.#intent.purpose, this.confirmWithin)
  }

  /** What is to go goes now: void until the trial's intent is gone. */
  async #confirm (options?: Options): Promise<void> {
    const { context, daemons } = this.#works
    const intent = await this.#pending()
    if (this.#decision !== undefined || intent === undefined) return
    const { book, hook } = context
    const step = steps(hook, options?.signal)
    const going = await removalOf(context, this.#work)
    await step.before('write the journal of removals')
    const removal = going.networks.length + going.ports.length === 0 ? undefined : await book.intend(intent.purpose, { ...going, confirms: intent.id, removal: true })
    try {
      await step.before('confirm')
      await book.drop(intent)
    } catch (error) {
      if (removal !== undefined) await book.drop(removal).catch(() => undefined)
      throw error
    }
    this.#decision = 'kept'
    const left = removal === undefined ? [] : await clear(removal, { context, daemons })
    if (left.length > 0) throw failure(intent.purpose, left[0]?.error, left)
  }

  async takeBack (): Promise<void> {
    this.#decided.abort()
    if (await this.outcome === 'kept') throw new NetwrightError('NETWRIGHT_CLOSED', `${this.#intent.purpose}: it is confirmed already`, { remedy: 'undo it with another transaction' })
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    this.#decided.abort()
    await this.outcome
  }
}
