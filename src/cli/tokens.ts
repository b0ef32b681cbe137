/** A line of commands into words, as virsh takes it: `net-start a; net-info 'my net'  # comment`. Source: tools/vsh.c, vshCommandStringGetArg. */
import { UsageError } from './failure.js'

interface Word { readonly text: string, readonly next: number, /** What ended it too early: a quote that is not closed, a backslash before nothing. */ readonly open?: string }

/** One word from `start`: single quotes keep everything, double quotes all but `\"` and `\\`, a backslash outside keeps the next character. */
function word (line: string, start: number): Word {
  let text = ''
  let quote = ''
  let at = start
  for (; at < line.length; at++) {
    const character = line.charAt(at)
    const next = line.charAt(at + 1)
    if (quote === '' && /[\s;]/.test(character)) break
    if (character === quote) quote = ''
    else if (quote === '' && (character === "'" || character === '"')) quote = character
    else if (character === '\\' && quote !== "'") {
      if (next === '') return { text, next: line.length, open: '\\' }
      text += next
      at++
    } else text += character
  }
  return { text, next: at, ...quote === '' ? {} : { open: quote } }
}

/**
 * The commands of a line, each a list of words; `;` separates, `#` at the start of a word begins a comment.
 * @throws UsageError `missing "` where a quote is not closed.
 */
export function tokens (line: string): string[][] {
  const commands: string[][] = []
  let current: string[] = []
  let at = 0
  while (at < line.length) {
    const character = line.charAt(at)
    if (character === '#') break
    if (character === ';') {
      commands.push(current)
      current = []
      at++
    } else if (/\s/.test(character)) {
      at++
    } else {
      const { text, next, open } = word(line, at)
      if (open !== undefined) throw new UsageError(open === '\\' ? 'dangling \\' : `missing ${open}`)
      current.push(text)
      at = next
    }
  }
  commands.push(current)
  return commands.filter((command) => command.length > 0)
}

/** A line that is being typed: the words of its last command, and the one that is begun, as it is meant and as it stands there. Never an error. */
export interface Typed { readonly words: readonly string[], readonly partial: string, readonly raw: string }

export function typed (line: string): Typed {
  let words: string[] = []
  for (let at = 0; at < line.length;) {
    const character = line.charAt(at)
    if (character === ';') words = []
    if (character === ';' || /\s/.test(character)) { at++; continue }
    const { text, next } = word(line, at)
    if (next >= line.length) return { words, partial: text, raw: line.slice(at) }
    words.push(text)
    at = next
  }
  return { words, partial: '', raw: '' }
}
