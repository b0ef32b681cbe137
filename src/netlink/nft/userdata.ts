/**
 * User data: bytes that the kernel stores and nft(8) reads, as TLVs of one byte type, one byte length.
 *
 *     | u8 type | u8 length | bytes |        a comment is NUL-terminated
 *
 * Source: libnftnl, include/libnftnl/udata.h; the numbers differ by kind of object.
 */
import type { Codec } from '../../bytes/codec.js'
import { hostOrder, Writer } from '../../bytes/writer.js'
import { DecodeError } from '../../errors.js'

/** One entry. */
export interface Userdatum { readonly type: number, readonly data: Uint8Array }

/** NFTNL_UDATA_*_COMMENT of tables, chains, rules, objects and set elements. */
export const commentType = 0
/** NFTNL_UDATA_SET_COMMENT. */
export const setCommentType = 7
/** NFTNL_UDATA_SET_KEYBYTEORDER and NFTNL_UDATA_SET_DATABYTEORDER. */
export const setKeyByteorderType = 0
export const setDataByteorderType = 1
/** NFTNL_UDATA_SET_ELEM_FLAGS; 1 marks the half-open last interval. */
export const elementFlagsType = 1

/** A list of entries. Throws RangeError on an entry of more than 255 bytes. */
export const userdata: Codec<readonly Userdatum[]> = {
  name: 'userdata',
  encode: (w, entries) => {
    for (const { type, data } of entries) {
      if (data.length > 255) throw new RangeError(`user data of ${String(data.length)} bytes, at most 255 fit`)
      w.u8(type); w.u8(data.length); w.bytes(data)
    }
  },
  decode: (data) => {
    const entries: Userdatum[] = []
    let offset = 0
    while (offset + 2 <= data.length) {
      const end = offset + 2 + data.readUInt8(offset + 1)
      if (end > data.length) throw new DecodeError('', `user data at offset ${String(offset)} is longer than its ${String(data.length)} bytes`)
      entries.push({ type: data.readUInt8(offset), data: Uint8Array.prototype.slice.call(data, offset + 2, end) })
      offset = end
    }
    if (offset < data.length) throw new DecodeError('', `${String(data.length - offset)} bytes of user data left over`)
    return entries
  },
}

/** `comment "…"` of nft(8). Throws RangeError where it is longer than 254 bytes or holds a NUL. */
export function comment (text: string, type = commentType): Userdatum {
  const data = Buffer.from(`${text}\0`, 'utf8')
  if (data.length > 255 || text.includes('\0')) throw new RangeError('a comment has at most 254 bytes and no NUL')
  return { type, data }
}

/** The comment among the entries, if there is one. */
export function commentOf (entries: readonly Userdatum[] | undefined, type = commentType): string | undefined {
  const found = entries?.find((entry) => entry.type === type)
  if (found === undefined) return undefined
  const text = Buffer.from(found.data)
  const end = text.indexOf(0)
  return text.toString('utf8', 0, end < 0 ? text.length : end)
}

/** nft reads keys and data of a set in this order: 1 host, 2 big endian. */
export function byteorder (type: typeof setKeyByteorderType | typeof setDataByteorderType, order: 'host' | 'big' | 'mixed'): Userdatum {
  return number(type, order === 'mixed' ? 0 : order === 'host' ? 1 : 2)
}

/** An entry that is one u32 in host order. */
export function number (type: number, value: number): Userdatum {
  const w = new Writer(4)
  w.u32(value)
  return { type, data: w.take() }
}

/** The u32 of such an entry, if there is one. */
export function numberOf (entries: readonly Userdatum[] | undefined, type: number): number | undefined {
  const found = entries?.find((entry) => entry.type === type)
  if (found === undefined || found.data.length < 4) return undefined
  const data = Buffer.from(found.data)
  return hostOrder.little ? data.readUInt32LE() : data.readUInt32BE()
}
