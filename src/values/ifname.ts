/** Names of network interfaces. Source: net/core/dev.c, dev_valid_name(); IFNAMSIZ in include/uapi/linux/if.h. */
import { InputError } from '../errors.js'

/** A name that the kernel takes for an interface. */
export type IfName = string & { readonly brand: 'IfName' }

/** IFNAMSIZ without its terminating NUL. */
const LONGEST = 15

/** Of visible ASCII characters, none of them special: almost every name is, and is seen to be fine at a glance. */
const isPlain = (text: string): boolean => text.length <= LONGEST && /^[0-9A-Za-z_-][!-$&-.0-9;-~]*$/.test(text)

function complaint (text: unknown): string | undefined {
  if (typeof text !== 'string') return 'expected text: the name of an interface'
  if (isPlain(text)) return undefined
  if (text === '') return 'an interface name is empty'
  const shown = JSON.stringify(text)
  const length = Buffer.byteLength(text)
  if (length > LONGEST) return `interface name ${shown} has ${String(length)} bytes, the kernel takes at most ${String(LONGEST)}`
  if (text === '.' || text === '..') return `${shown} is not an interface name`
  // The kernel replaces %d by a number, so a name with % would become another name.
  const bad = /[/:%\0\s\v]/u.exec(text)
  if (bad !== null) return `interface name ${shown} holds ${JSON.stringify(bad[0])}`
  // The kernel looks at bytes, and its isspace() knows Latin-1's no-break space: the second byte of `à` in UTF-8.
  return Buffer.from(text).includes(0xa0) ? `interface name ${shown} holds the byte a0, which the kernel takes for white space` : undefined
}

/**
 * Checks the name of an interface: 1 to 15 bytes, no `/`, `:`, `%`, white space or NUL, and neither `.` nor `..`.
 * `path` is the place named in the complaint. Throws InputError.
 */
export function parseIfName (text: string, path?: string): IfName {
  const message = complaint(text)
  if (message !== undefined) throw new InputError([path === undefined ? { message } : { message, path }])
  return text as IfName
}

/** Whether `parseIfName` would take it. */
export function isIfName (text: string): text is IfName { return complaint(text) === undefined }
