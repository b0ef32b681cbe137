/**
 * What is asked for while the same is under way is done together, a few at a time: one journal record, one send and one commit for all of it.
 * Not all at once, since everybody else waits for the lock meanwhile. Each caller has its own answer, as if it had been alone.
 */
import { NetwrightError } from '../errors.js'
import { turn } from '../netlink/breathe.js'
import { stopIfAborted } from './steps.js'

/** One who waits. */
export interface Asked<T, R> {
  readonly item: T
  /** Those that have one in common are not done together. */
  readonly names: readonly string[]
  readonly size: number
  readonly signal: AbortSignal | undefined
  readonly done: (result: R) => void
  readonly failed: (error: unknown) => void
  /** Takes its listener off the caller's signal. */
  readonly leave: () => void
}

/** How something is done together. */
export interface How<T, R> {
  /** Does all of them or none, and returns their results in order. */
  act (items: readonly T[], signal: AbortSignal | undefined): Promise<readonly R[]>
  /** What only one of those that are done together can have. */
  names (item: T): readonly string[]
  /** Links, about. Default: one. */
  size? (item: T): number
  /** Which of them can be done in one go; may answer some at once. Default: all. */
  divide? (group: readonly Asked<T, R>[]): Promise<readonly (readonly Asked<T, R>[])[]>
  /** Where all failed with this error, it is the answer of each; else each is tried by itself. */
  isFinal? (error: unknown): boolean
}

/** About a tenth of a second's work. */
const MOST = 128

export class Together<T, R> {
  readonly #how: How<T, R>
  /** By what they wait for; there while one of it is under way. */
  readonly #queues = new Map<string, Asked<T, R>[]>()

  constructor (how: How<T, R>) { this.#how = how }

  /** Throws as `act`, of this one alone; NETWRIGHT_ABORTED. Those with the same `key` wait for each other. */
  async ask (key: string, item: T, { signal, purpose }: { readonly signal: AbortSignal | undefined, readonly purpose: string }): Promise<R> {
    stopIfAborted(signal, purpose)
    const [names, size] = [this.#how.names(item), this.#how.size?.(item) ?? 1]
    return await new Promise<R>((done, failed) => {
      const abort = (): void => {
        const queue = this.#queues.get(key) ?? []
        queue.splice(queue.indexOf(asked), 1)
        asked.leave()
        failed(new NetwrightError('NETWRIGHT_ABORTED', `${purpose} was aborted`, { cause: signal?.reason }))
      }
      const asked: Asked<T, R> = { item, names, size, signal, done, failed, leave: () => { signal?.removeEventListener('abort', abort) } }
      signal?.addEventListener('abort', abort)
      const queue = this.#queues.get(key)
      if (queue !== undefined) { queue.push(asked); return }
      const own = [asked]
      this.#queues.set(key, own)
      void this.#drain(key, own)
    })
  }

  async #drain (key: string, queue: Asked<T, R>[]): Promise<void> {
    await gathered(queue)
    for (let group = this.#next(queue); group.length > 0; group = this.#next(queue)) {
      try { for (const some of await this.#how.divide?.(group) ?? [group]) await this.#settle(some) } catch (error) { for (const { failed } of group) failed(error) }
    }
    this.#queues.delete(key)
  }

  /** Takes the first that waits, and those behind it that have none of its names. */
  #next (queue: Asked<T, R>[]): readonly Asked<T, R>[] {
    const group: Asked<T, R>[] = []
    const taken = new Set<string>()
    let room = MOST
    for (const asked of queue) {
      room -= asked.size
      if (group.length > 0 && (room < 0 || asked.names.some((name) => taken.has(name)))) break
      for (const name of asked.names) taken.add(name)
      group.push(asked)
    }
    queue.splice(0, group.length)
    for (const { leave } of group) leave()
    return group
  }

  async #settle (group: readonly Asked<T, R>[]): Promise<void> {
    if (group.length === 0) return
    const signals = group.flatMap(({ signal }) => signal ?? [])
    try {
      const results = await this.#how.act(group.map(({ item }) => item), signals.length > 1 ? AbortSignal.any(signals) : signals[0])
      for (const [i, result] of results.entries()) group[i]?.done(result)
    } catch (error) {
      if (group.length > 1 && this.#how.isFinal?.(error) !== true) for (const one of group) await this.#settle([one])
      else for (const { failed } of group) failed(error)
    }
  }
}

/** As long as more are asked for in each turn of the event loop, they are waited for. */
async function gathered (queue: readonly unknown[]): Promise<void> {
  for (let before = 0; queue.length > before && queue.length < MOST;) {
    before = queue.length
    await turn()
  }
}
