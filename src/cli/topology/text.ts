/** A topology on a terminal: the outside above, then the host, then its networks, each a box with its ports and guests. Pure. */
import type { Topology, TopologyGuest, TopologyNetwork, TopologyPort, TopologyUplink } from '../../index.js'
import { width } from '../print/escape.js'
import { columns, cut, fit, paint, piece, type Piece, type Strip, type Style } from '../print/strip.js'
import { directWords, dropWords, filterFacts, filtersInTheWay, filterWords, forwardedTo, forwardsOf, forwardWords, hostWords, isActive, modeWords, peersSeen, relationWords, serviceWords, uplinkFacts, uplinkWords } from './words.js'

export interface TextOptions {
  /** Columns. Default 80; at least 60 are used. */
  readonly width?: number
  /** Boxes in Unicode; else in ASCII. Default true. */
  readonly unicode?: boolean
  readonly colours?: boolean
}

const unicode = { h: '─', v: '│', tl: '┌', tr: '┐', bl: '└', br: '┘', left: '├', right: '┤', up: '┴', down: '┬', plug: '──', to: '──▶', loose: '╌╌', mark: '…', out: '◀──', both: '◀─▶', shut: '─╳─', warn: '⚠' } as const
const ascii: Record<keyof typeof unicode, string> = { h: '-', v: '|', tl: '+', tr: '+', bl: '+', br: '+', left: '+', right: '+', up: '+', down: '+', plug: '--', to: '-->', loose: '..', mark: '~', out: '<--', both: '<->', shut: '-x-', warn: '!' }

const arrows = { none: 'shut', nat: 'out', route: 'both', open: 'both' } as const
const modeStyles: Readonly<Record<TopologyNetwork['mode'], Style>> = { none: 'magenta', nat: 'green', route: 'blue', open: 'cyan' }

/** Where the trunk from the host to its networks stands, and where their boxes begin. */
const TRUNK = 4
const BOX = 19
const LEAST = 60
/** More networks than fit on a screen as boxes. */
const MANY = 6

class Drawing {
  readonly lines: Strip[] = []
  readonly wide: number
  readonly signs: Record<keyof typeof unicode, string>

  constructor ({ width = 80, unicode: fancy = true }: TextOptions) {
    this.wide = Math.max(LEAST, width)
    this.signs = fancy ? unicode : ascii
  }

  line (...strip: Strip): void { this.lines.push(strip) }
  sign (name: keyof typeof unicode, style: Style = 'plain'): Piece { return { text: this.signs[name], style } }
  rule (wide: number): Piece { return { text: this.signs.h.repeat(Math.max(0, wide)), style: 'plain' } }
  cut (strip: Strip, most: number): Strip { return cut(strip, most, this.signs.mark) }
  fit (strip: Strip, wide: number): Strip { return fit(strip, wide, { mark: this.signs.mark }) }

  /** `┌─ title ──── right ─┐`, so many columns; `lead` stands before the title: `┌───┴─ title`. */
  top (title: Strip, wide: number, { lead = [this.sign('tl'), this.rule(1)], right = [] }: { readonly lead?: Strip, readonly right?: Strip } = {}): Strip {
    const begin = [...lead, piece(' ')]
    const end = right.length === 0 ? [this.sign('tr')] : [piece(' '), ...right, piece(' '), this.rule(1), this.sign('tr')]
    const shown = [...this.cut(title, wide - columns(begin) - columns(end) - 2), piece(' ')]
    return [...begin, ...shown, this.rule(wide - columns(begin) - columns(shown) - columns(end)), ...end]
  }

  /** One row inside a box of so many columns. */
  row (strip: Strip, wide: number): Strip { return [this.sign('v'), piece(' '), ...this.fit(strip, wide - 4), piece(' '), this.sign('v')] }

  bottom (wide: number): Strip { return [this.sign('bl'), this.rule(wide - 2), this.sign('br')] }
}

const blank = (wide: number): Piece => ({ text: ' '.repeat(Math.max(0, wide)), style: 'plain' })

