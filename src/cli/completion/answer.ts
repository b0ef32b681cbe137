/** What the script of a shell gets for a line that is being typed. */
import { typed } from '../tokens.js'
import { candidates, type Candidates } from './candidates.js'
import type { Surroundings } from './names.js'
import { openedBy, quote } from './quote.js'
import type { Shell } from './scripts.js'

/** What bash begins a new word at, even inside a word: `--network=` is three to it. Source: COMP_WORDBREAKS. */
const breaks = ['=', ':', '@']

/** Bash replaces what stands after the last break only. */
function bashLine (text: string, raw: string): string {
  const opened = openedBy(raw)
  const begun = raw.slice(opened.length)
  const whole = quote(text, opened)
  const kept = opened !== '' ? 0 : Math.max(...breaks.map((character) => begun.lastIndexOf(character))) + 1
  return whole.startsWith(begun.slice(0, kept)) ? whole.slice(kept) : whole
}

const pathLine = ({ paths }: Candidates): readonly string[] => paths === undefined ? [] : [`\t${paths}`]

/** Names may hold anything; what would be two lines, or two columns, is not offered. */
const plain = ({ text }: { readonly text: string }): boolean => !/[\p{Cc}\u2028\u2029]/u.test(text)

/** For bash `words` is one word, the line up to the cursor; for the others the words after the program's name, of which the last is begun. */
export async function answer (shell: Shell, words: readonly string[], where: Surroundings): Promise<readonly string[]> {
  if (shell === 'bash') {
    const line = typed(words[0] ?? '')
    const found = await candidates(line.words.slice(1), line.partial, where)
    return [...found.candidates.filter(plain).map(({ text }) => bashLine(text, line.raw)), ...pathLine(found)]
  }
  const last = words.at(-1) ?? ''
  const found = await candidates(words.slice(0, -1), shell === 'fish' ? typed(last).partial : last, where)
  return [...found.candidates.filter(plain).map(({ text, description }) => description === '' && shell === 'fish' ? text : `${text}\t${description}`), ...pathLine(found)]
}
