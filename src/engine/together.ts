/**
 * What is asked for while the same waits for its turn is done together: one journal record, one send and one commit for all of it. Each caller has his own answer, as if
 * he had been alone: where a batch fails, its halves are tried, so that whoever is to blame ends up by himself.
 */
import { NetwrightError } from '../errors.js'
import { turn } from '../netlink/breathe.js'
import type { Place } from './lock.js'
import { stopIfAborted } from './steps.js'

/** One who waits. */
export interface Asked<T, R> {
  readonly item: T
  /** What only one of those that are done together can have. */
  readonly names: readonly string[]
  /** Links, about. */
  readonly size: number
  readonly purpose: string
  readonly signal: AbortSignal | undefined
  readonly done: (result: R) => void
  readonly failed: (error: unknown) => void
}

/** How a batch is carried out. */
export interface Turn {
  /** Where it waits for the lock; undefined: at the end. */
  readonly place?: Place
  /** Somebody may be at one of its networks: then `BusyNow` is thrown, unless it waits for him. */
  readonly patient: boolean
  readonly signal?: AbortSignal | undefined
  /** Called with the lock held, before anything is done. What is aborted from here on is taken back. */
  readonly begun: () => void
}

/** How something is done together. */
export interface How<T, R> {
  place (): Place
  /** Does all of them or none, and returns their results in order. */
  act (items: readonly T[], turn: Turn): Promise<readonly R[]>
  /** Undoes what was done for one that was aborted meanwhile. Undefined: there is no way back. */
  takeBack? (item: T, result: R): Promise<void>
  /** Which of them can be done in one go; may answer some at once. Default: all. */
  divide? (group: readonly Asked<T, R>[]): Promise<readonly (readonly Asked<T, R>[])[]>
  /** This error is the answer of all: to try them one by one would do no good. */
  isFinal (error: unknown): boolean
}

/** Somebody is at one of the networks of a batch, or what he left cannot be cleared. */
export class BusyNow extends Error {}

/** About a tenth of a second's work. */
const MOST = 128

interface Group<T, R> { readonly members: Asked<T, R>[], readonly names: Set<string>, room: number }

export class Together<T, R> {
  readonly #how: How<T, R>
  /** By what they are, the last ones that wait for their turn: others can join them. */
  readonly #open = new Map<string, Group<T, R>>()

  constructor (how: How<T, R>) { this.#how = how }

  /** Throws as `act`, of this one alone; NETWRIGHT_ABORTED. */
  async ask (key: string, one: Pick<Asked<T, R>, 'item' | 'names' | 'purpose' | 'signal'> & { readonly size?: number }): Promise<R> {
    stopIfAborted(one.signal, one.purpose)
    return await new Promise<R>((done, failed) => { this.#join(key, { size: 1, ...one, done, failed }) })
  }

  #join (key: string, asked: Asked<T, R>): void {
    const { names, size, signal } = asked
    let group = this.#open.get(key)
    if (group === undefined || group.room < size || names.some((name) => group?.names.has(name))) {
      group = { members: [], names: new Set(), room: MOST }
      this.#open.set(key, group)
      void this.#run(key, group)
    }
    group.members.push(signal === undefined ? asked : heeding(signal, asked, group.members))
    group.room -= size
    for (const name of names) group.names.add(name)
  }

  async #run (key: string, group: Group<T, R>): Promise<void> {
    const place = this.#how.place()
    let members: readonly Asked<T, R>[] = group.members
    try {
      await place.ready
      await gathered(group.members)
      if (this.#open.get(key) === group) this.#open.delete(key)
      members = group.members.splice(0)
      for (const some of await this.#how.divide?.(members) ?? [members]) await this.#settle(some, place)
    } catch (error) { for (const { failed } of members) failed(error) } finally {
      if (this.#open.get(key) === group) this.#open.delete(key)
      place.leave()
    }
  }

  async #settle (all: readonly Asked<T, R>[], place?: Place): Promise<void> {
    const group = all.filter((asked) => {
      if (asked.signal?.aborted === true) asked.failed(aborted(asked))
      return asked.signal?.aborted !== true
    })
    if (group.length === 0) return
    const [first] = group
    if (first !== undefined && group.length === 1) { await this.#alone(first, place); return }
    const early = new Early(group)
    try {
      const results = await this.#how.act(group.map(({ item }) => item), { ...place === undefined ? {} : { place }, patient: false, signal: early.signal, begun: () => { early.end() } })
      await Promise.all(results.map(async (result, i) => { for (const asked of group.slice(i, i + 1)) await this.#answer(asked, result) }))
    } catch (error) {
      early.end()
      if (this.#how.isFinal(error)) { for (const { failed } of group) failed(error); return }
      place?.leave()
      const middle = early.signal.aborted ? group.length : group.length >> 1
      // Not one after the other: one of them may wait for somebody.
      await Promise.all([group.slice(0, middle), group.slice(middle)].map(async (some) => { await this.#settle(some) }))
    }
  }

  async #alone (asked: Asked<T, R>, place: Place | undefined): Promise<void> {
    const { item, signal } = asked
    const begun = (): void => undefined
    try {
      const results = await this.#how.act([item], { ...place === undefined ? {} : { place }, patient: false, signal, begun }).catch(async (error: unknown) => {
        if (!(error instanceof BusyNow)) throw error
        place?.leave()
        return await this.#how.act([item], { patient: true, signal, begun })
      })
      for (const result of results) asked.done(result)
    } catch (error) { asked.failed(error) }
  }

  async #answer (asked: Asked<T, R>, result: R): Promise<void> {
    if (asked.signal?.aborted !== true || this.#how.takeBack === undefined) { asked.done(result); return }
    try {
      await this.#how.takeBack(asked.item, result)
      asked.failed(aborted(asked))
    } catch (error) { asked.failed(error) }
  }
}

/** As `asked`; aborted while it is among `members`, it is answered at once. */
function heeding<T, R> (signal: AbortSignal, asked: Asked<T, R>, members: Asked<T, R>[]): Asked<T, R> {
  const abort = (): void => {
    const at = members.indexOf(one)
    if (at < 0) return
    members.splice(at, 1)
    one.failed(aborted(one))
  }
  const leave = (): void => { signal.removeEventListener('abort', abort) }
  const one: Asked<T, R> = { ...asked, done: (result) => { leave(); asked.done(result) }, failed: (error) => { leave(); asked.failed(error) } }
  signal.addEventListener('abort', abort)
  return one
}

/** Aborted when one of a group is, until it ends. */
class Early {
  readonly #controller = new AbortController()
  readonly #signals: readonly AbortSignal[]
  readonly #abort = (): void => { this.#controller.abort() }

  constructor (group: readonly { readonly signal: AbortSignal | undefined }[]) {
    this.#signals = group.flatMap(({ signal }) => signal ?? [])
    for (const signal of this.#signals) signal.addEventListener('abort', this.#abort)
  }

  get signal (): AbortSignal { return this.#controller.signal }
  end (): void { for (const signal of this.#signals) signal.removeEventListener('abort', this.#abort) }
}

const aborted = ({ purpose, signal }: Pick<Asked<unknown, unknown>, 'purpose' | 'signal'>): NetwrightError => new NetwrightError('NETWRIGHT_ABORTED', `${purpose} was aborted`, { cause: signal?.reason })

/** As long as more are asked for in each turn of the event loop, they are waited for. */
async function gathered (members: readonly unknown[]): Promise<void> {
  for (let before = 0; members.length > before && members.length < MOST;) {
    before = members.length
    await turn()
  }
}
