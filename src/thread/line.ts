/**
 * The line between two threads: each side calls what the other has let it have, by number. Calls of one turn travel in one message, in order. Functions,
 * signals and errors go as what they are: a function is called here from there, a signal that is aborted here is aborted there, and an error that
 * comes back to where it was thrown is the same one again.
 */
import { fromAfar } from '../engine/telling.js'
import { isError } from '../errors.js'
import { errorOf, faultOf, type Fault } from './fault.js'
import { comingList, joined, longList, type ComingList, type LongList } from './long-list.js'
import { pack, unpack, type Parcel } from './parcel.js'
import { Heeded, Scope } from './scope.js'

/** A way from a thing to what is called: `['leases', 'list']`; none where the thing is a function. */
export type Verb = readonly string[]
/** `Symbol.asyncDispose` as a part of it. */
export const DISPOSE = '[asyncDispose]'
/** What each side has from the start. */
export const ROOT = 0

type Message =
  | { readonly kind: 'call', readonly id: number, readonly on: number, readonly verb: Verb, readonly args: Parcel }
  | { readonly kind: 'tell', readonly on: number, readonly verb: Verb, readonly args: Parcel }
  | { readonly kind: 'answer', readonly id: number, readonly value: Parcel }
  | { readonly kind: 'failure', readonly id: number, readonly error: Parcel }
  | { readonly kind: 'abort', readonly signal: number, readonly reason: Parcel }
  | { readonly kind: 'forget', readonly signals: readonly number[] }
  | { readonly kind: 'drop', readonly things: readonly number[] }

type Special =
  | { readonly what: 'function', readonly on: number }
  | { readonly what: 'signal', readonly id: number, readonly reason?: Parcel }
  | { readonly what: 'error', readonly fault: Fault, /** Where it comes from it is known by this. */ readonly origin?: number, /** It came from the other side. */ readonly yours?: number }
  | { readonly what: 'same', readonly data: Parcel, readonly origin?: number, readonly yours?: number }
  | { readonly what: 'list', readonly length: number, readonly chunks: readonly Parcel[] }
  | { readonly what: 'other', readonly data: Parcel }

/** What a side has that the other has not: handles. */
export interface Customs {
  /** Undefined where it is nothing of that kind; it goes as data then. */
  declare (value: object): unknown
  obtain (declared: unknown): unknown
}

/** What is thrown, returned by a function, or the reason of an abort: it may be anything, and of most of it only that it is the same one matters. */
class Same {
  readonly value: object

  constructor (value: object) { this.value = value }

  static of (value: unknown): unknown { return (typeof value === 'object' && value !== null && !isError(value)) || typeof value === 'function' ? new Same(value) : value }
}

/** Values of such a thing that are told. */
const GLANCE = 1_000
/** Calls that wait at once whose callers are told in errors: it costs each a hundredth of a millisecond. */
const TRACED = 32
/** Errors within errors that are told. */
const CAUSES = 16

/** `end`: what was let go for the call is taken back. */
interface Pending { readonly scope: Scope, readonly kept: boolean, readonly resolve: (value: unknown) => void, readonly reject: (error: unknown) => void, readonly site: { readonly stack?: string } }

export class Line {
  readonly #post: (messages: readonly Message[]) => void
  readonly #customs: Customs
  readonly #answered: () => void
  readonly #things = new Map<number, { readonly thing: object, /** Of the call for which it was let go. */ readonly scope?: Scope }>()
  readonly #pending = new Map<number, Pending>()
  readonly #controllers = new Map<number, AbortController>()
  readonly #heeded = new Map<AbortSignal, Heeded>()
  /** Errors and the like of ours that the other side was told of. */
  readonly #origins = new Map<number, object>()
  /** Those of the other side. */
  readonly #theirs = new WeakMap<object, number>()
  /** Errors that are being told of: one may be its own cause. */
  readonly #telling: object[] = []
  #outbox: Message[] = []
  #last = ROOT
  /** Why there is nobody at the other end. */
  #cut: Error | undefined

  /** `answered`: called when something that was asked of us has come to its end, before the answer goes. */
  constructor (root: object, customs: Customs, post: (messages: readonly Message[]) => void, answered: () => void = () => undefined) {
    this.#answered = answered
    this.#things.set(ROOT, { thing: root })
    this.#customs = customs
    this.#post = post
  }

