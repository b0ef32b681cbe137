/** How what is no data crosses a line: functions, signals and errors go as what they are, and handles as whoever has them declares. */
import { fromAfar } from '../engine/telling.js'
import { isError } from '../errors.js'
import { errorOf, faultOf, type Fault } from './fault.js'
import { comingList, joined, longList, type ComingList, type LongList } from './long-list.js'
import { pack, unpack, type Declare, type Parcel } from './parcel.js'
import { Heeded, Scope } from './scope.js'

type Special =
  | { readonly what: 'function', readonly on: number }
  | { readonly what: 'signal', readonly id: number, readonly reason?: Parcel }
  | { readonly what: 'error', readonly fault: Fault, /** Where it comes from it is known by this. */ readonly origin?: number, /** It came from the other side. */ readonly yours?: number }
  | { readonly what: 'same', readonly data: Parcel, readonly origin?: number, readonly yours?: number }
  | { readonly what: 'list', readonly length: number, readonly chunks: readonly Uint8Array[] }
  | { readonly what: 'other', readonly data: Parcel }

/** What a side has that the other has not: handles. */
export interface Customs {
  /** Undefined where it is nothing of that kind; it goes as data then. */
  declare (value: object): unknown
  obtain (declared: unknown): unknown
}

/** What a crossing asks of its line. */
export interface Ferry {
  /** Lets the other side call it. */
  lend (thing: object, scope: Scope | undefined): number
  /** Calls a function of the other side's. */
  call (on: number, args: readonly unknown[]): Promise<unknown>
  aborted (signal: number, reason: Parcel): void
}

/** Of whoever asked. */
export interface Site { readonly stack?: string }

/** What is thrown, returned by a function, or the reason of an abort: it may be anything, and of most of it only that it is the same one matters. */
class Same {
  readonly value: object

  constructor (value: object) { this.value = value }

  static of (value: unknown): unknown { return (typeof value === 'object' && value !== null && !isError(value)) || typeof value === 'function' ? new Same(value) : value }
}

/** Values of such a thing that are told. */
const GLANCE = 1_000
/** Errors within errors that are told. */
const CAUSES = 16

export class Crossing {
  readonly #customs: Customs
  readonly #ferry: Ferry
  readonly #controllers = new Map<number, AbortController>()
  readonly #heeded = new Map<AbortSignal, Heeded>()
  /** Errors and the like of ours that the other side was told of. */
  readonly #origins = new Map<number, object>()
  /** Those of the other side. */
  readonly #theirs = new WeakMap<object, number>()
  /** Errors that are being told of: one may be its own cause. */
  readonly #telling: object[] = []
  /** Of signals and origins. */
  #last = 0

  constructor (customs: Customs, ferry: Ferry) {
    this.#customs = customs
    this.#ferry = ferry
  }

