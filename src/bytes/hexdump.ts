/** Bytes as text for people, and back: for debugging and for fixtures. */
import { InputError } from '../errors.js'

/** Four bytes a row, the unit of netlink's alignment: offset, hexadecimal, printable characters. */
export function hexdump (bytes: Uint8Array): string {
  const rows: string[] = []
  for (let at = 0; at < bytes.length; at += 4) {
    const row = bytes.subarray(at, at + 4)
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = Array.from(row, (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.').join('')
    rows.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(11)}  ${text}`)
  }
  return rows.join('\n')
}

/** Reads pairs of hexadecimal digits; white space is ignored, and so is everything from `#` to the end of its line. Throws InputError with the line. */
export function parseHex (text: string): Buffer {
  const parts = text.split('\n').map((line, index) => {
    const digits = line.replace(/#.*/, '').replace(/\s+/g, '')
    if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) throw new InputError([{ message: `not pairs of hexadecimal digits: ${line}`, line: index + 1 }])
    return Buffer.from(digits, 'hex')
  })
  return Buffer.concat(parts)
}
