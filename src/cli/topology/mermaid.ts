/** A topology as a Mermaid flowchart, for Markdown. Pure. */
import type { Topology, TopologyNetwork, TopologyPort } from '../../index.js'
import { escape } from '../print/escape.js'
import { dropWords, filterFacts, filtersInTheWay, filterWords, forwardsOf, forwardWords, guestNode, guestWords, hostWords, isActive, networkNode, peersOf, serviceWords, uplinkFacts, uplinkWords, ways } from './words.js'

const BREAK = '<br/>'

/** `#NN;` for every character that could mean something to Mermaid, to Markdown or to HTML. */
const entities = (text: string, harmless: RegExp): string => Array.from(escape(text)).map((character) => harmless.test(character) ? character : `#${String(character.codePointAt(0))};`).join('')

/**
 * Text that may hold anything, for the inside of a quoted label. Mermaid takes the last `;` off a line that has `style` or `classDef`, a colon and a `#`
 * in it, so there the colon is written as an entity, too. Source: mermaid, packages/mermaid/src/utils.ts, encodeEntities().
 */
export function label (text: string): string { return entities(text, /style|classdef/i.test(text) ? /[\p{L}\p{N} ._/,()-]/u : /[\p{L}\p{N} ._/:,()-]/u) }

const box = (lines: readonly string[]): string => `"${lines.filter((line) => line !== '').map(label).join(BREAK)}"`

/** What a chart draws first is above: the router, then the networks. Arrows that point up are unknown to Mermaid. */
const links = { none: 'x-.-x', nat: '---', route: '<-->', open: '<-->' } as const

/** The whole chart. */
export function topologyMermaid (topology: Topology): string {
  const { uplinks, host, networks } = topology
  const active = networks.filter(isActive)
  const lines = ['flowchart TB', ...classes.map((line) => `  ${line}`)]
  if (uplinks.length > 0) lines.push('  outside(["outside"])')
  lines.push(`  subgraph host[${box([hostWords(host)])}]`)
  uplinks.forEach((uplink, i) => { lines.push(`    u${i}[${box([uplinkWords(uplink), ...uplinkFacts(uplink)])}]:::uplink`) })
  lines.push('    router{{"routing, firewall"}}', ...uplinks.flatMap(({ direct }, i) => direct.flatMap((one, j) => [`    u${i}d${j}(${box([guestWords(one.guest), `${one.dev}, ${one.mode}`])})${one.state === 'up' ? '' : ':::unplugged'}`, `    u${i} --- u${i}d${j}`])))
  filtersInTheWay(topology).forEach((filter, i) => { lines.push(`    f${i}[${box([filterWords(filter), dropWords(filter)])}]:::filter`) })
  active.forEach((network, i) => { lines.push(...networkLines(network, i).map((line) => `    ${line}`)) })
  lines.push('  end')
  uplinks.forEach(({ gateways }, i) => { lines.push(`  outside ---${gateways.length === 0 ? '' : `|${box(gateways)}|`} u${i}`, `  u${i} --- router`) })
  active.forEach((network, i) => { lines.push(`  ${wire(topology, network, i)}`) })
  active.forEach((network, i) => { for (const forward of forwardsOf(topology, network)) lines.push(`  router ==>|${box([forwardWords(forward)])}| ${guestNode(network, i, forward)}`) })
  for (const { network, peer, direction } of peersOf(topology)) lines.push(`  ${networkNode(active, network)} ${direction === 'both' ? '<-->' : '-->'}|${box(['peers'])}| ${networkNode(active, peer)}`)
  filtersInTheWay(topology).forEach((_, i) => { lines.push(`  f${i} -.- router`) })
  return `${lines.join('\n')}\n`
}

/** Strokes only: what fills a node is the reader's theme, light or dark. */
const classes = [
  'classDef nat stroke:#1a7f37,stroke-width:2px', 'classDef route stroke:#0969da,stroke-width:2px', 'classDef open stroke:#0f7b83,stroke-width:2px',
  'classDef none stroke:#8250df,stroke-width:2px,stroke-dasharray:4 3', 'classDef uplink stroke-width:2px', 'classDef filter stroke:#9a6700,stroke-width:2px', 'classDef unplugged stroke-dasharray:3 3',
]

function networkLines (network: TopologyNetwork, i: number): string[] {
  const { name, bridge, addresses, mode, ports, guests } = network
  const behind = [
    ...ports.flatMap((port) => port.guests.length === 0 ? [node(port, [port.dev, port.kind])] : port.guests.map((guest) => node(port, [guestWords(guest), ...guest.addresses.filter((address) => address !== guestWords(guest)), port.dev]))),
    ...guests.map((guest) => ({ lines: [guestWords(guest), ...guest.addresses.filter((address) => address !== guestWords(guest))], kind: '' })),
  ]
  return [
    `n${i}[${box([name, bridge, ...addresses, [...serviceWords(network), ...filterFacts(network)].join(', ')])}]:::${mode}`,
    ...behind.flatMap(({ lines, kind }, j) => [`n${i}g${j}(${box(lines)})${kind}`, `n${i} --- n${i}g${j}`]),
  ]
}

const node = ({ state }: TopologyPort, lines: readonly string[]): { readonly lines: readonly string[], readonly kind: string } => ({ lines, kind: state === 'forwarding' ? '' : ':::unplugged' })

function wire (topology: Topology, network: TopologyNetwork, i: number): string {
  const { mode } = network
  return `router ${links[mode]}|${box(mode === 'none' ? ['isolated'] : ways(topology, network, true))}| n${i}`
}
