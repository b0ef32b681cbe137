/** Single attributes of a message as it came, where decoding all of them would cost too much. */
import { hostOrder } from '../bytes/writer.js'

const NLA_TYPE_MASK = 0x3fff

/** The payload of the first attribute of that type among those that begin at `start`, by a path through nests; undefined where there is none. Damaged ones end the search. */
export function attributeAt (data: Buffer, start: number, ...path: readonly number[]): Buffer | undefined {
  let [at, end] = [start, data.length]
  for (const [depth, wanted] of path.entries()) {
    let found = false
    while (!found && end - at >= 4) {
      const length = hostOrder.little ? data.readUInt16LE(at) : data.readUInt16BE(at)
      if (length < 4 || length > end - at) return undefined
      found = ((hostOrder.little ? data.readUInt16LE(at + 2) : data.readUInt16BE(at + 2)) & NLA_TYPE_MASK) === wanted
      if (found) [at, end] = [at + 4, at + length]
      else at += (length + 3) & ~3
    }
    if (!found) return undefined
    if (depth === path.length - 1) return data.subarray(at, end)
  }
  return undefined
}

/** Every attribute between `start` and `end`: its type, and where its payload begins and ends. Damaged ones end the search. */
export function eachAttribute (data: Buffer, start: number, end: number, visit: (type: number, from: number, to: number) => void): void {
  for (let at = start; end - at >= 4;) {
    const length = hostOrder.little ? data.readUInt16LE(at) : data.readUInt16BE(at)
    if (length < 4 || length > end - at) return
    visit((hostOrder.little ? data.readUInt16LE(at + 2) : data.readUInt16BE(at + 2)) & NLA_TYPE_MASK, at + 4, at + length)
    at += (length + 3) & ~3
  }
}