/** Words that go on as many lines as they need. */
function flow (words: readonly Strip[], wide: number, gap = 2): Strip[] {
  const lines: Piece[][] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && columns(last) + gap + columns(word) <= wide) last.push(blank(gap), ...word)
    else lines.push([...word])
  }
  return lines
}

/** Both on one line, one at each end, or one below the other. */
function ends (left: Strip, right: Strip, wide: number): Strip[] {
  const gap = wide - columns(left) - columns(right)
  return columns(right) === 0 ? [left] : gap >= 2 ? [[...left, blank(gap), ...right]] : [left, right]
}

/** The drawing, with a line feed after each line. */
export function topologyText (topology: Topology, options: TextOptions = {}): string {
  const drawing = new Drawing(options)
  drawHost(drawing, topology)
  const active = topology.networks.filter(isActive)
  const layout = layoutOf(active, drawing.wide - BOX - 4)
  active.forEach((network, i) => {
    const place = { layout, last: i === active.length - 1, first: i === 0 }
    if (layout.many && isEmpty(network) && forwardsOf(topology, network).length === 0 && filterRows(drawing, topology, network).length === 0) drawLine(drawing, network, place)
    else drawNetwork(drawing, topology, network, place)
  })
  drawInactive(drawing, topology.networks.filter((network) => !isActive(network)))
  return drawing.lines.map((line) => `${paint(line, options.colours === true)}\n`).join('')
}

function drawHost (d: Drawing, topology: Topology): void {
  const { uplinks, host, networks } = topology
  const gateways = uplinks.flatMap((uplink) => uplink.gateways)
  if (uplinks.length > 0) {
    d.line(piece(' outside', 'bold'))
    d.line(blank(TRUNK), d.sign('v'), piece(' '), ...d.cut([piece(gateways.join('  '), 'dim')], d.wide - TRUNK - 2))
  }
  const lead = uplinks.length === 0 ? {} : { lead: [d.sign('tl'), d.rule(TRUNK - 1), d.sign('up'), d.rule(1)] }
  d.line(...d.top([piece(hostWords(host), 'bold')], d.wide, lead))
  for (const row of hostRows(d, topology)) d.line(...d.row(row, d.wide))
  d.line(...networks.some(isActive) ? [d.sign('bl'), d.rule(TRUNK - 1), d.sign('down'), d.rule(d.wide - TRUNK - 2), d.sign('br')] : d.bottom(d.wide))
}

function hostRows (d: Drawing, topology: Topology): Strip[] {
  const { uplinks, networks, filters } = topology
  const wide = d.wide - 4
  const rows = uplinks.flatMap((uplink) => uplinkRows(uplink, wide))
  if (uplinks.length === 0) rows.push([piece('no uplink: there is no default route', 'yellow')])
  for (const filter of filtersInTheWay(topology)) {
    for (const line of flow(`${d.signs.warn} ${filterWords(filter)} ${dropWords(filter)}`.split(' ').map((word) => [piece(word, 'yellow')]), wide, 1)) rows.push(line)
  }
  if (filters === undefined) rows.push([piece('rulesets of others: only root may look', 'dim')])
  if (!networks.some(isActive)) rows.push([piece(networks.length === 0 ? 'no networks' : 'no network runs', 'dim')])
  return rows
}

function uplinkRows (uplink: TopologyUplink, wide: number): Strip[] {
  const facts = uplinkFacts(uplink).map((fact) => [piece(fact, fact === uplink.state ? 'red' : 'plain')])
  const name = [piece(uplinkWords(uplink), 'bold')]
  return [...flow([name, ...facts], wide), ...uplink.direct.map((direct): Strip => [blank(2), piece(directWords(direct), direct.state === 'up' ? 'plain' : 'dim')])]
}

/** Columns that are the same in all boxes, so that one can read down them. */
interface Layout {
  readonly dev: number
  readonly name: number
  readonly network: number
  /** So many networks that those with nobody in them get a line, and no box. */
  readonly many: boolean
}

const MOST_NAME = 20
const LEAST_NAME = 8
const ADDRESS = 15
const MAC = 17