  pack (value: unknown, scope?: Scope): Parcel { return pack(value, this.#declaring(scope)) }
  /** Of what only matters that it is the same one. */
  packSame (value: unknown, scope?: Scope): Parcel { return this.pack(Same.of(value), scope) }

  /** Long lists in slices, a promise where there are any: hundreds of definitions take tens of milliseconds. */
  packSlowly (value: unknown, scope: Scope | undefined, same = false): Parcel | Promise<Parcel> {
    const lists: LongList[] = []
    const declare = this.#declaring(scope)
    const packed = pack(same ? Same.of(value) : value, (item) => longList(item, lists) ?? declare(item))
    if (lists.length === 0) return packed
    return (async () => {
      for (const list of lists) await list.fill(declare)
      return packed
    })()
  }

  unpack (parcel: Parcel, site?: Site): unknown { return unpack(parcel, (special) => this.#obtain(special as Special, site)) }

  /** Long lists in slices, a promise where there are any: hundreds of handles take tens of milliseconds. */
  unpackSlowly (parcel: Parcel): { readonly value: unknown, readonly filled?: Promise<void> } {
    if (parcel.odd === undefined) return { value: parcel.data }
    const lists: ComingList[] = []
    const value = unpack(parcel, (what) => {
      const special = what as Special
      return special.what === 'list' ? comingList(special, lists) : this.#obtain(special)
    })
    if (lists.length === 0) return { value }
    const fill = async (): Promise<void> => { for (const list of lists) await list.fill((chunk) => this.unpack(chunk)) }
    return { value, filled: fill() }
  }

  /** Signals and origins that were let go are no longer of use. Returns the numbers of those signals. */
  end (scope: Scope): readonly number[] {
    for (const origin of scope.origins) this.#origins.delete(origin)
    const { ids, over } = scope.leave()
    for (const heeded of over) {
      heeded.end()
      this.#heeded.delete(heeded.signal)
      this.end(heeded.scope)
    }
    return ids
  }

  /** The other side says so. */
  abort (signal: number, reason: Parcel): void { this.#controllerOf(signal).abort(this.unpack(reason)) }
  forget (signals: readonly number[]): void { for (const id of signals) this.#controllers.delete(id) }

  /** There is nobody any more who could abort them. */
  cut (error: Error): void {
    for (const controller of this.#controllers.values()) controller.abort(error)
    this.#controllers.clear()
  }

  #declaring (scope: Scope | undefined): Declare { return (item) => this.#declare(item, scope) }

  #declare (value: object, scope: Scope | undefined): Special | undefined {
    if (value instanceof Same) return this.#same(value, scope)
    if (this.#theirs.has(value) && !isError(value)) return this.#same(new Same(value), scope)
    const other = this.#customs.declare(value)
    if (other !== undefined) return { what: 'other', data: this.pack(other, scope) }
    if (typeof value === 'function') return { what: 'function', on: this.#ferry.lend(value, scope) }
    if (isSignal(value)) return this.#signal(value, scope)
    return isError(value) ? this.#error(value, scope) : undefined
  }

  #signal (signal: AbortSignal, scope: Scope | undefined): Special {
    const id = ++this.#last
    if (signal.aborted) return { what: 'signal', id, reason: this.packSame(signal.reason, scope) }
    const heeded = this.#heeded.get(signal) ?? new Heeded(signal, (over) => { this.#tell(over) })
    this.#heeded.set(signal, heeded);
    (scope ?? heeded.scope).heed(id, heeded)
    return { what: 'signal', id }
  }

  #tell ({ ids, signal, scope }: Heeded): void { for (const id of ids) this.#ferry.aborted(id, this.packSame(signal.reason, scope)) }

  #error (error: Error, scope: Scope | undefined): Special {
    const whole = !this.#telling.includes(error) && this.#telling.length < CAUSES
    this.#telling.push(error)
    try { return { what: 'error', fault: faultOf(error, this.#declaring(scope), whole), ...this.#whose(error, scope) } } finally { this.#telling.pop() }
  }

  #same ({ value }: Same, scope: Scope | undefined): Special {
    const whose = this.#whose(value, scope)
    const glance = (item: object): unknown => isError(item) ? this.#declare(item, scope) : undefined
    try { return { what: 'same', data: pack(value, glance, GLANCE), ...whose } } catch { return { what: 'same', data: { data: {} }, ...whose } }
  }

  #whose (value: object, scope: Scope | undefined): { readonly origin?: number, readonly yours?: number } {
    const yours = this.#theirs.get(value)
    if (yours !== undefined) return { yours }
    if (scope === undefined) return {}
    const origin = ++this.#last
    this.#origins.set(origin, value)
    scope.origins.push(origin)
    return { origin }
  }

  #obtain (special: Special, site?: Site): unknown {
    switch (special.what) {
      case 'other': return this.#customs.obtain(this.unpack(special.data))
      case 'function': return fromAfar(async (...args: readonly unknown[]) => await this.#ferry.call(special.on, args))
      case 'signal': return special.reason === undefined ? this.#controllerOf(special.id).signal : AbortSignal.abort(this.unpack(special.reason))
      case 'error': return this.#known(special, () => errorOf(special.fault, (inner) => this.#obtain(inner as Special), asked(site)))
      case 'list': return joined(special, (chunk) => this.unpack(chunk))
      case 'same': return this.#known(special, () => this.unpack(special.data))
    }
  }

  /** What came from here is what it was. */
  #known ({ origin, yours }: { readonly origin?: number, readonly yours?: number }, make: () => unknown): unknown {
    const own = yours === undefined ? undefined : this.#origins.get(yours)
    if (own !== undefined) return own
    const made = make()
    if (origin !== undefined && typeof made === 'object' && made !== null) this.#theirs.set(made, origin)
    return made
  }

  /** An abort may come before the call that the signal goes with. */
  #controllerOf (id: number): AbortController {
    const controller = this.#controllers.get(id) ?? new AbortController()
    this.#controllers.set(id, controller)
    return controller
  }
}

/** Whose call it was, below the frames of the other thread. */
const asked = (site: Site | undefined): string => {
  const stack: unknown = site?.stack // a program may have its own form of it
  return typeof stack === 'string' && stack.includes('\n') ? stack.slice(stack.indexOf('\n')) : ''
}

/** Of any realm, and those of libraries. */
const isSignal = (value: object): value is AbortSignal => 'aborted' in value && 'addEventListener' in value && typeof value.addEventListener === 'function'
