/** From an offset in a request to the attribute that lies there: the kernel complains by offset, people read names. */
import type { Codec } from '../bytes/codec.js'
import { DecodeError } from '../errors.js'
import { codecOf, walk, type AnyRow, type Nest, type Row, type Table } from './attr.js'
import type { Request } from './request.js'

type Shaped = Pick<Request, 'body' | 'shape'>
type List = Codec<unknown> & { readonly item: Row<unknown> }
/** A whole message inside an attribute: a struct of `prefix` bytes, then attributes (VETH_INFO_PEER). */
type Embedded = Codec<unknown> & { readonly prefix: number, readonly table: Table }

const isNest = (codec: Codec<unknown>): codec is Nest<Table> => 'table' in codec
const isList = (codec: Codec<unknown>): codec is List => 'item' in codec
const isEmbedded = (codec: Codec<unknown>): codec is Embedded => 'prefix' in codec

/** Where an offset leads: the names on the way, and the table of what is inside. */
interface Place { readonly names: readonly string[], readonly inside?: Table }

/** Length of struct nlmsghdr: the kernel counts from its start, a request's body begins behind it. */
const NLMSG_HDRLEN = 16

/**
 * `IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_PRIORITY`, or undefined where the offset is not inside an attribute.
 * `offset` counts from the start of the request's nlmsghdr, as in NLMSGERR_ATTR_OFFS. An attribute that no table names is `attribute 77`.
 */
export function attributePath (request: Shaped, offset: number): string | undefined {
  return locate(request, offset)?.names.join('.')
}

/** The path of an attribute that is missing: NLMSGERR_ATTR_MISS_TYPE `type` inside the nest at `nest` (NLMSGERR_ATTR_MISS_NEST), or at the top. */
export function missingPath (request: Shaped, type: number, nest: number | undefined): string {
  const place: Place = nest === undefined ? top(request) : locate(request, nest) ?? { names: [] }
  return [...place.names, nameOf(place.inside, type)].join('.')
}

function top ({ shape }: Shaped): Place { return shape === undefined ? { names: [] } : { names: [], inside: shape.table } }

function locate (request: Shaped, offset: number): Place | undefined {
  const { shape, body } = request
  const wanted = offset - NLMSG_HDRLEN - (shape?.header ?? 0)
  if (shape === undefined || wanted < 0 || wanted >= body.length - shape.header) return undefined
  try { return search(shape.table, body.subarray(shape.header), wanted) } catch (error) {
    // A request made by hand may be malformed; then the kernel's offset cannot be explained, which is no reason to hide its refusal.
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function search (table: Table, data: Buffer, wanted: number): Place | undefined {
  const siblings: Record<string, unknown> = {}
  for (const { type, offset, payload } of walk(data)) {
    const [key, row] = rowOf(table, type)
    if (wanted >= offset + 4 + payload.length) {
      if (key !== undefined && row !== undefined && chooses(table, key)) siblings[key] = row.codec.decode(payload)
      continue
    }
    if (wanted < offset) return undefined
    if (row === undefined) return { names: [nameOf(table, type)] }
    return below(row.attribute, codecOf(row, siblings), payload, wanted - offset - 4)
  }
  return undefined
}

/** `wanted` is relative to the payload; negative means the attribute's own header. */
function below (name: string, codec: Codec<unknown>, payload: Buffer, wanted: number): Place {
  const deeper = wanted < 0 ? undefined : inner(codec, payload, wanted)
  if (deeper !== undefined) return { names: [name, ...deeper.names], ...(deeper.inside === undefined ? {} : { inside: deeper.inside }) }
  return isNest(codec) ? { names: [name], inside: codec.table } : { names: [name] }
}

function inner (codec: Codec<unknown>, payload: Buffer, wanted: number): Place | undefined {
  if (isEmbedded(codec)) return wanted < codec.prefix ? undefined : search(codec.table, payload.subarray(codec.prefix), wanted - codec.prefix)
  if (isNest(codec)) return search(codec.table, payload, wanted)
  return isList(codec) ? item(codec, payload, wanted) : undefined
}

function item ({ item: row }: List, payload: Buffer, wanted: number): Place | undefined {
  let index = 0
  for (const { type, offset, payload: data } of walk(payload)) {
    if (wanted < offset + 4 + data.length) {
      return wanted < offset || type !== row.number ? undefined : below(`${row.attribute}[${String(index)}]`, row.codec, data, wanted - offset - 4)
    }
    if (type === row.number) index++
  }
  return undefined
}

const chooses = (table: Table, key: string): boolean => Object.values(table).some((row) => 'select' in row && row.select.by === key)

function rowOf (table: Table, type: number): readonly [key?: string, row?: AnyRow] {
  return Object.entries(table).find(([, row]) => row.number === type) ?? []
}

function nameOf (table: Table | undefined, type: number): string {
  return (table === undefined ? undefined : rowOf(table, type)[1]?.attribute) ?? `attribute ${String(type)}`
}
