/** A deep copy of what a caller passes, taken before anything is looked at: nothing in it can change later, and nothing in it runs code. */
import { types } from 'node:util'
import { InputError } from '../errors.js'

/** What JSON can say. */
export type Plain = null | boolean | number | string | readonly Plain[] | PlainObject
export interface PlainObject { readonly [key: string]: Plain }

/** A scalar as text. */
export function plainText (value: Plain): string { return typeof value === 'object' ? JSON.stringify(value) : String(value) }

/** Whether data is a list. */
export function isList (value: Plain | undefined): value is readonly Plain[] { return Array.isArray(value) }

/** Whether data is an object and not a list. */
export function isObject (value: Plain | undefined): value is PlainObject { return typeof value === 'object' && value !== null && !isList(value) }

/** More than any definition needs, and little enough to be refused at once. */
const LIMITS = { depth: 32, values: 200_000, characters: 1_048_576 }

/** Of visible ASCII characters and spaces only, as nearly all texts are: seen at a glance, while looking for what Unicode hides takes most of a check. */
export function isAscii (text: string): boolean { return /^[ -~]*$/.test(text) }

/** Characters that XML 1.0 cannot carry or advises against, lone surrogates included: what is defined as JSON must be storable as XML. */
const NOT_XML = /(?![\t\n\r])[\p{Cc}\p{Cs}\ufffe\uffff]/u

/**
 * Copies JSON-like data. Properties that are undefined are left out, -0 becomes 0. Objects without prototype in, plain objects out.
 * Throws InputError on accessors, proxies, class instances, functions, cycles, numbers that are not finite, text that XML cannot carry, the key
 * `__proto__`, and on too much of anything.
 */
export function plainCopy (value: unknown): Plain {
  const budget = { values: LIMITS.values, characters: LIMITS.characters }
  return copy(value, '', 0)

  function copy (item: unknown, path: string, depth: number): Plain {
    if (--budget.values < 0) refuse('', `more than ${String(LIMITS.values)} values`)
    if (depth > LIMITS.depth) refuse(path.slice(0, 100), `nested deeper than ${String(LIMITS.depth)} levels`)
    if (item === null || typeof item === 'boolean') return item
    if (typeof item === 'number') return Number.isFinite(item) ? item + 0 : refuse(path, `${String(item)} is not a number that JSON knows`)
    if (typeof item === 'string') return copyText(item, path)
    if (typeof item !== 'object') return refuse(path, item === undefined ? 'undefined is not data' : `a ${typeof item} is not data`)
    if (types.isProxy(item)) return refuse(path, 'a Proxy is not data')
    return Array.isArray(item) ? copyArray(item, path, depth) : copyObject(item, path, depth)
  }

  function copyText (text: string, path: string): string {
    budget.characters -= text.length
    if (budget.characters < 0) refuse(path, `more than ${String(LIMITS.characters)} characters of text`)
    const bad = isAscii(text) ? null : NOT_XML.exec(text)
    return bad === null ? text : refuse(path, `the character U+${(bad[0].codePointAt(0) ?? 0).toString(16).padStart(4, '0')} is not allowed`)
  }

  function copyArray (items: readonly unknown[], path: string, depth: number): Plain[] {
    if (items.length > budget.values) return refuse(path, `more than ${String(LIMITS.values)} values`)
    // Array.from would call an iterator that the caller may have replaced.
    const out: Plain[] = []
    for (let i = 0; i < items.length; i++) out.push(copy(dataProperty(items, String(i), path), `${path}[${String(i)}]`, depth + 1))
    return out
  }

  function copyObject (item: object, path: string, depth: number): PlainObject {
    const prototype: unknown = Object.getPrototypeOf(item)
    if (prototype !== null && prototype !== Object.prototype) refuse(path, 'an instance of a class is not data')
    const out: Record<string, Plain> = {}
    for (const key of Object.keys(item)) {
      const place = path === '' ? key.slice(0, 100) : `${path}.${key.slice(0, 100)}`
      if (key === '__proto__') refuse(place, "unknown key '__proto__'")
      const inner = dataProperty(item, key, place)
      if (inner !== undefined) out[key] = copy(inner, place, depth + 1)
    }
    return out
  }
}

function dataProperty (item: object, key: string, path: string): unknown {
  const property = Object.getOwnPropertyDescriptor(item, key)
  if (property === undefined) return refuse(path, 'an array with holes is not data')
  if (property.get !== undefined || property.set !== undefined) refuse(path, 'an accessor is not data')
  return property.value
}

function refuse (path: string, message: string): never {
  throw new InputError([path === '' ? { message } : { message, path }])
}
