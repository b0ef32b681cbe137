/** Medians with spread, and what a row of the table says. Pure. */

export interface Figure { readonly median: number, readonly least: number, readonly most: number, readonly runs: number }

/** Of at least one value. */
export function figure (values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
  return { median, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN, runs: sorted.length }
}

/** One line of the table: what was measured, beside whom, and the bound that it must keep. */
export interface Row {
  readonly row: string
  readonly unit: 'ms' | 'ms/network' | 'networks'
  readonly ours: Figure
  readonly peer?: { readonly name: string } & Figure
  /** Median of ours by median of the peer's, and least by least: what it is when nobody disturbs. */
  readonly ratio?: number
  readonly leastRatio?: number
  /** The largest ratio, or where there is no peer the largest value, that passes the gate. */
  readonly bound?: number
  readonly note?: string
}

export interface Measured { readonly row: string, readonly unit: Row['unit'], readonly ours: readonly number[], readonly peer?: readonly [name: string, values: readonly number[]], readonly bound?: number, readonly note?: string }

export function row ({ row: name, unit, ours, peer, bound, note }: Measured): Row {
  const mine = figure(ours)
  const theirs = peer === undefined ? undefined : { name: peer[0], ...figure(peer[1]) }
  return {
    row: name, unit, ours: mine, ...theirs === undefined ? {} : { peer: theirs, ratio: mine.median / theirs.median, leastRatio: mine.least / theirs.least },
    ...bound === undefined ? {} : { bound }, ...note === undefined ? {} : { note },
  }
}

/**
 * Whether the row keeps its bound. Beside a peer one of the two ratios must: what else the machine does only adds time, and not to both alike.
 * Without a peer the median must: one run may have met a garbage collector whose helpers got no processor. A row without a bound is for information.
 */
export function passes ({ ours, ratio, leastRatio, bound }: Row): boolean {
  if (bound === undefined) return true
  return ratio === undefined || leastRatio === undefined ? ours.median <= bound : Math.min(ratio, leastRatio) <= bound
}

const number = (value: number): string => value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
const spread = ({ median, least, most }: Figure): string => `${number(median)} (${number(least)}–${number(most)})`

/** The table as Markdown, which also reads well on a terminal. */
export function table (rows: readonly Row[]): string {
  const head = ['work', 'unit', 'netwright', 'beside', 'its figure', 'ratio', 'of least', 'bound', '']
  const lines = rows.map((one) => [
    one.row, one.unit, spread(one.ours), one.peer?.name ?? '–', one.peer === undefined ? '–' : spread(one.peer), one.ratio === undefined ? '–' : `${number(one.ratio)} ×`, one.leastRatio === undefined ? '–' : `${number(one.leastRatio)} ×`,
    one.bound === undefined ? '–' : one.ratio === undefined ? `≤ ${number(one.bound)} ${one.unit}` : `≤ ${number(one.bound)} ×`, one.bound === undefined ? '' : passes(one) ? 'kept' : 'MISSED',
  ])
  const widths = head.map((text, i) => Math.max(text.length, ...lines.map((line) => (line[i] ?? '').length)))
  const print = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [print(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...lines.map(print)].join('\n')
}
