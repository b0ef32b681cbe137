/** A topology as a graph for Graphviz: `netwright topology --dot | dot -Tsvg`. Pure. */
import type { Topology, TopologyNetwork } from '../../index.js'
import { escape } from '../print/escape.js'
import { dropWords, filterFacts, filtersInTheWay, filterWords, forwardedTo, forwardsOf, forwardWords, guestNode, guestWords, hostWords, isActive, networkNode, peersOf, serviceWords, uplinkFacts, uplinkWords, ways } from './words.js'

/** Text that may hold anything, for the inside of a quoted string: neither an end of it, nor an escape (`\N`), nor an HTML entity, which labels know too. Source: graphviz.org, escString. */
const inside = (text: string): string => escape(text).replace(/&/g, '&amp;').replace(/["\\]/g, '\\$&')

/** A label of several lines. */
const label = (lines: readonly string[]): string => `"${lines.filter((line) => line !== '').map(inside).join('\\n')}"`

type Attributes = Readonly<Record<string, string>>
const attributes = (given: Attributes): string => `[${Object.entries(given).map(([name, value]) => `${name}=${value}`).join(', ')}]`

const colours = { none: '"#8250df"', nat: '"#1a7f37"', route: '"#0969da"', open: '"#0f7b83"' } as const
const ends = { none: 'none', nat: 'back', route: 'both', open: 'both' } as const

/** Long texts as lines, for a node that is not to be as wide as the graph. */
const folded = (text: string): string[] => text.match(/.{1,48}(?: |$)/gu)?.map((line) => line.trimEnd()) ?? [text]

/** The whole graph. */
export function topologyDot (topology: Topology): string {
  const { uplinks, host, networks } = topology
  const active = networks.filter(isActive)
  const filters = filtersInTheWay(topology)
  return `${[
    'digraph netwright {',
    '  graph [rankdir=TB, fontname="monospace", nodesep=0.3, ranksep=0.5]', '  node [shape=box, style=rounded, fontname="monospace", fontsize=11]', '  edge [fontname="monospace", fontsize=10, arrowhead=none]',
    ...uplinks.length === 0 ? [] : ['  outside [shape=ellipse, label="outside"]'],
    '  subgraph cluster_host {', `    label=${label([hostWords(host)])}; style=rounded`,
    ...uplinks.map((uplink, i) => `    u${i} ${attributes({ label: label([uplinkWords(uplink), ...uplinkFacts(uplink)]) })}`),
    ...uplinks.flatMap(({ direct }, i) => direct.flatMap(({ dev, mode, state, guest }, j) => [
      `    u${i}d${j} ${attributes({ label: label([guestWords(guest), mode]), ...state === 'up' ? {} : { style: '"rounded,dashed"' } })}`, `    u${i} -> u${i}d${j} ${attributes({ label: label([dev]) })}`,
    ])),
    '    router [shape=hexagon, label="routing, firewall"]',
    ...filters.map((filter, i) => `    f${i} ${attributes({ label: label([filterWords(filter), ...folded(dropWords(filter))]), color: '"#9a6700"', shape: 'octagon', style: 'solid' })}`),
    ...active.flatMap((network, i) => networkLines(network, i).map((line) => `    ${line}`)),
    '  }',
    ...uplinks.flatMap(({ gateways }, i) => [`  outside -> u${i} ${attributes({ label: label(gateways) })}`, `  u${i} -> router`]),
    ...active.map((network, i) => `  router -> n${i} ${wire(topology, network)}`),
    ...active.flatMap((network, i) => forwardsOf(topology, network).map((forward) => `  router -> ${guestNode(network, i, forward)} ${attributes({ label: label([forwardWords(forward), `to ${forwardedTo(forward, network)}`]), color: '"#9a6700"', arrowhead: 'normal', constraint: 'false' })}`)),
    ...peersOf(topology).map(({ network, peer, direction }) => `  ${networkNode(active, network)} -> ${networkNode(active, peer)} ${attributes({ label: label(['peers']), arrowhead: 'normal', ...direction === 'both' ? { dir: 'both' } : {}, constraint: 'false' })}`),
    ...filters.map((_, i) => `  f${i} -> router ${attributes({ style: 'dashed', color: '"#9a6700"', constraint: 'false' })}`),
    '}',
  ].join('\n')}\n`
}

function networkLines (network: TopologyNetwork, i: number): string[] {
  const { name, bridge, addresses, mode, ports, guests } = network
  const behind = [
    ...ports.flatMap(({ dev, kind, state, guests: some }) => some.length === 0 ? [{ lines: [kind], dev, state }] : some.map((guest) => ({ lines: linesOf(guest), dev, state }))),
    ...guests.map((guest) => ({ lines: linesOf(guest), dev: '', state: 'forwarding' })),
  ]
  return [
    `n${i} ${attributes({ label: label([name, [bridge, ...addresses].join(' '), [...serviceWords(network), ...filterFacts(network)].join(', ')]), color: colours[mode], penwidth: '2' })}`,
    ...behind.flatMap(({ lines, dev, state }, j) => [
      `n${i}g${j} ${attributes({ label: label(lines), ...state === 'forwarding' ? {} : { style: '"rounded,dashed"' } })}`,
      `n${i} -> n${i}g${j} ${attributes({ label: label([dev]) })}`,
    ]),
  ]
}

const linesOf = (guest: TopologyNetwork['guests'][number]): string[] => [guestWords(guest), ...guest.addresses.filter((address) => address !== guestWords(guest))]

/** An arrow points where connections may be opened to. */
function wire (topology: Topology, network: TopologyNetwork): string {
  const { mode } = network
  return attributes({
    label: label(mode === 'none' ? ['isolated'] : ways(topology, network, true)), color: colours[mode], fontcolor: colours[mode], dir: ends[mode], arrowhead: 'normal', ...mode === 'none' ? { style: 'dashed' } : {},
  })
}
