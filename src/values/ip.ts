/** IP addresses, parsed strictly and kept as canonical text. The grammar of IPv6 is ipaddr.js's. */
import ipaddr from 'ipaddr.js'
import { InputError } from '../errors.js'

/** An IPv4 or IPv6 address in canonical text: `192.0.2.1`, `2001:db8::1` (RFC 5952), `::ffff:192.0.2.1`. Equal addresses are equal strings. */
export type Ip = string & { readonly brand: 'Ip' }
export type IpFamily = 4 | 6

const DOT = 46
const ZERO = 48

/** The number of an IPv4 address, or -1 where the text is not one: a hand-written loop, since a batch of networks asks this thousands of times. */
export function readIp4 (text: string): number {
  let value = 0
  let part = 0
  let digits = 0
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return -1
      value = value * 256 + part
      part = digits = 0
    } else {
      if (code < ZERO || code > ZERO + 9 || (digits > 0 && part === 0)) return -1
      part = part * 10 + code - ZERO
      if (part > 255) return -1
      digits++
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + part : -1
}

const bytes4 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
const text4 = (value: number): Ip => `${value >>> 24}.${value >>> 16 & 255}.${value >>> 8 & 255}.${value & 255}` as Ip

/** The bytes of an address, or undefined where the text is not one: no leading zeros, no short or numeric IPv4 forms, no zone, no white space. */
export function readIp (text: string): Uint8Array | undefined {
  const four = readIp4(text)
  if (four >= 0) return bytes4(four)
  if (!/^[0-9A-Fa-f:.]+$/.test(text)) return undefined
  const plain = withoutDots(text)
  return plain !== undefined && ipaddr.IPv6.isValid(plain) ? Uint8Array.from(ipaddr.IPv6.parse(plain).toByteArray()) : undefined
}

/** `::ffff:192.0.2.1` to `::ffff:c000:201`; ipaddr.js reads `::192.0.2.1` as a mapped address and takes leading zeros. */
function withoutDots (text: string): string | undefined {
  if (!text.includes('.')) return text
  const tail = text.slice(text.lastIndexOf(':') + 1)
  const four = readIp4(tail)
  return four < 0 ? undefined : `${text.slice(0, text.length - tail.length)}${(four >>> 16).toString(16)}:${(four & 0xffff).toString(16)}`
}

/** Whether `parseIp` would take it. */
export function isIp (text: string): boolean { return readIp4(text) >= 0 || readIp(text) !== undefined }

/** Reads an address of either family. `path` is the place named in the complaint. Throws InputError. */
export function parseIp (text: string, path?: string): Ip {
  const four = readIp4(text)
  if (four >= 0) return text4(four)
  const bytes = readIp(text)
  if (bytes !== undefined) return ipFromBytes(bytes)
  throw refusal(`${JSON.stringify(text)} is not an IP address`, path)
}

/** Reads an IPv4 address: four decimal numbers. Throws InputError. */
export function parseIp4 (text: string, path?: string): Ip {
  const bytes = readIp(text)
  if (bytes?.length === 4) return ipFromBytes(bytes)
  throw refusal(`${JSON.stringify(text)} is not an IPv4 address`, path)
}

/** Reads an IPv6 address without zone. Throws InputError. */
export function parseIp6 (text: string, path?: string): Ip {
  const bytes = readIp(text)
  if (bytes?.length === 16) return ipFromBytes(bytes)
  throw refusal(`${JSON.stringify(text)} is not an IPv6 address`, path)
}

const refusal = (message: string, path: string | undefined): InputError => new InputError([path === undefined ? { message } : { message, path }])

/** 4 or 6. */
export function ipFamily (ip: Ip): IpFamily { return ip.includes(':') ? 6 : 4 }

/** 32 or 128. */
export function ipBits (family: IpFamily): 32 | 128 { return family === 4 ? 32 : 128 }

/** Four or sixteen bytes in network order. */
export function ipToBytes (ip: Ip): Uint8Array {
  const bytes = readIp(ip)
  if (bytes === undefined) throw refusal(`${JSON.stringify(ip)} is not an IP address`, undefined)
  return bytes
}

/** From four or sixteen bytes in network order. Throws RangeError on another length. */
export function ipFromBytes (bytes: Uint8Array): Ip {
  if (bytes.length === 4) return `${bytes[0] ?? 0}.${bytes[1] ?? 0}.${bytes[2] ?? 0}.${bytes[3] ?? 0}` as Ip
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${String(bytes.length)}`)
  const mapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0)
  // As inet_ntop and ip(8) write it (RFC 5952, section 5).
  return (mapped ? `::ffff:${bytes.subarray(12).join('.')}` : new ipaddr.IPv6([...bytes]).toRFC5952String()) as Ip
}

/** The address as a number, for arithmetic. */
export function ipToBigInt (ip: Ip): bigint {
  const four = readIp4(ip)
  return four >= 0 ? BigInt(four) : BigInt(`0x${Buffer.from(ipToBytes(ip)).toString('hex')}`)
}

/** From a number. Throws RangeError where it does not fit the family. */
export function ipFromBigInt (value: bigint, family: IpFamily): Ip {
  if (value < 0n || value >> BigInt(ipBits(family)) !== 0n) throw new RangeError(`${String(value)} is outside of IPv${String(family)}`)
  if (family === 4) return text4(Number(value))
  const bytes = new Uint8Array(16)
  for (let i = bytes.length - 1, left = value; i >= 0; i--, left >>= 8n) bytes[i] = Number(left & 0xffn)
  return ipFromBytes(bytes)
}

/** The address `offset` further on. Throws RangeError where that leaves the family. */
export function ipPlus (ip: Ip, offset: number | bigint): Ip { return ipFromBigInt(ipToBigInt(ip) + BigInt(offset), ipFamily(ip)) }

/** Negative, zero or positive: IPv4 before IPv6, then by number. For `sort`. */
export function compareIp (a: Ip, b: Ip): number {
  const left = ipToBytes(a)
  const right = ipToBytes(b)
  return left.length - right.length || Buffer.compare(left, right)
}
