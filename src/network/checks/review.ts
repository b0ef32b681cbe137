/** What every check of a definition shares: where complaints go, how a value is quoted in them, and the normal form at the end. */

import { isAscii } from '../plain.js'

/** Takes one complaint with the JSON path of its place. `unsupported`: libvirt knows it, netwright does not. */
export type Complain = (path: string, message: string, unsupported?: boolean) => void

/** A definition under review. */
export interface Review {
  /** The network's name, for libvirt's sentences. */
  readonly network: string
  readonly complain: Complain
}

const SHOWN = 100
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu

/** Whether a terminal would obey or hide a part of the text: control and format characters, such as those that turn the direction of writing. */
export function hidesSomething (text: string): boolean { return !isAscii(text) && text.search(HIDDEN) >= 0 }

/** A value from outside, fit for a message: at most 100 characters, and none that a terminal obeys. */
export function shown (text: string): string {
  const cut = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
  return isAscii(cut) ? cut : cut.replace(HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** A frozen copy in which what is absent has no key, on every level. */
export function normalForm<T> (value: T): T
export function normalForm (value: unknown): unknown {
  // Whatever is under review was copied first, so what is frozen came out of here.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown) => normalForm(item)))
  const normal: Record<string, unknown> = {}
  const given: Readonly<Record<string, unknown>> = { ...value }
  for (const key in given) {
    const item = given[key]
    if (item !== undefined) normal[key] = normalForm(item)
  }
  return Object.freeze(normal)
}

/** A list, or undefined for an empty one: both mean the same, and the normal form has one way to say it. */
export function unlessEmpty<T> (items: readonly T[] | undefined): readonly T[] | undefined { return items === undefined || items.length === 0 ? undefined : items }

/** An object, or undefined where all its members are undefined. */
export function unlessBare<T extends object> (value: T): T | undefined { return Object.values(value).some((item) => item !== undefined) ? value : undefined }
