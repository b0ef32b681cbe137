import { DecodeError } from '../errors.js'
import { hostOrder, type Writer } from './writer.js'

/**
 * How one kind of value lies in a message: one object with both directions, so that a table can derive
 * encoder, decoder and TypeScript type from the same row. Byte order and unit are in the codec, nowhere else.
 */
export interface Codec<T> {
  /** `u32`, `be16`, `string`, `struct ifla_vlan_flags`: shown in errors and in the generated tables. */
  readonly name: string
  /** Bytes, where fixed. Decoding refuses shorter input; longer input is let through (newer kernels append). */
  readonly size?: number
  /** Set on codecs whose payload is attributes: NLA_F_NESTED goes into the type. */
  readonly nested?: true
  encode (w: Writer, value: T): void
  /** `data` is exactly the payload. */
  decode (data: Buffer): T
}

/** The TypeScript type of what a codec carries. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never

function fixed<T> (name: string, size: number, encode: (w: Writer, value: T) => void, read: (data: Buffer) => T): Codec<T> {
  return { name, size, encode, decode: (data) => {
    if (data.length < size) throw new DecodeError('', `${name} needs ${String(size)} bytes, has ${String(data.length)}`)
    return read(data)
  } }
}

function integer (name: string, size: number, min: number, max: number, put: (w: Writer, v: number) => void, read: (data: Buffer) => number): Codec<number> {
  return fixed(name, size, (w, value) => {
    if (!Number.isInteger(value) || value < min || value > max) throw new RangeError(`${String(value)} is not a ${name}`)
    put(w, value)
  }, read)
}

const le = hostOrder.little
export const u8 = integer('u8', 1, 0, 0xff, (w, v) => { w.u8(v) }, (d) => d.readUInt8())
export const u16 = integer('u16', 2, 0, 0xffff, (w, v) => { w.u16(v) }, (d) => le ? d.readUInt16LE() : d.readUInt16BE())
export const u32 = integer('u32', 4, 0, 0xffffffff, (w, v) => { w.u32(v) }, (d) => le ? d.readUInt32LE() : d.readUInt32BE())
export const s32 = integer('s32', 4, -0x80000000, 0x7fffffff, (w, v) => { w.s32(v) }, (d) => le ? d.readInt32LE() : d.readInt32BE())
export const be16 = integer('be16', 2, 0, 0xffff, (w, v) => { w.be16(v) }, (d) => d.readUInt16BE())
export const be32 = integer('be32', 4, 0, 0xffffffff, (w, v) => { w.be32(v) }, (d) => d.readUInt32BE())
export const u64 = fixed<bigint>('u64', 8, (w, v) => { w.u64(v) }, (d) => le ? d.readBigUInt64LE() : d.readBigUInt64BE())
export const be64 = fixed<bigint>('be64', 8, (w, v) => { w.be64(v) }, (d) => d.readBigUInt64BE())

/** One byte, 0 or 1. */
export const bool8: Codec<boolean> = { name: 'bool8', size: 1, encode: (w, v) => { w.u8(v ? 1 : 0) }, decode: (d) => u8.decode(d) !== 0 }

/** Present or absent, no payload. `false` must be left out by the caller: a flag cannot be sent as false. */
export const flag: Codec<true> = { name: 'flag', size: 0, encode: () => undefined, decode: () => true }

/** NUL-terminated text. Text that holds a NUL is refused. Bytes that are not UTF-8 decode as U+FFFD. */
export const string: Codec<string> = {
  name: 'string',
  encode: (w, value) => {
    if (value.includes('\0')) throw new RangeError('text holds a NUL character')
    w.text(value); w.u8(0)
  },
  decode: (data) => { const end = data.indexOf(0); return data.toString('utf8', 0, end < 0 ? data.length : end) },
}

/** Bytes as they are. */
export const bytes: Codec<Uint8Array> = { name: 'bytes', encode: (w, v) => { w.bytes(v) }, decode: (d) => Uint8Array.prototype.slice.call(d) }
