/**
 * Long lists are packed in slices, a few of their items at a time, so that neither a call with hundreds of definitions nor its answer holds the caller's event
 * loop: structured clone would make and read a message in one go, so these items go in bytes, which it only copies.
 */
import { deserialize, serialize } from 'node:v8'
import { mapSlowly } from '../netlink/breathe.js'
import { MOST, pack, tooMany, type Declare, type Parcel } from './parcel.js'

/** From here on it is one. */
const LONG = 48
/** Items that are packed together. */
const CHUNK = 8

export class LongList {
  readonly what = 'list'
  readonly length: number
  /** Filled before it goes. */
  readonly chunks: Uint8Array[] = []
  readonly #items: readonly unknown[]

  /** Who empties his list right after the call has still given what was in it. What he changes within its items before they are packed is seen. */
  constructor (items: readonly unknown[]) {
    this.#items = part(items, 0, items.length)
    this.length = items.length
  }

  async fill (declare: Declare): Promise<void> {
    const begins = Array.from({ length: Math.ceil(this.length / CHUNK) }, (_, i) => i * CHUNK)
    await mapSlowly(begins, (begin) => { this.chunks.push(serialize(pack(part(this.#items, begin, Math.min(CHUNK, this.length - begin)), declare))) })
  }
}

/** Undefined where it is none; one that is, is put with the others. Throws InputError where it is longer than anything may be. */
export function longList (value: unknown, lists: LongList[]): LongList | undefined {
  if (!Array.isArray(value) || value.length < LONG) return undefined
  if (value.length > MOST) throw tooMany(MOST)
  const list = new LongList(value)
  lists.push(list)
  return list
}

/** What such a list is told as. */
interface Told { readonly length: number, readonly chunks: readonly Uint8Array[] }

/** The list again. */
export function joined (told: Told, unpacked: (chunk: Parcel) => unknown): unknown[] {
  const list: unknown[] = []
  for (const [i, chunk] of told.chunks.entries()) add(list, i, unpacked(deserialize(chunk) as Parcel))
  list.length = told.length
  return list
}

/** One that is not whole yet. */
export class ComingList {
  readonly list: unknown[] = []
  readonly #told: Told

  constructor (told: Told) { this.#told = told }

  async fill (unpacked: (chunk: Parcel) => unknown): Promise<void> {
    await mapSlowly(this.#told.chunks, (chunk, i) => { add(this.list, i, unpacked(deserialize(chunk) as Parcel)) })
    this.list.length = this.#told.length
  }
}

/** The list, which is filled later. */
export function comingList (told: Told, coming: ComingList[]): unknown[] {
  const one = new ComingList(told)
  coming.push(one)
  return one.list
}

function add (list: unknown[], chunk: number, items: unknown): void { copy(items as readonly unknown[], 0, { to: list, at: chunk * CHUNK, count: CHUNK }) }

function part (items: readonly unknown[], begin: number, count: number): unknown[] {
  const own: unknown[] = []
  copy(items, begin, { to: own, at: 0, count })
  own.length = count
  return own
}

/** Holes stay holes, and accessors accessors. */
function copy (items: readonly unknown[], from: number, { to, at, count }: { readonly to: unknown[], readonly at: number, readonly count: number }): void {
  for (let i = 0; i < count; i++) {
    const property = Object.getOwnPropertyDescriptor(items, from + i)
    if (property !== undefined) Object.defineProperty(to, at + i, property)
  }
}
