/** Ethernet addresses. Source: IEEE 802, ETH_ALEN in include/uapi/linux/if_ether.h. */
import { randomBytes } from 'node:crypto'
import { InputError } from '../errors.js'

/** Six pairs of lower-case hexadecimal digits with colons: `52:54:00:12:34:56`. */
export type Mac = string & { readonly brand: 'Mac' }

const FORM = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/

/** Reads `aa:bb:cc:dd:ee:ff`, upper case allowed, nothing else. `path` is the place named in the complaint. Throws InputError. */
export function parseMac (text: string, path?: string): Mac {
  const lower = text.toLowerCase()
  if (isMac(lower)) return lower
  const message = `${JSON.stringify(text)} is not a MAC address such as 52:54:00:12:34:56`
  throw new InputError([path === undefined ? { message } : { message, path }])
}

/** Whether the text is a MAC address in canonical form (lower case). */
export function isMac (text: string): text is Mac { return FORM.test(text) }

/** Whether the group bit is set: such an address names no single interface. */
export function isMulticast (mac: Mac): boolean { return (firstByte(mac) & 1) === 1 }

/** The six bytes. */
export function macToBytes (mac: Mac): Uint8Array {
  const bytes = new Uint8Array(6)
  for (let i = 0; i < 6; i++) bytes[i] = digit(mac, 3 * i) << 4 | digit(mac, 3 * i + 1)
  return bytes
}

/** The hexadecimal digit at a place. */
function digit (mac: Mac, at: number): number {
  const code = mac.charCodeAt(at)
  return code - (code > 0x39 ? 0x57 : 0x30)
}

/** From six bytes. Throws RangeError on another length. */
export function macFromBytes (bytes: Uint8Array): Mac {
  if (bytes.length !== 6) throw new RangeError(`a MAC address has 6 bytes, not ${String(bytes.length)}`)
  return pairs(bytes) as Mac
}

/** A random address below `prefix` (whole bytes); the default is what QEMU and libvirt use for guests. Throws InputError on a malformed prefix. */
export function randomMac (prefix = '52:54:00'): Mac {
  const given = prefix.toLowerCase()
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){0,5}$/.test(given)) throw new InputError([{ message: `${JSON.stringify(prefix)} is not the beginning of a MAC address` }])
  const missing = 6 - given.split(':').length
  return (missing === 0 ? given : `${given}:${pairs(random(missing))}`) as Mac
}

/**
 * The address of the host's side of a guest's TAP: the guest's with the first byte `fe`, or `fa` where the guest's is `fe` already.
 * Large, so that the bridge, which takes its lowest port's address, never takes a port's.
 * Source: libvirt, virNetDevTapCreateInBridgePort.
 */
export function hostMac (guest: Mac): Mac { return `${guest.startsWith('fe') ? 'fa' : 'fe'}${guest.slice(2)}` as Mac }

/** Asking the system for three bytes at a time costs more than all else about a TAP. */
let pool = Buffer.alloc(0)

function random (count: number): Buffer {
  if (pool.length < count) pool = randomBytes(768)
  const bytes = pool.subarray(0, count)
  pool = pool.subarray(count)
  return bytes
}

const firstByte = (mac: Mac): number => Number.parseInt(mac.slice(0, 2), 16)
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
function pairs (bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += i === 0 ? hex[bytes[i] ?? 0] ?? '' : `:${hex[bytes[i] ?? 0] ?? ''}`
  return text
}
