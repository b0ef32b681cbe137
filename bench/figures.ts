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

export type Unit = 'ms' | 'ms/network' | 'kB/network' | 'networks/s' | 'packets/s' | 'kB' | 'links' | 'fds'

/** One line of the table: what was measured, beside whom, and the bound that it must keep. */
export interface Row {
  readonly row: string
  readonly unit: Unit
  /** Where nothing of ours could be measured, `missing` says why. */
  readonly ours?: Figure
  readonly peer?: { readonly name: string } & Figure
  /** Median of ours by median of the peer's, and least by least: what it is when nobody disturbs. */
  readonly ratio?: number
  readonly leastRatio?: number
  /** The largest ratio, or where there is no peer the largest value, that passes the gate. */
  readonly atMost?: number
  /** The smallest. */
  readonly atLeast?: number
  readonly note?: string
  /** What could not be measured, and why: a peer that is not installed. */
  readonly missing?: string
}

export interface Measured extends Pick<Row, 'row' | 'unit' | 'atMost' | 'atLeast' | 'note'> {
  readonly ours: readonly number[]
  readonly peer?: readonly [name: string, values: readonly number[]]
}

export function row ({ ours, peer, ...rest }: Measured): Row {
  const mine = figure(ours)
  const theirs = peer === undefined ? undefined : { name: peer[0], ...figure(peer[1]) }
  return { ...rest, ours: mine, ...theirs === undefined ? {} : { peer: theirs, ratio: mine.median / theirs.median, leastRatio: mine.least / theirs.least } }
}

/** Whether a bound is kept: by the ratio of the medians beside a peer, else by the median. A row without a bound is for information. */
export function passes ({ ours, ratio, atMost, atLeast, missing }: Row): boolean {
  if (atMost === undefined && atLeast === undefined) return true
  const value = missing === undefined ? ratio ?? ours?.median : undefined // a ratio to what is not there is not kept
  return value !== undefined && value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity)
}

const number = (value: number): string => value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(2)
const spread = ({ median, least, most }: Figure): string => `${number(median)} (${number(least)}–${number(most)})`
const times = (value: number | undefined): string => value === undefined ? '–' : `${number(value)} ×`

function bound ({ atMost, atLeast, ratio, peer, unit }: Row): string {
  const value = atMost ?? atLeast
  if (value === undefined) return '–'
  const text = ratio === undefined && peer === undefined ? `${number(value)} ${unit}` : value < 0.1 ? `1/${number(1 / value)}` : `${number(value)} ×`
  return `${atMost === undefined ? '≥' : '≤'} ${text}`
}

/** The table as Markdown, which also reads well on a terminal. */
export function table (rows: readonly Row[]): string {
  const head = ['work', 'unit', 'netwright', 'runs', 'beside', 'its figure', 'ratio', 'of least', 'bound', '']
  const lines = rows.map((one) => [
    one.row, one.unit, one.ours === undefined ? '–' : spread(one.ours), one.ours === undefined ? '–' : String(one.ours.runs), one.peer?.name ?? '–', one.peer === undefined ? one.missing ?? '–' : spread(one.peer),
    times(one.ratio), times(one.leastRatio), bound(one), one.atMost === undefined && one.atLeast === undefined ? '' : passes(one) ? 'kept' : 'MISSED',
  ])
  const widths = head.map((text, i) => Math.max(text.length, ...lines.map((line) => (line[i] ?? '').length)))
  const print = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [print(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...lines.map(print)].join('\n')
}
