/** virsh's tables. Source: tools/vsh-table.c. */
import { escape, width } from './escape.js'

/**
 * Each cell is one space and its text, padded to the column's widest plus two; the last column is not padded. The rule is as long as all columns and three each.
 * With `headless` (`--quiet`) header and rule are left out, but the header's widths stay.
 */
export function table (header: readonly string[], rows: readonly (readonly string[])[], headless = false): string {
  const cells = [header, ...rows].map((row) => row.map(escape))
  const widths = header.map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ''))))
  const lines = cells.map((row) => row.map((cell, column) => {
    const padding = column === row.length - 1 ? 0 : (widths[column] ?? 0) + 2 - width(cell)
    return ` ${cell}${' '.repeat(padding)}`
  }).join(''))
  const rule = '-'.repeat(widths.reduce((sum, each) => sum + each + 3, 0))
  const [first = '', ...rest] = lines
  const shown = headless ? rest : [first, rule, ...rest]
  return shown.map((line) => `${line}\n`).join('')
}
