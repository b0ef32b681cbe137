/** Codecs for addresses: bytes on the wire, canonical text in TypeScript. Text that is not an address throws RangeError on encoding. */
import { DecodeError } from '../errors.js'
import { ipFromBytes, readIp, readIp4 } from '../values/ip.js'
import { macFromBytes } from '../values/mac.js'
import type { Codec } from './codec.js'
import type { Writer } from './writer.js'

function ipOf (name: string, ...lengths: readonly number[]): Codec<string> {
  return {
    name,
    encode: (w, value) => {
      const four = lengths.includes(4) ? readIp4(value) : -1
      if (four >= 0) { w.be32(four); return }
      const bytes = readIp(value)
      if (bytes === undefined || !lengths.includes(bytes.length)) throw new RangeError(`${JSON.stringify(value)} is not an ${name} address`)
      w.bytes(bytes)
    },
    decode: (data) => {
      if (!lengths.includes(data.length)) throw new DecodeError('', `${name} has ${lengths.join(' or ')} bytes, not ${String(data.length)}`)
      return ipFromBytes(data)
    },
  }
}

/** Four or sixteen bytes: `192.0.2.1` or `2001:db8::1`. */
export const ip: Codec<string> = ipOf('IP', 4, 16)
/** Four bytes. */
export const ip4: Codec<string> & { readonly size: 4 } = { ...ipOf('IPv4', 4), size: 4 }
/** Sixteen bytes. */
export const ip6: Codec<string> & { readonly size: 16 } = { ...ipOf('IPv6', 16), size: 16 }

/** Six bytes: `52:54:00:12:34:56`. */
export const mac: Codec<string> & { readonly size: 6 } = {
  name: 'mac', size: 6,
  encode: (w, value) => { if (value.length !== 17 || !putPairs(w, value)) throw new RangeError(`${JSON.stringify(value)} is not a MAC address`) },
  decode: (data) => {
    if (data.length < 6) throw new DecodeError('', `mac needs 6 bytes, has ${String(data.length)}`)
    return macFromBytes(data.subarray(0, 6))
  },
}

/** Writes pairs of hexadecimal digits with colons between them; false where the text is something else. */
function putPairs (w: Writer, text: string): boolean {
  if (text.length % 3 !== 2) return text === ''
  for (let i = 0; i < text.length; i += 3) {
    const byte = digit(text.charCodeAt(i)) << 4 | digit(text.charCodeAt(i + 1))
    if (byte < 0 || (i + 2 < text.length && text.charCodeAt(i + 2) !== COLON)) return false
    w.u8(byte)
  }
  return true
}

const COLON = 0x3a

/** -1 for what is no hexadecimal digit. */
function digit (code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** A link-layer address of any length as pairs with colons: 6 bytes on Ethernet, 4 on an IPv4 tunnel, 20 on InfiniBand, none at all on some. */
export const lladdr: Codec<string> = {
  name: 'lladdr',
  encode: (w, value) => { if (!putPairs(w, value)) throw new RangeError(`${JSON.stringify(value)} is not a link-layer address`) },
  decode: (data) => data.length === 6 ? macFromBytes(data) : data.toString('hex').replace(/..(?!$)/g, '$&:'),
}
