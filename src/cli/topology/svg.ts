/** A topology as an SVG: the outside above, then the host with its uplinks, below them its networks as cards. Pure. */
import type { Topology, TopologyUplink } from '../../index.js'
import { Canvas, measure, type Box } from './canvas.js'
import { cardOf, drawCard, type Card } from './card.js'
import { style } from './svg-style.js'
import { directWords, dropWords, filtersInTheWay, filterWords, hostWords, isActive, modeWords, uplinkFacts, uplinkWords, ways } from './words.js'

const MARGIN = 16
const PAD = 20
const GAP = 20
/** Above each row of cards, for the wires and what they are called. */
const WIRE = 52
const BAR = 32
const LINE = 18
const LEAST = 480

/** How many cards stand side by side. */
const columnsFor = (count: number): number => count <= 4 ? Math.max(1, count) : count <= 16 ? 4 : count <= 40 ? 5 : 6

/** The whole document. */
export function topologySvg (topology: Topology): string {
  const canvas = new Canvas()
  const plan = layout(topology)
  canvas.rect({ x: 0, y: 0, w: plan.w, h: plan.h }, 'ground', 0)
  canvas.rect(plan.frame, 'frame', 12)
  for (const { box } of plan.uplinks) canvas.line([[box.x + box.w / 2, box.y + box.h], [box.x + box.w / 2, plan.bar.y]], 'wire')
  drawOutside(canvas, topology, plan)
  canvas.text(plan.frame.x + PAD, plan.frame.y + 26, hostWords(topology.host), { size: 'title', most: plan.title })
  drawNotes(canvas, plan)
  drawBar(canvas, plan)
  drawTrunk(canvas, plan)
  for (const spot of plan.spots) drawNetwork(canvas, spot, plan)
  plan.idle.forEach((line, i) => { canvas.text(plan.frame.x + PAD, plan.end + 24 + i * LINE, line, { class: 'm', most: plan.frame.w - 2 * PAD }) })
  return canvas.document(plan, { title: `Networks of ${hostWords(topology.host)}`, style })
}

interface Spot { readonly card: Card, readonly box: Box, readonly row: number }
interface UplinkSpot { readonly uplink: TopologyUplink, readonly lines: readonly string[], readonly box: Box }
interface Plan {
  readonly w: number
  readonly h: number
  readonly frame: Box
  /** How wide the host's name may be. */
  readonly title: number
  readonly uplinks: readonly UplinkSpot[]
  readonly notes: readonly (readonly string[])[]
  /** Where they begin. */
  readonly notesAt: number
  /** What forwards and filters: uplinks hang above it, networks below. */
  readonly bar: Box
  readonly spots: readonly Spot[]
  readonly idle: readonly string[]
  /** Where the cards end. */
  readonly end: number
}

const ABOVE = 100
const middleOf = ({ box }: UplinkSpot): number => box.x + box.w / 2

function layout (topology: Topology): Plan {
  const cards = topology.networks.filter(isActive).map((network) => cardOf(topology, network, network.mode === 'none' ? ['isolated'] : ways(topology, network, true)))
  const columns = columnsFor(cards.length)
  const wide = Math.max(0, ...cards.map(({ width }) => width))
  const sizes = topology.uplinks.map((uplink) => ({ uplink, ...uplinkSize(uplink) }))
  const grid = cards.length === 0 ? 0 : columns * (wide + GAP) - GAP
  const above = sizes.reduce((sum, { w }) => sum + w + GAP, -GAP)
  const inside = Math.max(LEAST, grid, above)
  const frame = { x: MARGIN, y: sizes.length === 0 ? MARGIN : ABOVE, w: inside + 2 * PAD }
  const uplinks = place(sizes, frame.x + PAD + (inside - above) / 2, frame.y + 40)
  const notes = notesOf(topology, inside)
  const notesAt = frame.y + 40 + Math.max(0, ...sizes.map(({ h }) => h)) + (sizes.length === 0 ? 0 : 24)
  const bar = { x: frame.x + PAD, y: notesAt + notes.reduce((sum, lines) => sum + noteHeight(lines) + 10, 0), w: inside, h: BAR }
  const spots = rows(cards, { x: frame.x + PAD + (inside - grid) / 2, y: bar.y + bar.h, wide, columns })
  const end = Math.max(bar.y + bar.h, ...spots.map(({ box }) => box.y + box.h))
  const idle = wrap(idleWords(topology), inside, 'text')
  const h = end + (idle.length === 0 ? 0 : 12 + idle.length * LINE) + PAD - frame.y
  return { w: frame.w + 2 * MARGIN, h: frame.y + h + MARGIN, frame: { ...frame, h }, title: (uplinks[0] === undefined ? inside : middleOf(uplinks[0]) - frame.x - PAD - 16), uplinks, notes, notesAt, bar, spots, idle, end }
}

