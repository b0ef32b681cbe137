/** Codecs for addresses: bytes on the wire, canonical text in TypeScript. Text that is not an address throws RangeError on encoding. */
import { DecodeError } from '../errors.js'
import { ipFromBytes, readIp } from '../values/ip.js'
import { isMac, macFromBytes, macToBytes, type Mac } from '../values/mac.js'
import type { Codec } from './codec.js'

function ipOf (name: string, ...lengths: readonly number[]): Codec<string> {
  return {
    name,
    encode: (w, value) => {
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
  encode: (w, value) => { w.bytes(macToBytes(checkedMac(value))) },
  decode: (data) => {
    if (data.length < 6) throw new DecodeError('', `mac needs 6 bytes, has ${String(data.length)}`)
    return macFromBytes(data.subarray(0, 6))
  },
}

function checkedMac (value: string): Mac {
  const lower = value.toLowerCase()
  if (!isMac(lower)) throw new RangeError(`${JSON.stringify(value)} is not a MAC address`)
  return lower
}

/** A link-layer address of any length as pairs with colons: 6 bytes on Ethernet, 4 on an IPv4 tunnel, 20 on InfiniBand, none at all on some. */
export const lladdr: Codec<string> = {
  name: 'lladdr',
  encode: (w, value) => {
    if (!/^(?:[0-9a-f]{2}(?::[0-9a-f]{2})*)?$/i.test(value)) throw new RangeError(`${JSON.stringify(value)} is not a link-layer address`)
    w.bytes(Buffer.from(value.replaceAll(':', ''), 'hex'))
  },
  decode: (data) => data.toString('hex').replace(/..(?!$)/g, '$&:'),
}
