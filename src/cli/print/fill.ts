/** Prose in lines, as fmt(1) breaks it. Pure. */
import { width } from './escape.js'

/** Columns of a help text: what any terminal has. */
export const COLUMNS = 80

/** The text in lines of at most `columns`; a longer word has a line of its own, an empty line separates paragraphs, other line breaks are spaces. */
export function fill (text: string, columns: number): string[] {
  return text.split(/\n\s*\n/).flatMap((paragraph, index) => {
    const lines: string[] = index === 0 ? [] : ['']
    let line = ''
    for (const word of paragraph.split(/\s+/).filter((each) => each !== '')) {
      if (line !== '' && width(line) + 1 + width(word) > columns) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    return [...lines, line]
  })
}

/** Terms on the left, what they mean on the right, filled; all of it indented. A term that is too wide has a line of its own. */
export function definitions (rows: readonly (readonly [term: string, text: string])[], { indent = 2, most = 26 } = {}): string[] {
  const fitting = rows.map(([term]) => width(term)).filter((each) => each <= most)
  const left = indent + Math.max(0, ...fitting) + 2
  return rows.flatMap(([term, text]) => {
    const [first = '', ...more] = fill(text, COLUMNS - left)
    const head = ' '.repeat(indent) + term
    const room = ' '.repeat(left)
    const lines = width(head) + 2 > left ? [head, room + first] : [head.padEnd(left) + first]
    return [...lines, ...more.map((line) => room + line)]
  })
}

/** Words after a head, broken between them and indented under the first: a SYNOPSIS. */
export function hanging (head: string, words: readonly string[], indent: number): string[] {
  const lines: string[] = []
  let line = ' '.repeat(indent) + head
  for (const word of words) {
    if (width(line) + 1 + width(word) <= COLUMNS) line += ` ${word}`
    else {
      lines.push(line)
      line = ' '.repeat(indent + width(head) + 1) + word
    }
  }
  return [...lines, line]
}