function uplinkSize (uplink: TopologyUplink): { readonly w: number, readonly h: number, readonly lines: readonly string[] } {
  const lines = [...uplinkFacts(uplink), ...uplink.direct.map(directWords)]
  return { lines, w: Math.min(420, Math.max(140, measure(uplinkWords(uplink), 'title') + 2 * 14, ...lines.map((line) => measure(line, 'text') + 2 * 14))), h: 14 + 16 + lines.length * LINE + 8 }
}

function place (sizes: readonly ({ readonly uplink: TopologyUplink, readonly lines: readonly string[], readonly w: number, readonly h: number })[], x: number, y: number): UplinkSpot[] {
  let left = x
  return sizes.map(({ uplink, lines, w, h }) => {
    const box = { x: left, y, w, h }
    left += w + GAP
    return { uplink, lines, box }
  })
}

/** Rows of cards, each as high as its highest. */
function rows (cards: readonly Card[], { x, y, wide, columns }: { readonly x: number, readonly y: number, readonly wide: number, readonly columns: number }): Spot[] {
  let top = y
  return Array.from({ length: Math.ceil(cards.length / columns) }, (_, row) => cards.slice(row * columns, (row + 1) * columns)).flatMap((some, row) => {
    const at = top + WIRE
    top = at + Math.max(...some.map(({ height }) => height))
    return some.map((card, i): Spot => ({ card, row, box: { x: x + i * (wide + GAP), y: at, w: wide, h: card.height } }))
  })
}

function idleWords ({ networks }: Topology): string[] {
  const idle = networks.filter((network) => !isActive(network)).map(({ name, mode }) => `${name} (${modeWords[mode]})`)
  return idle.length === 0 ? [] : ['not running:', ...idle.map((word, i) => i < idle.length - 1 ? `${word},` : word)]
}

/** Lines of words, none wider than that; a single word may be, and is cut when it is drawn. */
function wrap (words: readonly string[], most: number, size: 'text' | 'small'): string[] {
  const lines: string[] = []
  for (const word of words) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && measure(longer, size) <= most) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

const noteHeight = (lines: readonly string[]): number => lines.length * LINE + 12

function notesOf (topology: Topology, inside: number): string[][] {
  return filtersInTheWay(topology).map((filter) => wrap(`${filterWords(filter)} ${dropWords(filter)}`.split(' '), inside - 28, 'text'))
}

