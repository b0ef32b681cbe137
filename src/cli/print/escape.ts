/** Text that is safe to show: names come from files and guests and may hold anything. */

/** Control characters (C0, DEL, C1, line separators, bidirectional overrides) as `\xNN` or `\u{N}`, as vsh-table.c does for what is not printable. */
export function escape (text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const point = character.codePointAt(0) ?? 0
    return point < 0x100 ? `\\x${point.toString(16).padStart(2, '0')}` : `\\u{${point.toString(16)}}`
  })
}

const wide = /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** Columns that a text takes on a terminal: two for East Asian characters, none for combining marks. */
export function width (text: string): number {
  let columns = 0
  for (const character of text) {
    if (/[\p{Mn}\p{Me}\u200b-\u200d]/u.test(character)) continue
    columns += wide.test(character) ? 2 : 1
  }
  return columns
}
