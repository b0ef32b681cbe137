import { DecodeError } from '../errors.js'
import type { Codec, ValueOf } from './codec.js'
import { Writer } from './writer.js'

/** One member: offset in bytes and codec (which must have a size). */
export type Member<T> = readonly [offset: number, codec: Codec<T>]
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a member of any value type; the mapped type below recovers it
type Members = Readonly<Record<string, Member<any>>>
type StructValue<M extends Members> = { [K in keyof M]: ValueOf<M[K][1]> }

/** A C struct: name and offsets are proved against the headers by scripts/check-uapi. */
export interface Struct<T> extends Codec<T> {
  readonly cname: string
  readonly size: number
  readonly members: Members
  /** As `encode`, with every member optional: what is left out is zero. */
  encodePartial (w: Writer, value: Partial<T>): void
}

/**
 * Declares `struct cname` of `size` bytes.
 * `struct('ifaddrmsg', 8, { family: [0, u8], prefixlen: [1, u8], flags: [2, u8], scope: [3, u8], index: [4, u32] })`
 */
export function struct<M extends Members> (cname: string, size: number, members: M): Struct<StructValue<M>> {
  const rows = Object.entries(members).sort(([, a], [, b]) => a[0] - b[0]).map(([key, [offset, codec]]) => ({ key, offset, codec }))
  const encodePartial = (w: Writer, value: Partial<StructValue<M>>): void => {
    const start = w.length
    for (const { key, offset, codec } of rows) {
      const gap = start + offset - w.length
      if (gap > 0) w.zeros(gap)
      const member: unknown = value[key]
      if (member === undefined) w.zeros(codec.size ?? 0)
      else codec.encode(w, member)
    }
    w.zeros(start + size - w.length)
  }
  return {
    name: `struct ${cname}`, cname, size, members, encodePartial, encode: encodePartial,
    decode: (data) => {
      if (data.length < size) throw new DecodeError('', `struct ${cname} needs ${String(size)} bytes, has ${String(data.length)}`)
      const value: Record<string, unknown> = {}
      for (const { key, offset, codec } of rows) {
        try { value[key] = codec.decode(data.subarray(offset, offset + (codec.size ?? 0))) } catch (error) {
          throw error instanceof DecodeError ? new DecodeError(error.path === '' ? key : `${key}.${error.path}`, error.reason) : error
        }
      }
      return value as StructValue<M>
    },
  }
}
