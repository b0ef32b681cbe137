/** A line of commands into words, as virsh takes it: `net-start a; net-info 'my net'  # comment`. Source: tools/vsh.c, vshCommandStringGetArg. */
import { UsageError } from './failure.js'

interface Word { readonly text: string, readonly next: number }

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
      if (next === '') throw new UsageError('dangling \\')
      text += next
      at++
    } else text += character
  }
  if (quote !== '') throw new UsageError(quote === '"' ? 'missing "' : "missing '")
  return { text, next: at }
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
      const { text, next } = word(line, at)
      current.push(text)
      at = next
    }
  }
  commands.push(current)
  return commands.filter((command) => command.length > 0)
}
