/**
 * What travels between a caller's thread and the engine's: data, and things that are no data, each told by its place. A parcel is a copy, so whatever its
 * sender changes afterwards stays his. What is no data and has no meaning here either (a class instance, an accessor, a Proxy) arrives as such a thing, so that
 * whoever checks input says the same of it as if he had been given the original; nothing of the caller's is run for it.
 */
import { types } from 'node:util'
import { InputError } from '../errors.js'

/** What is no data. `special`: what one side has for the other, see crossing.ts. */
type Odd =
  | { readonly as: 'instance' | 'accessor' | 'proxy' | 'cycle' | 'symbol' | 'hole' }
  | { readonly as: 'special', readonly what: unknown }

/** Structured clone takes it as it is. */
export interface Parcel { readonly data: unknown, readonly odd?: readonly (readonly [path: readonly (string | number)[], odd: Odd])[] }

/** What a value is to the other side; undefined where it is data or nothing known. */
export type Declare = (value: object) => unknown
/** The inverse. */
export type Obtain = (what: unknown) => unknown

/** More than any call needs: twenty times what one definition may have. Deeper is refused by whoever checks it. */
export const MOST = 4_000_000
const DEEPEST = 64

export const tooMany = (most: number): InputError => new InputError([{ message: `more than ${String(most)} values` }])

/** Throws InputError where there are more values than `most`. */
export function pack (value: unknown, declare: Declare, most = MOST): Parcel {
  const packing = new Packing(declare, most)
  const data = packing.copy(value)
  return packing.odd.length === 0 ? { data } : { data, odd: packing.odd }
}

class Packing {
  readonly odd: [path: (string | number)[], odd: Odd][] = []
  readonly #declare: Declare
  readonly #path: (string | number)[] = []
  /** Those that hold what is looked at. */
  readonly #above: object[] = []
  readonly #most: number
  #left: number

  constructor (declare: Declare, most: number) {
    this.#declare = declare
    this.#left = this.#most = most
  }

  copy (item: unknown): unknown {
    if (--this.#left < 0) throw tooMany(this.#most)
    if (typeof item === 'symbol') return this.#strange({ as: 'symbol' })
    if ((typeof item !== 'object' || item === null) && typeof item !== 'function') return item
    if (types.isProxy(item)) return this.#strange({ as: 'proxy' })
    const what = this.#declare(item)
    if (what !== undefined) return this.#strange({ as: 'special', what })
    if (this.#above.length > DEEPEST) return null
    if (this.#above.includes(item)) return this.#strange({ as: 'cycle' })
    this.#above.push(item)
    const copied = Array.isArray(item) ? this.#list(item) : types.isDate(item) ? new Date(item) : this.#object(item)
    this.#above.pop()
    return copied
  }

  #strange (what: Odd, stand: unknown = null): unknown {
    this.odd.push([[...this.#path], what])
    return stand
  }

  #list (items: readonly unknown[]): unknown[] {
    if (items.length > this.#left) throw tooMany(this.#most) // holes cost as much
    const list: unknown[] = []
    for (let i = 0; i < items.length; i++) list.push(this.#property(items, i))
    return list
  }

  #object (item: object): unknown {
    if (ArrayBuffer.isView(item)) return Uint8Array.from(bytesOf(item)) // not all that lies beside it in its buffer
    const own: Record<string, unknown> = {}
    for (const key of Object.keys(item)) {
      const value = this.#property(item, key)
      // An assignment would be one of the prototype.
      if (key === '__proto__') Object.defineProperty(own, key, { value, enumerable: true, configurable: true, writable: true })
      else own[key] = value
    }
    const prototype: unknown = Object.getPrototypeOf(item)
    return prototype === null || isObjectPrototype(prototype) ? own : this.#strange({ as: 'instance' }, own)
  }

  #property (item: object, key: string | number): unknown {
    this.#path.push(key)
    const described = Object.getOwnPropertyDescriptor(item, key)
    const copied = described === undefined ? this.#strange({ as: 'hole' }) : described.get !== undefined || described.set !== undefined ? this.#strange({ as: 'accessor' }) : this.copy(described.value)
    this.#path.pop()
    return copied
  }
}

/** As it was packed. Inner things come before those that hold them. */
export function unpack ({ data, odd }: Parcel, obtain: Obtain): unknown {
  if (odd === undefined) return data
  const whole = { data }
  for (const [path, what] of odd) {
    const way = ['data', ...path]
    const key = way.pop() ?? 'data'
    let holder: object = whole
    for (const step of way) {
      const next: unknown = Reflect.get(holder, step)
      if (typeof next !== 'object' || next === null) break
      holder = next
    }
    put(holder, key, what, obtain)
  }
  return whole.data
}

/** Whatever a checker may say of it, he says. */
function put (holder: object, key: string | number, odd: Odd, obtain: Obtain): void {
  const set = (value: unknown): void => { Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true }) }
  const here: unknown = Reflect.get(holder, key)
  switch (odd.as) {
    case 'accessor': Object.defineProperty(holder, key, { get: () => undefined, enumerable: true, configurable: true }); return
    case 'hole': Reflect.deleteProperty(holder, key); return
    case 'symbol': set(Symbol('a symbol of the caller\'s')); return
    case 'proxy': set(new Proxy({}, {})); return
    case 'cycle': set(holder); return
    case 'instance': set(Object.setPrototypeOf(here, STRANGER)); return
    case 'special': set(obtain(odd.what)); return
  }
}

/** The prototype of those whose class the other thread does not know. */
const STRANGER = Object.create(Object.prototype) as object

/** Of a buffer that has gone to another thread: none. */
const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array => byteLength === 0 ? new Uint8Array() : new Uint8Array(buffer, byteOffset, byteLength)

/** Of any realm: in a vm context (jest gives each test file one) objects have another one than ours. */
const isObjectPrototype = (prototype: unknown): boolean => prototype === Object.prototype || (typeof prototype === 'object' && prototype !== null && Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, '__proto__'))
