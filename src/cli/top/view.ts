/** What `netwright top` shows: a table of rates above, what happens below. Pure. */
import { columns, cut, fit, piece, type Strip, type Style } from '../print/strip.js'
import type { NetworkRate, Rate } from './sample.js'

export const orders = ['name', 'traffic', 'drops'] as const
export type Order = typeof orders[number]

/** What was asked for at the keys. */
export interface Wishes { readonly order: Order, readonly ports: boolean, /** Rows that are above the window. */ readonly above: number }

/** A line of what has happened. */
export interface Note { readonly time: string, readonly text: string }

export interface Shown {
  readonly title: string
  readonly time: string
  /** Seconds between two looks. */
  readonly interval: number
  readonly networks: readonly NetworkRate[]
  readonly notes: readonly Note[]
  readonly wishes: Wishes
}

/** The signs that ASCII has not got. */
interface Signs { readonly mark: string, readonly rule: string, readonly arrows: string }
const unicode: Signs = { mark: '…', rule: '─', arrows: '↑↓' }
const ascii: Signs = { mark: '~', rule: '-', arrows: 'up, down' }

/** `0`, `950`, `1.20k`, `34.5M`: three digits and the thousand. */
export function short (value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let left = value
  let unit = 0
  while (left >= 999.5 && unit < units.length - 1) { left /= 1000; unit++ }
  return unit === 0 ? String(Math.round(left)) : `${left.toPrecision(3)}${units[unit] ?? ''}`
}

const heads = ['in bit/s', 'out bit/s', 'in pkt/s', 'out pkt/s', 'drops', 'leases'] as const
const WIDE = [9, 10, 9, 10, 7, 7] as const
const NUMBERS = WIDE.reduce((sum, wide) => sum + wide, 0)

/** The six numbers at the right of a row. */
function numbers ({ inBits, outBits, inPackets, outPackets, drops }: Rate, leases: string): readonly string[] {
  return [inBits, outBits, inPackets, outPackets, drops].map(short).concat(leases)
}

function row (name: Strip, cells: readonly string[], wide: number, { mark }: Signs, style: Style): Strip {
  return [...fit(name, Math.max(0, wide - NUMBERS), { mark }), ...cells.map((cell, i) => piece(cell.padStart(WIDE[i] ?? 0), i === 4 && style !== 'reverse' && cell !== '0' ? 'red' : style))]
}

const traffic = ({ inBits, outBits }: Rate): number => inBits + outBits

/** In the order that was asked for; those that are alike, by name. */
export function sorted (networks: readonly NetworkRate[], order: Order): readonly NetworkRate[] {
  const lost = ({ drops, ports }: NetworkRate): number => drops + ports.reduce((sum, port) => sum + port.drops, 0)
  const busy = (one: NetworkRate): number => Math.max(traffic(one), ...one.ports.map(traffic))
  const by = order === 'traffic' ? busy : order === 'drops' ? lost : () => 0
  return [...networks].sort((a, b) => by(b) - by(a))
}

/** A row for each network, and below it one for each port. */
export function table ({ networks, wishes: { order, ports } }: Pick<Shown, 'networks' | 'wishes'>, wide: number, fancy: boolean): readonly Strip[] {
  const signs = fancy ? unicode : ascii
  return sorted(networks, order).flatMap((one) => [
    row([piece(' '), piece(one.network, 'bold'), piece(` ${one.dev}`, 'dim'), ...one.state === 'degraded' ? [piece(' dnsmasq down', 'red')] : []], numbers(one, String(one.leases)), wide, signs, 'plain'),
    ...ports ? one.ports.map((port) => row([piece(`   ${port.dev}`), ...port.name === undefined ? [] : [piece(` ${port.name}`, 'dim')]], numbers(port, ''), wide, signs, 'plain')) : [],
  ])
}

export function header (wide: number, fancy: boolean): Strip { return row([piece(' network, port', 'reverse')], heads, wide, fancy ? unicode : ascii, 'reverse') }

/** How many rows of the table there is room for, and how many lines of what has happened. */
export function room (high: number, rows: number): { readonly table: number, readonly notes: number } {
  const free = Math.max(0, high - 4) // title, header, rule, keys
  const notes = Math.min(free, Math.max(Math.min(3, free), Math.floor(free / 3), free - rows))
  return { table: free - notes, notes }
}

/** Exactly as many lines as the screen has, none wider. */
export function frame (shown: Shown, { wide, high, fancy }: { readonly wide: number, readonly high: number, readonly fancy: boolean }): readonly Strip[] {
  const { title, time, interval, networks, notes, wishes } = shown
  const signs = fancy ? unicode : ascii
  const all = table(shown, wide, fancy)
  const size = room(high, all.length)
  const above = Math.min(wishes.above, Math.max(0, all.length - size.table))
  const rows = all.slice(above, above + size.table)
  const right = [piece(`every ${interval} s  ${time} `, 'dim')]
  const left = [piece(` ${title}`, 'bold'), piece(`  ${summary(networks)}`)]
  const more = all.length - above - rows.length
  const rule = `${signs.rule}${signs.rule} what happened ${more > 0 || above > 0 ? `${signs.rule}${signs.rule} ${above} rows above, ${more} below ` : ''}`
  const last = size.notes === 0 ? [] : notes.slice(-size.notes)
  const lines: Strip[] = [
    [...fit(left, Math.max(0, wide - columns(right)), signs), ...right],
    header(wide, fancy), ...rows, ...blank(size.table - rows.length),
    [piece(rule, 'dim'), piece(signs.rule.repeat(Math.max(0, wide - rule.length)), 'dim')],
    ...last.map((note): Strip => [piece(` ${note.time} `, 'dim'), piece(note.text)]), ...blank(size.notes - last.length),
    [piece(` q quit   ${signs.arrows} scroll   p ports ${wishes.ports ? 'off' : 'on'}   s sort (by ${wishes.order})`, 'dim')],
  ]
  return lines.slice(0, high).map((line) => cut(line, wide, signs.mark))
}

const blank = (count: number): Strip[] => Array.from({ length: Math.max(0, count) }, () => [])

function summary (networks: readonly NetworkRate[]): string {
  const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`
  return [counted(networks.length, 'network'), counted(networks.reduce((sum, { ports }) => sum + ports.length, 0), 'port'), counted(networks.reduce((sum, { leases }) => sum + leases, 0), 'lease')].join(', ')
}
