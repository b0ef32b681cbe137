/**
 * The line between two threads: each side calls what the other has let it have, by number. Calls of one turn travel together, in order. However many
 * calls and answers there are at once, they are sent and heard in slices, so that neither side's event loop is held.
 */
import { setImmediate } from 'node:timers'
import { pacer } from '../netlink/breathe.js'
import { isError } from '../errors.js'
import { Crossing, type Customs, type Site } from './crossing.js'
import { wordOf } from './fault.js'
import type { Parcel } from './parcel.js'
import { Scope } from './scope.js'

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

/** Of a call that is still being packed; null where it cannot be. */
interface Place { message: Message | null | undefined }

/** Calls that wait at once whose callers are told in errors: it costs each a hundredth of a millisecond. */
const TRACED = 32
/** Messages that are posted together: structured clone makes one of them. */
const LOT = 128
/** Programs that are tested mock what is global: answers come all the same. */
const { queueMicrotask } = globalThis
/** Of calls without arguments. */
const NOTHING: Parcel = { data: [] }

interface Pending { readonly resolve: (value: unknown) => void, readonly reject: (error: unknown) => void, readonly site: Site | undefined }

export interface Ends {
  readonly post: (messages: readonly Message[]) => void
  /** Something that was asked of us has come to its end; its answer has not gone yet. */
  readonly answered?: () => void
  /** Somebody here waits for an answer, or nobody does any more. */
  readonly waiting?: (waits: boolean) => void
}

export class Line {
  readonly #ends: Ends
  readonly #crossing: Crossing
  readonly #things = new Map<number, { readonly thing: object, /** Of the call for which it was let go. */ readonly scope?: Scope | undefined }>()
  readonly #pending = new Map<number, Pending>()
  /** Calls of ours that have not come to their end, some of them twice. */
  #asked = 0
  /** In the order of calling: what is still being packed keeps its place, and what is behind it waits. */
  #outbox: (Message | Place)[] = []
  readonly #inbox: Message[] = []
  #hearing = false
  #last = ROOT
  /** Why there is nobody at the other end. */
  #cut: Error | undefined

