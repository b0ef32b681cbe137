/** Numbers that the kernel gives names to (an enum, a verdict, a family): the name in TypeScript, the number on the wire. */
import type { Codec } from '../../bytes/codec.js'

/** Names and their numbers, as in the header's enum. */
export type Words = Readonly<Record<string, number>>

/** A number with a name. A number without one decodes as itself, and may be sent as itself: newer kernels have more. */
export function word<W extends Words> (base: Codec<number>, words: W): Codec<keyof W | number> {
  const names = new Map<number, keyof W>()
  for (const name in words) names.set(number(words, name), name)
  return {
    name: base.name,
    ...(base.size === undefined ? {} : { size: base.size }),
    encode: (w, value) => { base.encode(w, typeof value === 'number' ? value : number(words, value)) },
    decode: (data) => { const value = base.decode(data); return names.get(value) ?? value },
  }
}

/** The number of a name. Throws RangeError where there is none. */
export function number<W extends Words> (words: W, name: keyof W): number {
  const value = Object.hasOwn(words, name) ? words[name] : undefined
  if (value === undefined) throw new RangeError(`${String(name)} is none of ${Object.keys(words).join(' ')}`)
  return value
}
