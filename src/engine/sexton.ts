/**
 * Deletes buried links behind the scenes: no lock is held, and RTNL no longer than a fifth of a second at a time, with pauses in which others come
 * to it, this host's own verbs first.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isError, NetwrightError } from '../errors.js'
import { isBuried, type Plot } from '../kernel/burial.js'
import type { Occupant } from '../kernel/yard.js'
import { removeRequest } from '../kernel/link.js'
import type { Logger } from '../log.js'
import { call } from '../netlink/call.js'
import { openChannel } from '../netlink/channel.js'
import { isErrno } from '../netlink/errno.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import { removeGroup } from '../netlink/rtnl/link.js'
import type { Tally } from '../netlink/tally.js'
import type { Transport } from '../netlink/transport.js'
import type { Flows } from './flows.js'
import type { Grave, Graves } from './graves.js'
import { oneAtATime } from './one-at-a-time.js'
import { stopIfAborted, undoSteps, type StepHook } from './steps.js'

export interface SextonOptions {
  readonly graves: Graves
  readonly flows: Flows
  /** An open descriptor of the namespace, -1 for our own. */
  readonly netns: number
  readonly logger: Logger
  readonly hook: StepHook | undefined
  readonly tally: Tally
}

/** Milliseconds between two plots: enough for others to make a network meanwhile. */
const PAUSE = 5
/** Milliseconds a plot waits at most for the end of what the host is at. */
const PATIENCE = 250
/** So many links may wait: whoever makes and stops networks faster than the kernel can delete them waits for it, instead of filling its memory. */
const BACKLOG = 1000

export class Sexton {
  readonly #options: SextonOptions
  readonly #queue: Grave[] = []
  readonly #failed = new Map<Grave, unknown>()
  #working: Promise<void> | undefined
  /** Links that wait. */
  #waiting = 0
  #quiet: () => Promise<void> = () => Promise.resolve()

