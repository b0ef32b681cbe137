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
export function macToBytes (mac: Mac): Uint8Array { return Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16)) }

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
  return (missing === 0 ? given : `${given}:${pairs(randomBytes(missing))}`) as Mac
}

/**
 * The address of the host's side of a guest's TAP: the guest's with the first byte `fe`, or `fa` where the guest's is `fe` already.
 * Large, so that the bridge, which takes its lowest port's address, never takes a port's.
 * Source: libvirt, virNetDevTapCreateInBridgePort.
 */
export function hostMac (guest: Mac): Mac { return `${guest.startsWith('fe') ? 'fa' : 'fe'}${guest.slice(2)}` as Mac }

const firstByte = (mac: Mac): number => Number.parseInt(mac.slice(0, 2), 16)
const pairs = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
