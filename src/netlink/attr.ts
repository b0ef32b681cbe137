/**
 * The table language. A message is one table; encoder, decoder and TypeScript type come out of it.
 *
 *     nest({ id: attr('IFLA_VLAN_ID', 1, u16), protocol: attr('IFLA_VLAN_PROTOCOL', 5, be16) })
 *
 * An attribute on the wire (struct nlattr, include/uapi/linux/netlink.h):
 *
 *     | u16 length (4 + payload) | u16 type, NLA_F_NESTED 0x8000, NLA_F_NET_BYTEORDER 0x4000 | payload | pad to 4 |
 */
import { DecodeError, isError } from '../errors.js'
import type { Codec, ValueOf } from '../bytes/codec.js'
import { bytes } from '../bytes/codec.js'
import { hostOrder, type Writer } from '../bytes/writer.js'

const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff

/** One attribute: the kernel's name, its number and its codec. */
export interface Row<T> {
  /** The kernel's name, as in the header: `IFLA_MTU`. */
  readonly attribute: string
  readonly number: number
  readonly codec: Codec<T>
  /** The first kernel whose headers have it, where newer than Debian 12's 6.1. */
  readonly since?: string
}

/** An attribute whose codec is chosen by a sibling's value: IFLA_INFO_DATA by IFLA_INFO_KIND. */
export interface SelectRow<T> extends Row<T> {
  readonly select: { readonly by: string, readonly cases: Readonly<Record<string, Codec<unknown>>> }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a row of any value type; the mapped types below recover it
export type AnyRow = Row<any> | SelectRow<any>
export type Table = Readonly<Record<string, AnyRow>>
/** An attribute that the table does not name: kept, never lost. */
export interface Unknown { readonly type: number, readonly data: Uint8Array }
type RowValue<R> = R extends Row<infer T> ? T : never
/** What a table's messages look like: every attribute optional, unknown ones under `rest`. */
export type TableValue<T extends Table> = { -readonly [K in keyof T]?: RowValue<T[K]> } & { rest?: readonly Unknown[] }

/** A nested attribute's codec; `table` is there for paths, checks and documentation. */
export interface Nest<T extends Table> extends Codec<TableValue<T>> { readonly nested: true, readonly table: T }

/** One row: `attr('IFLA_MTU', 4, u32)`. `since` marks a number that is newer than the headers checked against. */
export function attr<T> (attribute: string, number: number, codec: Codec<T>, since?: string): Row<T> {
  return since === undefined ? { attribute, number, codec } : { attribute, number, codec, since }
}

/** A row whose payload depends on the sibling `by`, which must come earlier in the message; a value without a case stays bytes. */
export function select<C extends Readonly<Record<string, Codec<unknown>>>> (attribute: string, number: number, by: string, cases: C): SelectRow<ValueOf<C[keyof C]> | Uint8Array> {
  return { attribute, number, codec: bytes as Codec<ValueOf<C[keyof C]> | Uint8Array>, select: { by, cases: cases as Readonly<Record<string, Codec<unknown>>> } }
}

/** Attributes inside an attribute. */
export function nest<T extends Table> (table: T): Nest<T> {
  return {
    name: 'nest', nested: true, table,
    encode: (w, value) => { encodeTable(table, w, value) },
    decode: (data) => decodeTable(table, data),
  }
}

/** A list: a nest whose attributes all have one number (NFTA_LIST_ELEM). */
export function list<T> (attribute: string, number: number, item: Codec<T>): Codec<readonly T[]> & { readonly nested: true, readonly item: Row<T> } {
  return {
    name: `list of ${item.name}`, nested: true, item: attr(attribute, number, item),
    encode: (w, values) => { for (const value of values) putAttr(w, number, item, value, attribute) },
    decode: (data) => {
      const items: T[] = []
      for (const { type, payload } of walk(data)) {
        if (type !== number) continue
        try { items.push(item.decode(payload)) } catch (error) { throw within(`${attribute}[${String(items.length)}]`, error) }
      }
      return items
    },
  }
}

/** Writes every defined attribute in the table's order, then `rest`. Throws RangeError with the attribute's path on a value that does not fit. */
export function encodeTable<T extends Table> (table: T, w: Writer, value: TableValue<T>): void {
  const values = value as Readonly<Record<string, unknown>>
  const places = placesOf(table)
  // What is there is looked up, not what could be: most tables have dozens of rows, most messages a few attributes.
  const found: Place[] = []
  let sorted = true
  for (const key in values) {
    const place = values[key] === undefined ? undefined : places.get(key)
    if (place === undefined) continue
    sorted &&= place.at > (found.at(-1)?.at ?? -1)
    found.push(place)
  }
  if (!sorted) found.sort((a, b) => a.at - b.at)
  for (const { key, row } of found) putAttr(w, row.number, 'select' in row ? codecOf(row, values) : row.codec as Codec<unknown>, values[key], row.attribute)
  if (value.rest !== undefined) for (const { type, data } of value.rest) putAttr(w, type, bytes, data, `attribute ${String(type)}`)
}

/** Reads attributes up to the end of `data`, into `start` (a fresh object; copying sixty attributes costs more than reading them). Throws DecodeError with the attribute's path. */
export function decodeTable<T extends Table, S extends object = object> (table: T, data: Buffer, start?: S): S & TableValue<T> {
  const keys = numbers(table)
  const value: Record<string, unknown> = (start ?? {}) as Record<string, unknown>
  let rest: Unknown[] | undefined
  for (let offset = 0, next = 0; data.length - offset >= 4; offset = next) {
    next = endOf(data, offset)
    const type = typeAt(data, offset)
    const payload = data.subarray(offset + 4, offset + read16(data, offset))
    const key = keys.get(type)
    if (key === undefined) { (rest ??= []).push({ type, data: bytes.decode(payload) }); continue }
    const row = table[key] as AnyRow
    try { value[key] = codecOf(row, value).decode(payload) } catch (error) { throw within(row.attribute, error) }
  }
  if (rest !== undefined) value['rest'] = rest
  return value as S & TableValue<T>
}

/**
 * Reads an array of 32-bit numbers as the table's rows, the first one being number `first`: what the kernel reports as an array where it
 * takes a nest (IFLA_INET_CONF). Elements without a row are kept in `rest`.
 */
export function decodeArray<T extends Table> (table: T, first: number, data: Buffer): TableValue<T> {
  const keys = numbers(table)
  const value: Record<string, unknown> = {}
  let rest: Unknown[] | undefined
  for (let offset = 0, number = first; offset + 4 <= data.length; offset += 4, number++) {
    const key = keys.get(number)
    if (key === undefined) (rest ??= []).push({ type: number, data: bytes.decode(data.subarray(offset, offset + 4)) })
    else value[key] = hostOrder.little ? data.readInt32LE(offset) : data.readInt32BE(offset)
  }
  if (rest !== undefined) value['rest'] = rest
  return value as TableValue<T>
}

/** The codec of a row, given the siblings decoded (or about to be encoded) so far. */
export function codecOf (row: AnyRow, siblings: Readonly<Record<string, unknown>>): Codec<unknown> {
  if (!('select' in row)) return row.codec as Codec<unknown>
  const choice = siblings[row.select.by]
  const chosen = typeof choice === 'string' && Object.hasOwn(row.select.cases, choice) ? row.select.cases[choice] : undefined
  return chosen ?? bytes as Codec<unknown>
}

/** Where a row stands in its table. */
interface Place { readonly at: number, readonly key: string, readonly row: AnyRow }
const ordered = new WeakMap<Table, ReadonlyMap<string, Place>>()
function placesOf (table: Table): ReadonlyMap<string, Place> {
  let places = ordered.get(table)
  if (places === undefined) {
    places = new Map(Object.entries(table).map(([key, row], at) => [key, { at, key, row }]))
    ordered.set(table, places)
  }
  return places
}

const known = new WeakMap<Table, ReadonlyMap<number, string>>()
function numbers (table: Table): ReadonlyMap<number, string> {
  let map = known.get(table)
  if (map === undefined) {
    map = new Map(Object.entries(table).map(([key, row]) => [row.number, key]))
    known.set(table, map)
  }
  return map
}

function putAttr<T> (w: Writer, number: number, codec: Codec<T>, value: T, attribute: string): void {
  const start = w.length
  w.u16(0); w.u16(codec.nested === true ? number | NLA_F_NESTED : number)
  try { codec.encode(w, value) } catch (error) {
    if (isError(error) && (error.name === 'RangeError' || error.name === 'TypeError')) throw new RangeError(`${attribute}: ${error.message}`, { cause: error })
    throw error
  }
  if (w.length - start > 0xffff) throw new RangeError(`${attribute}: ${String(w.length - start)} bytes do not fit into one attribute`)
  w.patch16(start, w.length - start)
  w.align()
}

/** The attributes in `data`, one after the other; always advances, checks every length before it reads. */
export function * walk (data: Buffer): Generator<{ readonly type: number, readonly offset: number, readonly payload: Buffer }> {
  for (let offset = 0, next = 0; data.length - offset >= 4; offset = next) {
    next = endOf(data, offset)
    yield { type: typeAt(data, offset), offset, payload: data.subarray(offset + 4, offset + read16(data, offset)) }
  }
}

const read16 = (data: Buffer, at: number): number => hostOrder.little ? data.readUInt16LE(at) : data.readUInt16BE(at)
const typeAt = (data: Buffer, offset: number): number => read16(data, offset + 2) & NLA_TYPE_MASK

/** Where the attribute behind the one at `offset` begins. Throws DecodeError where its length cannot be. */
function endOf (data: Buffer, offset: number): number {
  const length = read16(data, offset)
  if (length < 4 || length > data.length - offset) throw new DecodeError(`attribute ${String(typeAt(data, offset))}`, `length ${String(length)} at offset ${String(offset)} of ${String(data.length)} bytes`)
  return offset + ((length + 3) & ~3)
}

/** What went wrong in an attribute, with its name before the path. */
function within (attribute: string, error: unknown): unknown {
  return error instanceof DecodeError ? new DecodeError(error.path === '' ? attribute : `${attribute}.${error.path}`, error.reason) : error
}