function layoutOf (networks: readonly TopologyNetwork[], inside: number): Layout {
  const ports = networks.flatMap(({ ports }) => ports)
  const guests = [...ports, ...networks].flatMap(({ guests }) => guests)
  const dev = Math.max(4, ...ports.map((port) => width(piece(port.dev).text)))
  const most = Math.min(MOST_NAME, Math.max(LEAST_NAME, inside - dev - 4 - ADDRESS - MAC - 4))
  return { dev, name: Math.min(most, Math.max(4, ...guests.map(({ name = '' }) => width(piece(name).text)))), network: Math.max(0, ...networks.map(({ name }) => Math.min(MOST_NAME, width(piece(name).text)))), many: networks.length > MANY }
}

interface Place { readonly layout: Layout, readonly first: boolean, readonly last: boolean }

function drawNetwork (d: Drawing, topology: Topology, network: TopologyNetwork, { layout, first, last }: Place): void {
  const wide = d.wide - BOX
  const { name, bridge, addresses, mode } = network
  const relation = piece(relationWords(topology, network), mode === 'none' ? 'dim' : modeStyles[mode])
  const services = serviceWords(network).map((word) => piece(word, network.state === 'degraded' ? 'red' : 'plain'))
  const facts = flow([[piece(bridge)], ...addresses.map((address) => [piece(address)])], wide - 4)
  const about = [...facts.slice(0, -1), ...ends(facts.at(-1) ?? [], [relation], wide - 4)]
  const trunk = (): Strip => [blank(TRUNK), last ? piece(' ') : d.sign('v'), blank(BOX - TRUNK - 1)]
  const before: Strip = [blank(TRUNK), d.sign('v'), blank(BOX - TRUNK - 1)]
  if (!first) d.line(...before)
  d.line(...before, ...d.top([piece(name, 'bold')], wide, { right: services.flatMap((word, i) => i === 0 ? [word] : [piece(' '), word]) }))
  about.forEach((row, i) => {
    if (i > 0) d.line(...trunk(), ...d.row(row, wide))
    else d.line(blank(TRUNK), d.sign(last ? 'bl' : 'left'), ...branch(d, network), d.sign('right'), ...d.row(row, wide).slice(1))
  })
  const rows = [...insideRows(d, network, { layout, wide: wide - 4 }), ...forwardRows(d, topology, network), ...filterRows(d, topology, network)]
  if (rows.length > 0) d.line(...trunk(), d.sign('left'), d.rule(wide - 2), d.sign('right'))
  for (const row of rows) d.line(...trunk(), ...d.row(row, wide))
  d.line(...trunk(), ...d.bottom(wide))
}

const isEmpty = ({ ports, guests, state }: TopologyNetwork): boolean => ports.length === 0 && guests.length === 0 && state === 'active'

/** One of many, with nobody in it. */
function drawLine (d: Drawing, network: TopologyNetwork, { layout, last }: Place): void {
  const { name, bridge, addresses } = network
  const facts = [bridge.padEnd(8), ...addresses, ...serviceWords(network)].flatMap((word) => [blank(2), piece(word)])
  d.line(blank(TRUNK), d.sign(last ? 'bl' : 'left'), ...branch(d, network), d.sign('h'), piece(' '), ...d.cut([...d.fit([piece(name, 'bold')], layout.network), ...facts], d.wide - BOX - 2))
}

/** `◀── nat ─────`: from the trunk to the box. */
function branch (d: Drawing, { mode }: TopologyNetwork): Strip {
  const style = modeStyles[mode]
  const word = modeWords[mode]
  return [d.sign(arrows[mode], style), piece(` ${word} `, style), d.rule(BOX - TRUNK - 6 - word.length)]
}

function insideRows (d: Drawing, { ports, guests }: TopologyNetwork, place: { readonly layout: Layout, readonly wide: number }): Strip[] {
  return [...ports.flatMap((port) => portRows(d, port, place)), ...guests.flatMap((guest) => guestRows(d, { guest, lead: [blank(place.layout.dev + 4)] }, place))]
}

