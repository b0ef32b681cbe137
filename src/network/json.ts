/** JSON read strictly: a key twice is an error, and every error and every value has its line and column. Source: RFC 8259. Pure. */
import { InputError } from '../errors.js'
import type { Plain } from './plain.js'
import { placesOf, type Place } from './xml/tree.js'

const LIMITS = { bytes: 1_048_576, depth: 32, values: 100_000 }

/** A document: its value, and where each part of it stands, by path (`ip[0].address`). */
export interface JsonDocument { readonly value: Plain, readonly placeOf: (path: string) => Place | undefined }

/** Reads a document of at most 1 MiB and 32 levels. Throws InputError with line and column. */
export function readJson (source: string): JsonDocument {
  if (Buffer.byteLength(source) > LIMITS.bytes) throw new InputError([{ message: `the document is larger than ${String(LIMITS.bytes)} bytes`, line: 1, column: 1 }])
  const reader = new JsonReader(source)
  const value = reader.read()
  const at = placesOf(source)
  return {
    value,
    placeOf (path) {
      const offset = reader.offsets.get(path)
      return offset === undefined ? undefined : at(offset)
    },
  }
}

const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const STRETCH = /[^"\\\p{Cc}]*/yu

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9

class JsonReader {
  readonly offsets = new Map<string, number>()
  readonly #source: string
  #at = 0
  #values = 0

  constructor (source: string) { this.#source = source }

  read (): Plain {
    const value = this.#value('', 0)
    if (this.#peek() !== '') this.#refuse('text after the end of the document')
    return value
  }

  #value (path: string, depth: number): Plain {
    const next = this.#peek()
    if (depth > LIMITS.depth) this.#refuse(`nested deeper than ${String(LIMITS.depth)} levels`)
    if (++this.#values > LIMITS.values) this.#refuse(`more than ${String(LIMITS.values)} values`)
    if (path !== '') this.offsets.set(path, this.#at)
    if (next === '{') return this.#object(path, depth)
    if (next === '[') return this.#array(path, depth)
    return next === '"' ? this.#text() : this.#scalar()
  }

  #object (path: string, depth: number): Plain {
    const members = new Map<string, Plain>()
    this.#list('}', () => {
      if (this.#peek() !== '"') this.#refuse('expected a key in double quotes')
      const start = this.#at
      const key = this.#text()
      if (members.has(key)) this.#refuse(`the key '${key.slice(0, 100)}' is there twice`, start)
      if (this.#peek() !== ':') this.#refuse('expected \':\'')
      this.#at++
      members.set(key, this.#value(path === '' ? key : `${path}.${key}`, depth + 1))
    })
    // Own properties, also of a key like __proto__, which the check then refuses.
    return Object.fromEntries(members)
  }

  #array (path: string, depth: number): Plain {
    const items: Plain[] = []
    this.#list(']', () => { items.push(this.#value(`${path}[${String(items.length)}]`, depth + 1)) })
    return items
  }

  #list (end: string, item: () => void): void {
    this.#at++
    if (this.#peek() === end) { this.#at++; return }
    for (;;) {
      item()
      const next = this.#peek()
      if (next !== ',' && next !== end) this.#refuse(`expected ',' or '${end}'`)
      this.#at++
      if (next === end) return
    }
  }

  #text (): string {
    const start = this.#at++
    for (;;) {
      this.#match(STRETCH)
      const next = this.#source.charAt(this.#at)
      if (next === '"') break
      if (next === '') this.#refuse('a text without an end', start)
      if (next !== '\\') this.#refuse('a control character in a text')
      if (this.#match(ESCAPE) === undefined) this.#refuse('an escape that JSON does not know')
    }
    const text: unknown = JSON.parse(this.#source.slice(start, ++this.#at))
    return String(text)
  }

  #scalar (): Plain {
    const start = this.#at
    const text = this.#match(SCALAR)
    if (text === undefined || /[\w.+-]/.test(this.#source.charAt(this.#at))) return this.#refuse(this.#source.charAt(start) === '' ? 'the document ends too soon' : 'expected a value', start)
    if (text === 'true' || text === 'false') return text === 'true'
    return text === 'null' ? null : Number(text)
  }

  /** The next character that is not white space; '' at the end. */
  #peek (): string {
    while (isSpace(this.#source.charCodeAt(this.#at))) this.#at++
    return this.#source.charAt(this.#at)
  }

  #match (pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#source)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #refuse (message: string, offset = this.#at): never {
    throw new InputError([{ message: `not JSON: ${message}`, ...placesOf(this.#source)(offset) }])
  }
}