function drawOutside (canvas: Canvas, { uplinks: all }: Topology, { uplinks, frame }: Plan): void {
  if (all.length === 0) return
  // Right above the one in the middle, so that its wire is straight.
  const odd = uplinks.length % 2 === 1 ? uplinks[(uplinks.length - 1) / 2] : undefined
  const middle = odd === undefined ? frame.x + frame.w / 2 : middleOf(odd)
  canvas.rect({ x: middle - 60, y: MARGIN, w: 120, h: 34 }, 'card', 17)
  canvas.text(middle, MARGIN + 22, 'outside', { anchor: 'middle', class: 't b' })
  const level = MARGIN + 34 + 16
  uplinks.forEach((spot, i) => {
    const { uplink, lines, box } = spot
    const next = uplinks[i + 1]?.box ?? { x: frame.x + frame.w, w: 0 }
    const x = middleOf(spot)
    canvas.line([[middle, MARGIN + 34], [middle, level], [x, level], [x, box.y]], 'wire')
    uplink.gateways.slice(0, 2).forEach((gateway, j, shown) => { canvas.text(x + 8, frame.y - 7 - (shown.length - 1 - j) * 13, gateway, { size: 'small', class: 'm', most: next.x + next.w / 2 - x - 16 }) })
    canvas.rect(box, 'card')
    canvas.text(x, box.y + 24, uplinkWords(uplink), { size: 'title', anchor: 'middle', most: box.w - 20 })
    lines.forEach((line, i) => { canvas.text(x, box.y + 24 + (i + 1) * LINE, line, { anchor: 'middle', class: line === uplink.state ? 'bad' : 'm', most: box.w - 20 }) })
  })
}

function drawNotes (canvas: Canvas, { notes, notesAt, bar }: Plan): void {
  let y = notesAt
  for (const lines of notes) {
    const box = { x: bar.x, y, w: bar.w, h: noteHeight(lines) }
    canvas.rect(box, 'warned', 6)
    lines.forEach((line, i) => { canvas.text(box.x + 14, box.y + 19 + i * LINE, line, { class: 'warn', most: box.w - 28 }) })
    y += box.h + 10
  }
}

function drawBar (canvas: Canvas, { uplinks, bar }: Plan): void {
  canvas.rect(bar, 'card', 6)
  canvas.text(bar.x + bar.w / 2, bar.y + 21, uplinks.length === 0 ? 'no uplink: there is no default route' : 'routing · firewall', { anchor: 'middle', class: 'm' })
}

/** Below the first row the bar is reached by a wire along the left side. */
function drawTrunk (canvas: Canvas, { spots, bar }: Plan): void {
  const x = bar.x - 10
  for (const row of new Set(spots.map((spot) => spot.row))) {
    const wired = spots.filter((spot) => spot.row === row && spot.card.network.mode !== 'none')
    const last = wired.at(-1)
    if (row > 0 && last !== undefined) canvas.line([[x, levelOf(last)], [wireX(last), levelOf(last)]], 'wire')
  }
  const lowest = spots.findLast(({ row, card }) => row > 0 && card.network.mode !== 'none')
  if (lowest !== undefined) canvas.line([[bar.x, bar.y + BAR / 2], [x, bar.y + BAR / 2], [x, levelOf(lowest)]], 'wire')
}

const wireX = ({ box }: Spot): number => box.x + 24
const levelOf = ({ box }: Spot): number => box.y - WIRE + 14

function drawNetwork (canvas: Canvas, spot: Spot, { bar }: Plan): void {
  const { card: { network: { mode }, wire }, box, row } = spot
  const [x, top] = [wireX(spot), row > 0 ? levelOf(spot) : bar.y + bar.h]
  if (mode === 'none') drawShut(canvas, x, box.y)
  else {
    canvas.line([[x, top], [x, box.y]], `w-${mode}`)
    canvas.head(x, top, true, mode)
    if (mode !== 'nat') canvas.head(x, box.y, false, mode)
  }
  const shown = wire.slice(0, 2)
  shown.forEach((line, i) => { canvas.text(x + 12, (top + box.y) / 2 + 4 - (shown.length - 1 - 2 * i) * 7, line, { size: 'small', class: mode, most: box.w - 40 }) })
  drawCard(canvas, spot.card, box)
}

/** A wire that ends before it arrives. */
function drawShut (canvas: Canvas, x: number, y: number): void {
  const at = y - WIRE / 2
  canvas.line([[x, y], [x, at + 8]], 'w-none')
  canvas.line([[x - 5, at - 5], [x + 5, at + 5]], 'x-none')
  canvas.line([[x + 5, at - 5], [x - 5, at + 5]], 'x-none')
}
