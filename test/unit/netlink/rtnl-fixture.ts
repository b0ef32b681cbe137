/** The messages of test/fixtures/rtnl-*.hex, captured from ip(8) and bridge(8) by scripts/capture.ts, and what the tool printed. */
import { readFile } from 'node:fs/promises'
import { parseHex } from '../../../src/bytes/hexdump.js'
import { walk } from '../../../src/netlink/attr.js'
import { messages, type Message } from '../../../src/netlink/header.js'

export interface Fixture<T> { readonly output: readonly T[], readonly messages: readonly Message[] }

export async function fixture<T = never> (name: string): Promise<Fixture<T>> {
  const text = await readFile(new URL(`../../../../test/fixtures/rtnl-${name}.hex`, import.meta.url), 'utf8')
  const printed = text.split('\n').filter((line) => line.startsWith('# output ')).map((line) => line.slice('# output '.length)).join('')
  return { output: printed === '' ? [] : JSON.parse(printed) as T[], messages: [...messages(parseHex(text))] }
}

/**
 * Which attributes hold attributes: `{ 18: { 2: {} } }` says that 18 does, and that 2 in it does. `prefix` is a struct in front of them.
 * `ignore` are attributes that the kernel does not read, `text` those that may end in NUL or not.
 */
export interface Nesting { readonly [type: number]: Nesting, readonly prefix?: number, readonly ignore?: readonly number[], readonly text?: readonly number[] }

/** Attributes by number, so that order and NLA_F_NESTED do not matter: ip(8) writes in the order of its arguments, without the flag. */
export function canonical (data: Buffer, nesting: Nesting): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const { type, payload } of walk(data)) {
    if (nesting.ignore?.includes(type) === true) continue
    if (nesting.text?.includes(type) === true) { found[type] = payload.toString().replace(/\0$/, ''); continue }
    const inner = nesting[type]
    const prefix = inner?.prefix ?? 0
    found[type] = inner === undefined ? payload.toString('hex') : { prefix: payload.toString('hex', 0, prefix), attributes: canonical(payload.subarray(prefix), inner) }
  }
  return found
}
