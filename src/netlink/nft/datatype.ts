/**
 * The types of keys and values as nft(8) numbers and names them, so that `nft list ruleset` prints our sets readably.
 * A concatenation is numbered by six bits a field, and each field is padded to 4 bytes: the size of a register.
 * Source: nftables, include/datatype.h, enum datatypes; the kernel only stores the number.
 */
import { hostOrder, Writer } from '../../bytes/writer.js'
import { DecodeError } from '../../errors.js'
import { ipFromBytes, readIp, readIp4 } from '../../values/ip.js'
import { families } from './header.js'
import { byteorder, setDataByteorderType, setKeyByteorderType } from './userdata.js'

/** One field of a key: an interface's name, an address in canonical text, a protocol or family by number (its name is taken too), a port, a mark. */
export type FieldValue = string | number

interface DataType {
  readonly number: number
  /** Bytes, before padding. */
  readonly length: number
  readonly order: 'host' | 'big' | 'mixed'
  encode (w: Writer, value: FieldValue): void
  decode (data: Buffer): FieldValue
}

const IFNAMSIZ = 16
const protocols: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, 'ipv6-icmp': 58, sctp: 132, udplite: 136, dccp: 33, gre: 47, esp: 50, ah: 51 }
const nfprotocols: Readonly<Record<string, number>> = { ipv4: families.ip, ipv6: families.ip6 }

function word (words: Readonly<Record<string, number>>, what: string): Pick<DataType, 'encode' | 'decode'> {
  return {
    encode: (w, value) => {
      const found = typeof value === 'number' ? value : Object.hasOwn(words, value) ? words[value] : undefined
      if (found === undefined || !Number.isInteger(found) || found < 0 || found > 255) throw new RangeError(`${String(value)} is no ${what}`)
      w.u8(found)
    },
    // One spelling of what was read, so that members can be compared.
    decode: (data) => data.readUInt8(),
  }
}

function address (bytes: 4 | 16): Pick<DataType, 'encode' | 'decode'> {
  return {
    encode: (w, value) => {
      const text = String(value)
      const four = bytes === 4 ? readIp4(text) : -1
      if (four >= 0) { w.be32(four); return }
      const found = readIp(text)
      if (found?.length !== bytes) throw new RangeError(`${String(value)} is no IPv${bytes === 4 ? '4' : '6'} address`)
      w.bytes(found)
    },
    decode: (data) => ipFromBytes(data.subarray(0, bytes)),
  }
}

function integer (max: number, put: (w: Writer, value: number) => void, read: (data: Buffer) => number): Pick<DataType, 'encode' | 'decode'> {
  return {
    encode: (w, value) => {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`${String(value)} is not a number from 0 to ${String(max)}`)
      put(w, value)
    },
    decode: read,
  }
}

/** A name fills 16 bytes with NULs; `eth*` is an interval and not a name. */
const interfaceName: Pick<DataType, 'encode' | 'decode'> = {
  encode: (w, value) => {
    const text = String(value)
    const start = w.length
    w.text(text)
    const length = w.length - start
    if (length === 0 || length >= IFNAMSIZ || text.includes('\0')) throw new RangeError(`${JSON.stringify(value)} is no interface name of 1 to 15 bytes`)
    w.zeros(IFNAMSIZ - length)
  },
  decode: (data) => { const end = data.subarray(0, IFNAMSIZ).indexOf(0); return data.toString('utf8', 0, end < 0 ? IFNAMSIZ : end) },
}

const types = {
  nf_proto: { number: 2, length: 1, order: 'mixed', ...word(nfprotocols, 'family') },
  ipv4_addr: { number: 7, length: 4, order: 'big', ...address(4) },
  ipv6_addr: { number: 8, length: 16, order: 'big', ...address(16) },
  inet_proto: { number: 12, length: 1, order: 'big', ...word(protocols, 'protocol') },
  inet_service: { number: 13, length: 2, order: 'big', ...integer(0xffff, (w, v) => { w.be16(v) }, (d) => d.readUInt16BE()) },
  mark: { number: 19, length: 4, order: 'host', ...integer(0xffffffff, (w, v) => { w.u32(v) }, (d) => hostOrder.little ? d.readUInt32LE() : d.readUInt32BE()) },
  ifname: { number: 41, length: IFNAMSIZ, order: 'host', ...interfaceName },
} as const satisfies Readonly<Record<string, DataType>>

/** `ifname`, `ipv4_addr`, … as in `type ifname . ipv4_addr;`. */
export type DataTypeName = keyof typeof types
/** The fields of a key or value, in order. */
export type Fields = readonly DataTypeName[]

const typeOf = (name: DataTypeName): DataType => types[name]
const padded = (length: number): number => length + 3 & ~3

/** NFTA_SET_KEY_TYPE or NFTA_SET_DATA_TYPE. */
export function typeNumber (fields: Fields): number {
  return fields.reduce((sum, field) => sum << 6 | typeOf(field).number, 0) >>> 0
}

/** NFTA_SET_KEY_LEN or NFTA_SET_DATA_LEN, bytes; a single field is not padded. */
export function typeLength (fields: Fields): number {
  const [only] = fields
  if (only !== undefined && fields.length === 1) return typeOf(only).length
  return fields.reduce((sum, field) => sum + padded(typeOf(field).length), 0)
}

/** What nft writes into a set's user data to know the byte order of keys and data. */
export function typeUserdata (key: Fields, value?: Fields): readonly { type: number, data: Uint8Array }[] {
  const order = (fields: Fields): DataType['order'] => fields.length === 1 && fields[0] !== undefined ? typeOf(fields[0]).order : 'mixed'
  return [byteorder(setKeyByteorderType, order(key)), ...(value === undefined ? [] : [byteorder(setDataByteorderType, order(value))])]
}

/** The bytes of a key or value. Throws RangeError where a value is not of its type or the count differs. */
export function packFields (fields: Fields, values: readonly FieldValue[]): Buffer {
  if (fields.length !== values.length) throw new RangeError(`${fields.join(' . ')} has ${String(fields.length)} fields, not ${String(values.length)}`)
  const w = new Writer(64)
  fields.forEach((field, i) => {
    typeOf(field).encode(w, values[i] ?? '')
    if (fields.length > 1) w.align()
  })
  return w.take()
}

/** The fields in a key or value. Throws DecodeError where it is too short. */
export function unpackFields (fields: Fields, data: Uint8Array): FieldValue[] {
  if (data.length < typeLength(fields)) throw new DecodeError('', `${fields.join(' . ')} needs ${String(typeLength(fields))} bytes, has ${String(data.length)}`)
  const buffer = Buffer.from(data)
  let offset = 0
  return fields.map((field) => {
    const value = typeOf(field).decode(buffer.subarray(offset, offset + typeOf(field).length))
    offset += padded(typeOf(field).length)
    return value
  })
}
