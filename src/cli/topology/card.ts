/** One network in the SVG: a card with its name, its addresses, and a box for each guest. */
import type { ForwardEdge, Topology, TopologyGuest, TopologyNetwork, TopologyPort } from '../../index.js'
import { measure, type Box, type Canvas, type Size } from './canvas.js'
import { filterFacts, forwardedTo, forwardsOf, forwardWords, peersSeen, serviceWords, type Peer } from './words.js'

interface Line { readonly text: string, readonly size: Size, readonly class?: string, /** At the right end of the same line. */ readonly right?: string }
/** A guest, or a port that nobody is known to be behind. */
interface Item { readonly lines: readonly Line[], readonly plugged: boolean, /** In place of a box of its own: a forwarded port's, a peer's. */ readonly sign?: string }

export interface Card {
  readonly network: TopologyNetwork
  readonly wire: readonly string[]
  readonly badges: readonly string[]
  readonly facts: readonly Line[]
  readonly items: readonly Item[]
  /** What it would like to have, pixels. */
  readonly width: number
  readonly height: number
}

const PAD = 14
const INNER = 10
const LINE = 18
const GAP = 6
const LEAST = 220
const MOST = 360

function facts ({ bridge, addresses, domain }: TopologyNetwork): Line[] {
  const [first = '', ...more] = addresses
  const together = `${bridge} · ${first}`
  const head = first === '' ? [bridge] : measure(together, 'text') <= MOST - 2 * PAD ? [together] : [bridge, first]
  return [
    ...[...head, ...more].map((text): Line => ({ text, size: 'text', class: 'm' })),
    ...domain === undefined ? [] : [{ text: domain, size: 'small', class: 'm' } as const],
  ]
}

function item (port: TopologyPort | undefined, guest: TopologyGuest | undefined): Item {
  const plugged = port === undefined || port.state === 'forwarding'
  const [first, ...more] = guest?.addresses ?? []
  const six = first?.includes(':') === true
  const known = guest?.name !== undefined || first !== undefined
  const right = first !== undefined && !six ? first : plugged ? undefined : port.state === 'disabled' ? 'not plugged in' : port.state
  const under = [known ? port?.dev ?? [] : port?.kind ?? [], guest === undefined || guest.mac === '' ? [] : guest.mac, port?.own === false ? 'not ours' : []].flat()
  return {
    plugged,
    lines: [
      { text: guest?.name ?? (known ? 'guest' : port?.dev ?? 'guest'), size: 'text', class: plugged ? 't b' : 'm', ...right === undefined ? {} : { right } },
      ...(six ? [first, ...more] : more).map((text): Line => ({ text, size: 'small', class: 't' })), { text: under.join(' · '), size: 'small', class: 'm' },
    ],
  }
}

/** On one line, unless that is long. */
function forwardItem (forward: ForwardEdge, network: TopologyNetwork): Item {
  const [from, to] = [forwardWords(forward), forwardedTo(forward, network)]
  const note = forward.networks ? ' · other networks too' : ''
  const short = note === '' && measure(from + to, 'text') < LEAST
  return { plugged: true, sign: '→', lines: short ? [{ text: from, size: 'text', class: 't b', right: to }] : [{ text: from, size: 'text', class: 't b' }, { text: `to ${to}${note}`, size: 'small', class: 'm' }] }
}

const peerWords = { both: ['↔', 'talks with'], out: ['→', 'reaches'], in: ['←', 'is reached from'] } as const

/** `talks with blue`: a row like a forwarded port's. */
function peerItem ({ name, direction }: Peer): Item {
  const [sign, words] = peerWords[direction]
  return { plugged: true, sign, lines: [{ text: `${words} ${name}`, size: 'text', class: 't' }] }
}

const wideOf = ({ text, size, right }: Line): number => measure(text, size) + (right === undefined ? 0 : measure(right, size) + 16)
const heightOf = ({ lines, sign }: Item): number => sign !== undefined ? lines.length * LINE + 6 : lines.length * LINE - 4 + 2 * 8