function forwardRows (d: Drawing, topology: Topology, network: TopologyNetwork): Strip[] {
  return forwardsOf(topology, network).flatMap((forward) => flow([
    [piece(forwardWords(forward), 'yellow'), piece(' '), d.sign('to', 'yellow'), piece(' '), piece(forwardedTo(forward, network))], ...forward.networks ? [[piece('other networks too', 'dim')]] : [],
  ], d.wide - BOX - 4).map((line, i) => i === 0 ? line : [blank(2), ...line]))
}

const peerSigns = { both: 'both', out: 'to', in: 'out' } as const

/** Who talks with whom, and what filters. */
function filterRows (d: Drawing, topology: Topology, network: TopologyNetwork): Strip[] {
  const peers = peersSeen(topology, network).map(({ name, direction }): Strip => [d.sign(peerSigns[direction], 'cyan'), piece(' '), piece(name)])
  return flow([...peers.length === 0 ? [] : [[piece('peers', 'dim')], ...peers], ...filterFacts(network).map((fact): Strip => [piece(fact, 'yellow')])], d.wide - BOX - 4)
}

function portRows (d: Drawing, { dev, own, state, guests }: TopologyPort, place: { readonly layout: Layout, readonly wide: number }): Strip[] {
  const plugged = state === 'forwarding'
  const lead = (name: string, plug: 'plug' | 'loose' | undefined): Strip => [...d.fit([piece(name, plugged ? 'plain' : 'dim')], place.layout.dev), piece(' '), plug === undefined ? blank(2) : d.sign(plug, 'dim'), piece(' ')]
  const note = [...own ? [] : ['not ours'], ...plugged ? [] : [state === 'disabled' ? 'nobody plugged in' : state]].join(', ')
  const [one, ...more] = guests
  if (one === undefined) return [[...lead(dev, plugged ? 'plug' : 'loose'), piece(note === '' ? 'nobody seen yet' : note, 'dim')]]
  const rows = guestRows(d, { guest: one, lead: lead(dev, plugged ? 'plug' : 'loose'), note }, place)
  return [...rows, ...more.flatMap((guest) => guestRows(d, { guest, lead: lead('', undefined) }, place))]
}

/** Name, address and MAC in columns; further addresses, and what does not fit, below. */
function guestRows (d: Drawing, { guest, lead, note = '' }: { readonly guest: TopologyGuest, readonly lead: Strip, readonly note?: string }, { layout, wide }: { readonly layout: Layout, readonly wide: number }): Strip[] {
  const { name = '-', addresses: [first = '', ...more], mac } = guest
  const head: Strip = [...lead, ...d.fit([piece(name, guest.leased ? 'bold' : 'plain')], layout.name), blank(2)]
  const indent = columns(head)
  const tail = [...mac === '' ? [] : [[piece(mac, 'dim')]], ...note === '' ? [] : [[piece(note, 'dim')]]]
  const address: Strip = first.includes(':') || first === '' ? [piece(first)] : d.fit([piece(first)], ADDRESS)
  const lines = flow([...first === '' ? [] : [address], ...tail, ...more.map((one) => [piece(one)])], wide - indent)
  const [line = []] = lines
  const beside = columns(line) <= wide - indent
  return [beside ? [...head, ...line] : head, ...lines.slice(beside ? 1 : 0).map((rest) => [blank(Math.min(indent, wide - columns(rest))), ...rest])]
}

function drawInactive (d: Drawing, networks: readonly TopologyNetwork[]): void {
  if (networks.length === 0) return
  const most = Math.max(...networks.map(({ name }) => Math.min(30, width(piece(name).text))))
  d.line()
  d.line(piece(' not running', 'bold'))
  for (const { name, mode, addresses, autostart } of networks) {
    const facts = flow([d.fit([piece(modeWords[mode])], 8), ...addresses.map((address) => [piece(address)]), ...autostart ? [[piece('starts at boot', 'dim')]] : []], d.wide - TRUNK - most - 2)
    facts.forEach((line, i) => { d.line(...d.cut([blank(TRUNK), ...i === 0 ? d.fit([piece(name)], most) : [blank(most)], blank(2), ...line], d.wide)) })
  }
}