  /** Calls; what the other side throws is thrown. What is let go with `scope` stays so until `end(scope)`; without one, until the answer. */
  async call (on: number, verb: Verb, args: readonly unknown[], scope?: Scope): Promise<unknown> {
    const used = scope ?? new Scope()
    const site: { stack?: string } = {}
    if (this.#pending.size < TRACED) Error.captureStackTrace(site, this.call)
    if (this.#cut !== undefined) throw this.#cut
    const lists: LongList[] = []
    const packed = this.#packed(args, used, scope === undefined, lists)
    if (lists.length > 0) await this.#fill(lists, used, scope === undefined)
    return await new Promise((resolve, reject) => {
      const id = ++this.#last
      this.#pending.set(id, { scope: used, kept: scope !== undefined, resolve, reject, site })
      this.#send({ kind: 'call', id, on, verb, args: packed })
    })
  }

  /** What was let go for what cannot go is taken back, where it is `only` for that. */
  #packed (args: readonly unknown[], scope: Scope, only: boolean, lists: LongList[]): Parcel {
    try { return pack(args, (item) => longList(item, lists) ?? this.#declare(item, scope)) } catch (error) {
      if (only) this.end(scope)
      throw error
    }
  }

  /** In slices: hundreds of definitions take tens of milliseconds. */
  async #fill (lists: readonly LongList[], scope: Scope, only: boolean): Promise<void> {
    try { for (const list of lists) await list.fill((item) => this.#declare(item, scope)) } catch (error) {
      if (only) this.end(scope)
      throw error
    }
    if (this.#cut !== undefined) throw this.#cut
  }

  /** Calls what has no answer. */
  tell (on: number, verb: Verb, args: readonly unknown[]): void { this.#send({ kind: 'tell', on, verb, args: this.#pack(args) }) }

  /** Lets the other side call it. */
  lend (thing: object, scope?: Scope): number {
    const on = ++this.#last
    this.#things.set(on, { thing, ...scope === undefined ? {} : { scope } })
    scope?.things.push(on)
    return on
  }

  /** No longer. */
  recall (on: number): void { this.#things.delete(on) }

  /** The other side may let go of it. */
  drop (on: number): void { this.#send({ kind: 'drop', things: [on] }) }

  /** Takes back what was let go. */
  end (scope: Scope): void {
    for (const on of scope.things) this.#things.delete(on)
    for (const origin of scope.origins) this.#origins.delete(origin)
    const { ids, over } = scope.leave()
    if (ids.length > 0) this.#send({ kind: 'forget', signals: ids })
    for (const heeded of over) {
      heeded.end()
      this.#heeded.delete(heeded.signal)
      this.end(heeded.scope)
    }
  }

  /** There is nobody any more: what waits for an answer gets this one, and whatever is asked later. */
  cut (error: Error): void {
    this.#cut = error
    for (const [id] of this.#pending) this.#settle(id, ({ reject }) => { reject(error) })
    this.#outbox = []
  }

  receive (messages: readonly Message[]): void { for (const message of messages) this.#receive(message) }

  #receive (message: Message): void {
    switch (message.kind) {
      case 'call': void this.#answer(message); return
      case 'tell': this.#told(message); return
      case 'answer': this.#settle(message.id, ({ resolve, reject }) => { this.#unpackedSlowly(message.value, resolve, reject) }); return
      case 'failure': this.#settle(message.id, ({ reject, site }) => { reject(this.#unpack(message.error, site)) }); return
      case 'abort': this.#controllerOf(message.signal).abort(this.#unpack(message.reason)); return
      case 'forget': for (const id of message.signals) this.#controllers.delete(id); return
      case 'drop': for (const on of message.things) this.#things.delete(on); return
    }
  }

  #settle (id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    how(pending)
    if (!pending.kept) this.end(pending.scope)
  }

  /** Nobody waits for it: what goes wrong is a warning. */
  #told ({ on, verb, args }: Extract<Message, { kind: 'tell' }>): void {
    try { this.#run(on, verb, args) } catch (error) { process.emitWarning(isError(error) ? error : String(error)) }
  }

  /** What is asked of us. */
  async #answer ({ id, on, verb, args }: Extract<Message, { kind: 'call' }>): Promise<void> {
    // Handles stay until the other side drops them; what a function throws that was let go for a call is known as long as that call runs.
    const scope = this.#things.get(on)?.scope
    let answer: Message
    try {
      const value = await this.#run(on, verb, args)
      const lists: LongList[] = []
      const packed = pack(scope === undefined ? value : Same.of(value), (item) => longList(item, lists) ?? this.#declare(item, scope))
      for (const list of lists) await list.fill((item) => this.#declare(item, scope))
      answer = { kind: 'answer', id, value: packed }
    } catch (error) { answer = { kind: 'failure', id, error: this.#pack(Same.of(error), scope) } }
    this.#answered()
    this.#send(answer)
  }

  #run (on: number, verb: Verb, args: Parcel): unknown {
    const lent = this.#things.get(on)
    if (lent === undefined) throw new Error(`nothing has number ${String(on)} any more`)
    const given = this.#unpack(args)
    let [holder, member]: [unknown, unknown] = [undefined, lent.thing]
    for (const part of verb) [holder, member] = [member, memberOf(member, part)]
    return typeof member === 'function' ? Reflect.apply(member, holder, Array.isArray(given) ? given : []) : member
  }

  #send (message: Message): void {
    if (this.#cut !== undefined) return
    this.#outbox.push(message)
    if (this.#outbox.length === 1) queueMicrotask(() => { this.#flush() })
  }

  #flush (): void {
    const messages = this.#outbox
    this.#outbox = []
    if (messages.length > 0) this.#post(messages)
  }

  #pack (value: unknown, scope?: Scope): Parcel { return pack(value, (item) => this.#declare(item, scope)) }
  #unpack (parcel: Parcel, site?: { readonly stack?: string }): unknown { return unpack(parcel, (special) => this.#obtain(special as Special, site)) }

  /** Long lists in slices: hundreds of handles take tens of milliseconds. */
  #unpackedSlowly (parcel: Parcel, done: (value: unknown) => void, failed: (error: unknown) => void): void {
    const lists: ComingList[] = []
    const value = unpack(parcel, (what) => {
      const special = what as Special
      return special.what === 'list' ? comingList(special, lists) : this.#obtain(special)
    })
    if (lists.length === 0) { done(value); return }
    void (async () => { for (const list of lists) await list.fill((chunk) => this.#unpack(chunk)) })().then(() => { done(value) }, failed)
  }

  #declare (value: object, scope: Scope | undefined): Special | undefined {
    if (value instanceof Same) return this.#same(value, scope)
    if (this.#theirs.has(value) && !isError(value)) return this.#same(new Same(value), scope)
    const other = this.#customs.declare(value)
    if (other !== undefined) return { what: 'other', data: this.#pack(other, scope) }
    if (typeof value === 'function') {
      return { what: 'function', on: this.lend(value, scope) }
    }
    if (isSignal(value)) return this.#signal(value, scope)
    return isError(value) ? this.#error(value, scope) : undefined
  }

  #signal (signal: AbortSignal, scope: Scope | undefined): Special {
    if (signal.aborted) return { what: 'signal', id: ++this.#last, reason: this.#pack(Same.of(signal.reason), scope) }
    const id = ++this.#last
    const heeded = this.#heeded.get(signal) ?? new Heeded(signal, (over) => { this.#abort(over) })
    this.#heeded.set(signal, heeded);
    (scope ?? heeded.scope).heed(id, heeded)
    return { what: 'signal', id }
  }

  #abort ({ ids, signal, scope }: Heeded): void { for (const id of ids) this.#send({ kind: 'abort', signal: id, reason: this.#pack(Same.of(signal.reason), scope) }) }

  #error (error: Error, scope: Scope | undefined): Special {
    const whole = !this.#telling.includes(error) && this.#telling.length < CAUSES
    this.#telling.push(error)
    try { return { what: 'error', fault: faultOf(error, (item) => this.#declare(item, scope), whole), ...this.#whose(error, scope) } } finally { this.#telling.pop() }
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

  #obtain (special: Special, site?: { readonly stack?: string }): unknown {
    switch (special.what) {
      case 'other': return this.#customs.obtain(this.#unpack(special.data))
      case 'function': return fromAfar(async (...args: readonly unknown[]) => await this.call(special.on, [], args))
      case 'signal': return this.#theirSignal(special)
      case 'error': return this.#known(special, () => errorOf(special.fault, (inner) => this.#obtain(inner as Special), asked(site)))
      case 'list': return joined(special, (chunk) => this.#unpack(chunk))
      case 'same': return this.#known(special, () => this.#unpack(special.data))
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

  #theirSignal ({ id, reason }: Extract<Special, { what: 'signal' }>): AbortSignal {
    if (reason !== undefined) return AbortSignal.abort(this.#unpack(reason))
    return this.#controllerOf(id).signal
  }

  /** An abort may come before the call that the signal goes with: its long lists are still being packed. */
  #controllerOf (id: number): AbortController {
    const controller = this.#controllers.get(id) ?? new AbortController()
    this.#controllers.set(id, controller)
    return controller
  }
}

/** Whose call it was, below the frames of the other thread. */
const asked = (site: { readonly stack?: string } | undefined): string => {
  const stack: unknown = site?.stack // a program may have its own form of it
  return typeof stack === 'string' && stack.includes('\n') ? stack.slice(stack.indexOf('\n')) : ''
}

/** Of any realm, and those of libraries. */
const isSignal = (value: object): value is AbortSignal => 'aborted' in value && 'addEventListener' in value && typeof value.addEventListener === 'function'

function memberOf (holder: unknown, name: string): unknown {
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) throw new TypeError(`there is no ${name}`)
  return Reflect.get(holder, name === DISPOSE ? Symbol.asyncDispose : name)
}
