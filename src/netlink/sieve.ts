/** What a dump is to be looked through for, before JavaScript sees it. */
import { ipToBytes, parseIp } from '../values/ip.js'
import { network, parseCidr } from '../values/cidr.js'

/** Bytes for the channel's thread. */
export type Sieve = Uint8Array

/** An attribute, by its numbers from the outside in, and what it may be: bytes, of which only those bits count that are set in the mask. */
export interface Wanted { readonly path: readonly number[], readonly width: number, readonly values: readonly { readonly value: Uint8Array, readonly mask: Uint8Array }[] }

/** So many values fit into one attribute's list. */
const MOST = 0xffff

/**
 * Keeps the messages of a dump in which one of these attributes has one of its values; `header` is what lies before the first attribute, in bytes. Layout: native-shims/sieve.c.
 * A transport without a thread of its own keeps all, so whoever uses one looks at the answer again.
 */
export function makeSieve (header: number, wanted: readonly Wanted[]): Sieve {
  const parts: Uint8Array[] = [Uint8Array.of(header)]
  for (const { path, width, values } of wanted) {
    for (let from = 0; from < values.length; from += MOST) {
      const some = values.slice(from, from + MOST)
      parts.push(Uint8Array.of(path.length, ...path, width, some.length & 0xff, some.length >> 8))
      for (const { value, mask } of some) parts.push(value.map((byte, i) => byte & (mask[i] ?? 0)), mask)
    }
  }
  return Buffer.concat(parts)
}

/** Addresses within a prefix (`10.7.0.0/24`), as a value with its mask. */
export function withinPrefix (prefix: string): { readonly value: Uint8Array, readonly mask: Uint8Array } {
  const cidr = network(parseCidr(prefix))
  const value = ipToBytes(parseIp(cidr.address))
  const mask = value.map((_, i) => 0xff & ~(0xff >> Math.max(0, Math.min(8, cidr.prefix - i * 8))))
  return { value, mask }
}