  constructor (options: SextonOptions) { this.#options = options }

  /** `quiet` resolves when the host is at nothing. */
  heed (quiet: () => Promise<void>): void { this.#quiet = quiet }

  /** Takes graves on; their links must be in them by now. Returns at once. */
  take (graves: readonly Grave[]): void {
    if (graves.length === 0) return
    this.#queue.push(...graves)
    for (const grave of graves) this.#waiting += size(grave)
    this.#working ??= this.#work()
  }

  /** Resolves when there is room for more. Throws NETWRIGHT_ABORTED. */
  async room (signal: AbortSignal | undefined): Promise<void> {
    while (this.#waiting > BACKLOG) {
      stopIfAborted(signal, 'waiting for links to go')
      await sleep(PAUSE)
    }
  }

  /** Links that are to be deleted. */
  get waiting (): number { return this.#waiting }

  /** Resolves when nothing is in work, however it went. Never throws. */
  async ended (): Promise<void> { while (this.#working !== undefined) await this.#working }

  /** Resolves when all links that were taken on are gone; what could not be deleted before is tried again. Throws NETWRIGHT_UNDO_INCOMPLETE, NETWRIGHT_ABORTED. */
  async settled (signal: AbortSignal | undefined): Promise<void> {
    const again = [...this.#failed.keys()]
    this.#failed.clear()
    this.take(again)
    await until(this.ended(), signal)
    const [first] = this.#failed
    if (first === undefined) return
    throw new NetwrightError('NETWRIGHT_UNDO_INCOMPLETE', `links of what was stopped are still there: ${isError(first[1]) ? first[1].message : String(first[1])}`, {
      cause: first[1], left: [...this.#failed.keys()].flatMap(({ plots }) => plots.flatMap(({ links }) => links.map(({ name }) => `link ${name}`))), remedy: 'the next netwright command tries again to remove them',
    })
  }

  async #work (): Promise<void> {
    await Promise.resolve() // whoever hands graves over has more to do first
    // The last look at the queue and the end are one stretch: what comes later starts anew.
    try { while (this.#queue.length > 0) await this.#bring(this.#queue.splice(0)) } finally { this.#working = undefined }
  }

  /** A socket of its own: a deletion that holds the kernel for long must not hold the host's. */
  async #bring (graves: readonly Grave[]): Promise<void> {
    try {
      await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: this.#options.netns, tally: this.#options.tally })
      await this.#rest()
      await undoSteps(this.#options.hook).before('look at links')
      const links = await this.#options.graves.yard.look(channel, graves.flatMap(({ plots }) => plots))
      for (const grave of graves) await this.#clear(grave, links, channel).catch(async (error: unknown) => { await this.#fail(grave, error) })
    } catch (error) {
      for (const grave of graves) await this.#fail(grave, error)
    }
  }

  async #fail (grave: Grave, error: unknown): Promise<void> {
    const { graves, logger } = this.#options
    this.#failed.set(grave, error)
    this.#waiting -= size(grave)
    logger.error({ err: error, grave: grave.id }, 'links of what was stopped could not be deleted: the next host tries again')
    await graves.abandon(grave).catch((err: unknown) => { logger.warn({ err, grave: grave.id }, 'only this process can go on with it') })
  }

  async #clear (grave: Grave, links: readonly Occupant[], channel: Transport): Promise<void> {
    const { graves, hook } = this.#options
    const step = undoSteps(hook)
    for (const plot of grave.plots) {
      const found = links.filter(({ group }) => group === plot.group)
      if (found.length === 0) continue
      await this.#rest()
      await step.before('delete buried links')
      await this.#delete(plot, graves.yard.hears(plot.group) ? await graves.yard.look(channel, [plot]) : found, channel)
    }
    await this.#options.flows.forgotten((grave.flows ?? []).map(({ prefix }) => prefix), { patient: true })
    await step.before('close the grave')
    await graves.close(grave)
    this.#waiting -= size(grave)
  }

  /** Where somebody has put a link of his into the group, ours are deleted one by one. What he puts there in the microseconds between the look and the deletion cannot be seen. */
  async #delete (plot: Plot, found: readonly Occupant[], channel: Transport): Promise<void> {
    const { logger } = this.#options
    const ours = found.filter((state) => isBuried(state, plot))
    if (ours.length === found.length) {
      try { await oneAtATime(async () => await call(channel, removeGroup(plot.group))); return } catch (error) {
        if (isErrno(error, 'ENODEV')) return
        logger.warn({ err: error, group: plot.group }, 'a group of links could not be deleted as one: each is tried by itself')
      }
    } else logger.warn({ group: plot.group, links: found.filter((state) => !ours.includes(state)).map(({ name }) => name) }, 'a link is left alone that somebody has put into the group of links to be deleted')
    for (const state of ours) {
      await this.#rest()
      await oneAtATime(async () => await call(channel, removeRequest(state))).catch((error: unknown) => { if (!isErrno(error, 'ENODEV')) throw error })
    }
  }

  async #rest (): Promise<void> {
    await sleep(PAUSE)
    if (this.#waiting > BACKLOG) return // they wait for us
    const enough = new AbortController()
    const patience = sleep(PATIENCE, undefined, { signal: enough.signal }).catch(() => undefined)
    await Promise.race([this.#quiet(), patience])
    enough.abort()
  }
}

const size = ({ plots }: Grave): number => plots.reduce((sum, { links }) => sum + links.length, 0)

/** Resolves with `work`, or throws NETWRIGHT_ABORTED where the signal comes first; then nothing of ours stays with the signal. */
async function until (work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  stopIfAborted(signal, 'waiting for links to go')
  if (signal === undefined) { await work; return }
  await new Promise<void>((resolve) => {
    const end = (): void => { signal.removeEventListener('abort', end); resolve() }
    signal.addEventListener('abort', end)
    void work.then(end)
  })
  stopIfAborted(signal, 'waiting for links to go')
}