  constructor (root: object, customs: Customs, ends: Ends) {
    this.#ends = ends
    this.#things.set(ROOT, { thing: root })
    this.#crossing = new Crossing(customs, {
      lend: (thing, scope) => this.lend(thing, scope),
      call: async (on, args) => await this.call(on, [], args),
      aborted: (signal, reason) => { this.#sendFirst({ kind: 'abort', signal, reason }) },
    })
  }

  /** Calls; what the other side throws is thrown. What is let go with `scope` stays so until `end(scope)`; without one, until the answer. */
  call (on: number, verb: Verb, args: readonly unknown[], scope?: Scope): Promise<unknown> {
    const site: { stack?: string } | undefined = this.#pending.size < TRACED ? {} : undefined
    if (site !== undefined) Error.captureStackTrace(site, this.call)
    return args.length === 0 ? this.#ask(on, verb, NOTHING, site) : this.#askWith(on, verb, args, { scope, site })
  }

  async #askWith (on: number, verb: Verb, args: readonly unknown[], { scope, site }: { readonly scope: Scope | undefined, readonly site: Site | undefined }): Promise<unknown> {
    const used = scope ?? new Scope()
    this.#more()
    try {
      const packed = this.#crossing.packSlowly(args, used)
      if (!(packed instanceof Promise)) return await this.#ask(on, verb, packed, site)
      const place: Place = { message: undefined }
      this.#send(place)
      try { return await this.#ask(on, verb, await packed, site, place) } catch (error) {
        this.#fill(place, null)
        throw error
      }
    } finally {
      if (scope === undefined) this.end(used)
      this.#fewer()
    }
  }

  #ask (on: number, verb: Verb, args: Parcel, site: Site | undefined, place?: Place): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#cut !== undefined) { reject(this.#cut); return }
      const id = ++this.#last
      this.#pending.set(id, { resolve, reject, site })
      this.#more()
      const message: Message = { kind: 'call', id, on, verb, args }
      if (place === undefined) this.#send(message)
      else this.#fill(place, message)
    })
  }

  #fill (place: Place, message: Message | null): void {
    if (place.message !== undefined) return
    place.message = message
    this.#flush()
  }

  #more (): void { if (this.#asked++ === 0) this.#ends.waiting?.(true) }
  #fewer (): void { if (--this.#asked === 0) this.#ends.waiting?.(false) }

  /** Calls what has no answer. */
  tell (on: number, verb: Verb, args: readonly unknown[]): void { this.#send({ kind: 'tell', on, verb, args: this.#crossing.pack(args) }) }

  /** Lets the other side call it. */
  lend (thing: object, scope?: Scope): number {
    const on = ++this.#last
    this.#things.set(on, { thing, scope })
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
    const signals = this.#crossing.end(scope)
    if (signals.length > 0) this.#send({ kind: 'forget', signals })
  }

  /** There is nobody any more: what waits for an answer gets this one, and whatever is asked later. */
  cut (error: Error): void {
    this.#cut = error
    this.#outbox = []
    for (const message of this.#inbox.splice(0)) this.#heard(message) // what has come is an answer
    this.#crossing.cut(error)
    for (const id of this.#pending.keys()) this.#settle(id, ({ reject }) => { reject(error) })
  }

  receive (messages: readonly Message[]): void {
    for (const message of messages) if (message.kind === 'abort') this.#heard(message); else this.#inbox.push(message)
    if (!this.#hearing) void this.#hear()
  }

  async #hear (): Promise<void> {
    this.#hearing = true
    const pace = pacer()
    for (let message = this.#inbox.shift(); message !== undefined; message = this.#inbox.shift()) {
      this.#heard(message)
      const rest = this.#inbox.length === 0 ? undefined : pace()
      if (rest !== undefined) await rest
    }
    this.#hearing = false
  }

  /** The next ones are, whatever becomes of it. */
  #heard (message: Message): void { try { this.#receive(message) } catch (error) { warn(error) } }

  #receive (message: Message): void {
    switch (message.kind) {
      case 'call': void this.#answer(message); return
      case 'tell': this.#told(message); return
      case 'answer': this.#settle(message.id, ({ resolve, reject }) => { this.#deliver(message.value, resolve, reject) }); return
      case 'failure': this.#settle(message.id, ({ reject, site }) => { reject(this.#crossing.unpack(message.error, site)) }); return
      case 'abort': this.#crossing.abort(message.signal, message.reason); return
      case 'forget': this.#crossing.forget(message.signals); return
      case 'drop': for (const on of message.things) this.#things.delete(on); return
    }
  }

  #settle (id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    this.#fewer()
    try { how(pending) } catch (error) { pending.reject(error) }
  }

  #deliver (answer: Parcel, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    const { value, filled } = this.#crossing.unpackSlowly(answer)
    if (filled === undefined) resolve(value)
    else filled.then(() => { resolve(value) }, reject)
  }

  /** Nobody waits for it: what goes wrong is a warning. */
  #told ({ on, verb, args }: Extract<Message, { kind: 'tell' }>): void {
    try { this.#run(on, verb, args) } catch (error) { warn(error) }
  }

  /** What is asked of us. */
  async #answer ({ id, on, verb, args }: Extract<Message, { kind: 'call' }>): Promise<void> {
    // Handles stay until the other side drops them; what a function throws that was let go for a call is known as long as that call runs.
    const scope = this.#things.get(on)?.scope
    let answer: Message
    try {
      const value = await this.#run(on, verb, args)
      answer = { kind: 'answer', id, value: await this.#crossing.packSlowly(value, scope, scope !== undefined) }
    } catch (error) { answer = { kind: 'failure', id, error: this.#crossing.packSame(error, scope) } }
    this.#ends.answered?.()
    this.#send(answer)
  }

  #run (on: number, verb: Verb, args: Parcel): unknown {
    const lent = this.#things.get(on)
    if (lent === undefined) throw new Error(`nothing has number ${String(on)} any more`)
    const given = this.#crossing.unpack(args)
    let [holder, member]: [unknown, unknown] = [undefined, lent.thing]
    for (const part of verb) [holder, member] = [member, memberOf(member, part)]
    return typeof member === 'function' ? Reflect.apply(member, holder, Array.isArray(given) ? given : []) : member
  }

  #send (message: Message | Place): void {
    if (this.#cut !== undefined) return
    this.#outbox.push(message)
    if (this.#outbox.length === 1) queueMicrotask(() => { this.#flush() })
  }

  /** Aborts overtake, also the call that they are about: the sooner the less is done in vain. */
  #sendFirst (message: Message): void {
    if (this.#cut !== undefined) return
    this.#outbox.unshift(message)
    queueMicrotask(() => { this.#flush() })
  }

  /** What is left goes in the next turn, or when what it waits for is packed. */
  #flush (): void {
    const lot: Message[] = []
    let taken = 0
    for (const one of this.#outbox) {
      const message = 'kind' in one ? one : one.message
      if (lot.length === LOT || message === undefined) break
      if (message !== null) lot.push(message)
      taken++
    }
    this.#outbox.splice(0, taken)
    if (lot.length > 0) this.#ends.post(lot)
    if (lot.length === LOT && this.#outbox.length > 0) setImmediate(() => { this.#flush() })
  }
}

/** Loggers may throw what has no words, or an error of another realm, which is none to Node. */
function warn (thrown: unknown): void {
  try { process.emitWarning(isError(thrown) ? thrown : String(thrown)) } catch { process.emitWarning(wordOf(() => isError(thrown) ? thrown.message : undefined) ?? 'something without words was thrown') }
}

function memberOf (holder: unknown, name: string): unknown {
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) throw new TypeError(`there is no ${name}`)
  return Reflect.get(holder, name === DISPOSE ? Symbol.asyncDispose : name)
}
