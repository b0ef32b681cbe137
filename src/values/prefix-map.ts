/**
 * What is said of prefixes, found by what overlaps with one: sorted by where they begin, and by name. No look-up goes through all of them. Pure.
 *
 * Addresses are strings of one character a byte: they sort as the numbers that they are.
 */
import { ipToBytes } from './ip.js'
import type { Cidr } from './cidr.js'

/** All that is said of one prefix. */
export interface Place<T> { readonly from: string, readonly length: number, readonly items: T[] }

/** An address as a string of bytes, host bits off. */
export function startOf ({ address, prefix }: Cidr): string { return masked(Buffer.from(ipToBytes(address)).toString('latin1'), prefix) }

function masked (from: string, length: number): string {
  const whole = length >> 3
  const rest = length & 7
  const edge = rest === 0 ? '' : String.fromCharCode(from.charCodeAt(whole) & (0xff00 >> rest & 0xff))
  return (from.slice(0, whole) + edge).padEnd(from.length, '\0')
}

/** The last address of a prefix. */
export function lastOf (from: string, length: number): string {
  const whole = length >> 3
  const rest = length & 7
  const edge = rest === 0 ? '' : String.fromCharCode(from.charCodeAt(whole) | 0xff >> rest)
  return (from.slice(0, whole) + edge).padEnd(from.length, '\xff')
}

/** What takes room among addresses. */
export interface Obstacles {
  /** One that overlaps with a prefix, undefined where it is free. */
  first (from: string, length: number): { readonly from: string, readonly length: number } | undefined
  /** Where the lowest one began that has gone since the last call: what was taken from there on may be free. */
  freed (): string | undefined
}

/** The prefixes of one family. */
export class PrefixMap<T> implements Obstacles {
  readonly #same: (a: T, b: T) => boolean
  readonly #places = new Map<string, Place<T>>()
  #sorted: Place<T>[] = []
  /** Added since the last sort. */
  #fresh: Place<T>[] = []
  /** By length, how many have it. */
  readonly #lengths: number[] = []

  /** Where the lowest prefix began that has gone. */
  #low: string | undefined

  /** `same`: two items that are one. */
  constructor (same: (a: T, b: T) => boolean) { this.#same = same }

  get size (): number { return this.#places.size }

  freed (): string | undefined {
    const low = this.#low
    this.#low = undefined
    return low
  }

  add (from: string, length: number, item: T): void {
    const key = from + String.fromCharCode(length)
    const place = this.#places.get(key)
    if (place !== undefined) {
      if (!place.items.some((other) => this.#same(other, item))) place.items.push(item)
      return
    }
    const made = { from, length, items: [item] }
    this.#places.set(key, made)
    this.#lengths[length] = (this.#lengths[length] ?? 0) + 1
    this.#fresh.push(made)
  }

  remove (from: string, length: number, item: T): void {
    const key = from + String.fromCharCode(length)
    const place = this.#places.get(key)
    const at = place?.items.findIndex((other) => this.#same(other, item)) ?? -1
    if (place === undefined || at < 0) return
    place.items.splice(at, 1)
    if (place.items.length > 0) return
    if (this.#low === undefined || from < this.#low) this.#low = from
    this.#places.delete(key)
    this.#lengths[length] = (this.#lengths[length] ?? 1) - 1
    const sorted = this.#order()
    const index = position(sorted, place)
    if (sorted[index] === place) sorted.splice(index, 1)
  }

  /** A few are put in their places; many are sorted with the others. */
  #order (): Place<T>[] {
    if (this.#fresh.length > 64) this.#sorted = this.#sorted.concat(this.#fresh).sort(compare)
    else for (const place of this.#fresh) this.#sorted.splice(position(this.#sorted, place), 0, place)
    if (this.#fresh.length > 0) this.#fresh = []
    return this.#sorted
  }

  #around (from: string, length: number): Place<T>[] {
    const found: Place<T>[] = []
    for (let shorter = 0; shorter < length; shorter++) {
      if ((this.#lengths[shorter] ?? 0) === 0) continue
      const place = this.#places.get(masked(from, shorter) + String.fromCharCode(shorter))
      if (place !== undefined) found.push(place)
    }
    return found
  }

  /** To this prefix, to parts of it and to what holds it. */
  overlapping (from: string, length: number): Place<T>[] {
    const found = this.#around(from, length)
    const sorted = this.#order()
    const last = lastOf(from, length)
    for (let i = position(sorted, { from, length }); i < sorted.length; i++) {
      const place = sorted[i]
      if (place === undefined || place.from > last) break
      found.push(place)
    }
    return found
  }

  first (from: string, length: number): Place<T> | undefined {
    const [around] = this.#around(from, length)
    if (around !== undefined) return around
    const sorted = this.#order()
    const place = sorted[position(sorted, { from, length })]
    return place !== undefined && place.from <= lastOf(from, length) ? place : undefined
  }
}

type Key = Pick<Place<unknown>, 'from' | 'length'>
const compare = (a: Key, b: Key): number => a.from < b.from ? -1 : a.from > b.from ? 1 : a.length - b.length

/** Where a prefix is, or would be. */
function position (sorted: readonly Key[], key: Key): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = low + high >> 1
    const other = sorted[middle]
    if (other !== undefined && compare(other, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