/** What will be on the card, and how large that is. `wire`: what its wire is called. */
export function cardOf (topology: Topology, network: TopologyNetwork, wire: readonly string[]): Card {
  const badges = network.state === 'degraded' ? ['dnsmasq is down'] : [...serviceWords(network), ...filterFacts(network)]
  const items = [...network.ports.flatMap((port) => port.guests.length === 0 ? [item(port, undefined)] : port.guests.map((guest) => item(port, guest))), ...network.guests.map((guest) => item(undefined, guest)),
    ...forwardsOf(topology, network).map((forward) => forwardItem(forward, network)), ...peersSeen(topology, network).map(peerItem)]
  const about = facts(network)
  const wish = Math.max(
    measure(network.name, 'title') + badges.reduce((sum, badge) => sum + badgeWidth(badge) + 6, 8) + 2 * PAD,
    ...wire.map((line) => measure(line, 'small') + 42), ...about.map((line) => wideOf(line) + 2 * PAD), ...items.flatMap(({ lines }) => lines.map((line) => wideOf(line) + 2 * PAD + 2 * INNER + 14)),
  )
  const inside = items.length === 0 ? 0 : 8 + items.reduce((sum, one) => sum + heightOf(one) + GAP, -GAP)
  return { network, wire, badges, facts: about, items, width: Math.min(MOST, Math.max(LEAST, Math.ceil(wish))), height: PAD + 16 + about.length * LINE + 4 + inside + PAD }
}

const badgeWidth = (text: string): number => measure(text, 'small') + 12

/** Draws it there, as wide and high as the box is. */
export function drawCard (canvas: Canvas, { network, badges, facts, items }: Card, { x, y, w, h }: Box): void {
  canvas.rect({ x, y, w, h }, 'card')
  canvas.rect({ x: x + 1, y: y + 12, w: 3, h: 20 }, network.mode, 1)
  let right = x + w - PAD
  for (const badge of [...badges].reverse()) {
    const wide = badgeWidth(badge)
    canvas.rect({ x: right - wide, y: y + PAD - 2, w: wide, h: 18 }, 'badge', 9)
    canvas.text(right - wide / 2, y + PAD + 11, badge, { size: 'small', class: network.state === 'degraded' ? 'bad' : 'm', anchor: 'middle' })
    right -= wide + 6
  }
  canvas.text(x + PAD, y + PAD + 12, network.name, { size: 'title', most: right - x - PAD - 2 })
  let at = y + PAD + 16
  for (const line of facts) {
    at += LINE
    canvas.text(x + PAD, at, line.text, { size: line.size, class: line.class ?? 't', most: w - 2 * PAD })
  }
  at += 12
  for (const one of items) {
    const box = { x: x + PAD, y: at, w: w - 2 * PAD, h: heightOf(one) }
    drawItem(canvas, one, box, network.mode)
    at += box.h + GAP
  }
}

function drawItem (canvas: Canvas, { lines, plugged, sign }: Item, box: Box, mode: string): void {
  if (sign !== undefined) canvas.text(box.x + INNER - 1, box.y + 21, sign, { class: 'warn b' })
  else {
    canvas.rect(box, 'inner', 6)
    canvas.dot(box.x + INNER + 4, box.y + 8 + 9, plugged ? mode : `o-${mode}`)
  }
  const left = box.x + INNER + 14
  const most = box.x + box.w - INNER - left
  lines.forEach(({ text, size, class: kind = 't', right }, i) => {
    const at = box.y + 8 + 13 + i * LINE
    const taken = right === undefined ? 0 : Math.min(Math.max(most * 0.6, most - measure(text, size) - 12), measure(right, size)) + 12
    canvas.text(left, at, text, { size, class: kind, most: most - taken })
    if (right !== undefined) canvas.text(box.x + box.w - INNER, at, right, { size, anchor: 'end', most: taken - 12 })
  })
}
