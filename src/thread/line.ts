/**
 * The line between two threads: each side calls what the other has let it have, by number. Calls of one turn travel in one message, in order. Functions,
 * signals and errors go as what they are: a function is called here from there, a signal that is aborted here is aborted there, and an error that
 * comes back to where it was thrown is the same one again.
 */
import { isError } from '../errors.js'
import { errorOf, faultOf, type Fault } from './fault.js'
import { pack, unpack, type Parcel } from './parcel.js'

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
  | { readonly what: 'other', readonly data: Parcel }

/** What a side has that the other has not: handles. */
export interface Customs {
  /** Undefined where it is nothing of that kind; it goes as data then. */
  declare (value: object): unknown
  obtain (declared: unknown): unknown
}

/** What was let go for one call, as long as it runs. */
export class Scope {
  readonly things: number[] = []
  readonly signals: { readonly id: number, readonly end: () => void }[] = []
  readonly origins: number[] = []
}

/** `end`: what was let go for the call is taken back. */
interface Pending { readonly scope: Scope, readonly kept: boolean, readonly resolve: (value: unknown) => void, readonly reject: (error: unknown) => void, readonly site: { readonly stack?: string } }

export class Line {
  readonly #post: (messages: readonly Message[]) => void
  readonly #customs: Customs
  readonly #answered: () => void
  readonly #things = new Map<number, { readonly thing: object, /** Of the call for which it was let go. */ readonly scope?: Scope }>()
  readonly #pending = new Map<number, Pending>()
  readonly #controllers = new Map<number, AbortController>()
  /** Errors of ours that the other side was told of. */
  readonly #origins = new Map<number, object>()
  /** Errors of the other side's. */
  readonly #theirs = new WeakMap<object, number>()
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
    Error.captureStackTrace(site, this.call)
    const packed = this.#pack(args, used)
    return await new Promise((resolve, reject) => {
      if (this.#cut !== undefined) { reject(this.#cut); return }
      const id = ++this.#last
      this.#pending.set(id, { scope: used, kept: scope !== undefined, resolve, reject, site })
      this.#send({ kind: 'call', id, on, verb, args: packed })
    })
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
  end ({ things, signals, origins }: Scope): void {
    for (const on of things) this.#things.delete(on)
    for (const origin of origins) this.#origins.delete(origin)
    if (signals.length === 0) return
    for (const { end } of signals) end()
    this.#send({ kind: 'forget', signals: signals.map(({ id }) => id) })
    signals.length = 0
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
      case 'answer': this.#settle(message.id, ({ resolve }) => { resolve(this.#unpack(message.value)) }); return
      case 'failure': this.#settle(message.id, ({ reject, site }) => { reject(this.#unpack(message.error, site)) }); return
      case 'abort': this.#controllers.get(message.signal)?.abort(this.#unpack(message.reason)); return
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
    try { answer = { kind: 'answer', id, value: this.#pack(await this.#run(on, verb, args), scope) } } catch (error) {
      answer = { kind: 'failure', id, error: this.#pack(error, scope) }
    }
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

  #declare (value: object, scope: Scope | undefined): Special | undefined {
    const other = this.#customs.declare(value)
    if (other !== undefined) return { what: 'other', data: this.#pack(other, scope) }
    if (typeof value === 'function') {
      return { what: 'function', on: this.lend(value, scope) }
    }
    if (isSignal(value)) return this.#signal(value, scope)
    return isError(value) ? this.#error(value, scope) : undefined
  }

  #signal (signal: AbortSignal, scope: Scope | undefined): Special {
    const id = ++this.#last
    if (signal.aborted) return { what: 'signal', id, reason: this.#pack(signal.reason, scope) }
    const abort = (): void => { this.#send({ kind: 'abort', signal: id, reason: this.#pack(signal.reason, scope) }) }
    signal.addEventListener('abort', abort, { once: true })
    scope?.signals.push({ id, end: () => { signal.removeEventListener('abort', abort) } })
    return { what: 'signal', id }
  }

  #error (error: Error, scope: Scope | undefined): Special {
    const fault = faultOf(error, (item) => this.#declare(item, scope))
    const yours = this.#theirs.get(error)
    if (yours !== undefined) return { what: 'error', fault, yours }
    if (scope === undefined) return { what: 'error', fault }
    const origin = ++this.#last
    this.#origins.set(origin, error)
    scope.origins.push(origin)
    return { what: 'error', fault, origin }
  }

  #obtain (special: Special, site?: { readonly stack?: string }): unknown {
    switch (special.what) {
      case 'other': return this.#customs.obtain(this.#unpack(special.data))
      case 'function': return async (...args: readonly unknown[]) => await this.call(special.on, [], args)
      case 'signal': return this.#theirSignal(special)
      case 'error': {
        const own = special.yours === undefined ? undefined : this.#origins.get(special.yours)
        if (own !== undefined) return own
        const error = errorOf(special.fault, (inner) => this.#obtain(inner as Special), asked(site))
        if (special.origin !== undefined) this.#theirs.set(error, special.origin)
        return error
      }
    }
  }

  #theirSignal ({ id, reason }: Extract<Special, { what: 'signal' }>): AbortSignal {
    if (reason !== undefined) return AbortSignal.abort(this.#unpack(reason))
    const controller = new AbortController()
    this.#controllers.set(id, controller)
    return controller.signal
  }
}

/** Whose call it was, below the frames of the other thread. */
const asked = (site: { readonly stack?: string } | undefined): string => site?.stack === undefined ? '' : site.stack.slice(site.stack.indexOf('\n'))

/** Of any realm, and those of libraries. */
const isSignal = (value: object): value is AbortSignal => 'aborted' in value && 'addEventListener' in value && typeof value.addEventListener === 'function'

function memberOf (holder: unknown, name: string): unknown {
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) throw new TypeError(`there is no ${name}`)
  return Reflect.get(holder, name === DISPOSE ? Symbol.asyncDispose : name)
}
