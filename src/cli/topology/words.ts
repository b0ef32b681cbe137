/** What all drawings of a topology say, in the same words. */
import type { Family, ForwardEdge, PeerEdge, Topology, TopologyDirect, TopologyFilter, TopologyGuest, TopologyHost, TopologyNetwork, TopologyUplink, UplinkEdge } from '../../index.js'

export const modeWords = { none: 'isolated', nat: 'nat', route: 'route', open: 'open' } as const

/** `rig`, `rig, namespace lab`, `rig, networks of ci`. */
export function hostWords ({ name, owner, netns }: TopologyHost): string {
  return [name, ...netns === undefined ? [] : [`namespace ${netns}`], ...owner === 'system' ? [] : [`networks of ${owner}`]].join(', ')
}

/** `DHCP`, `DNS`; of a network whose dnsmasq is down, that. */
export function serviceWords ({ state, dhcp, dns }: TopologyNetwork): readonly string[] {
  if (state === 'degraded') return ['no DHCP, no DNS: dnsmasq is down']
  return [...dhcp ? ['DHCP'] : [], ...dns ? ['DNS'] : []]
}

export const uplinksOf = ({ edges }: Topology, { name }: TopologyNetwork): readonly UplinkEdge[] => edges.flatMap((edge) => edge.kind === 'uplink' && edge.network === name ? [edge] : [])

export const forwardsOf = ({ edges }: Topology, { name }: TopologyNetwork): readonly ForwardEdge[] => edges.flatMap((edge) => edge.kind === 'forward' && edge.network === name ? [edge] : [])

export const peersOf = ({ edges }: Topology): readonly PeerEdge[] => edges.flatMap((edge) => edge.kind === 'peer' ? [edge] : [])

/** Another network, and who of the two may begin to talk, as this one sees it. */
export interface Peer { readonly name: string, readonly direction: 'both' | 'out' | 'in' }

export function peersSeen (topology: Topology, { name }: TopologyNetwork): readonly Peer[] {
  return peersOf(topology).flatMap(({ network, peer, direction }): Peer[] => {
    if (network === name) return [{ name: peer, direction }]
    return peer === name ? [{ name: network, direction: direction === 'both' ? 'both' : 'in' }] : []
  })
}

/** What a network's own rules are about: `3 rules`, `host closed`. */
export function filterFacts ({ rules = 0, host }: TopologyNetwork): readonly string[] {
  return [...rules === 0 ? [] : [rules === 1 ? '1 rule' : `${rules} rules`], ...host === undefined ? [] : ['host closed']]
}

const bracketed = (address: string): string => address.includes(':') ? `[${address}]` : address

/** The host's side: `8080/tcp`, `192.0.2.1:8000-8010/udp`. */
export function forwardWords ({ address, port, end, proto }: ForwardEdge): string {
  return `${address === undefined ? '' : `${bracketed(address)}:`}${port}${end === undefined ? '' : `-${end}`}/${proto}`
}

/** The guest's side: `web01:80`; `vnet0:80, not attached`. */
export function forwardedTo ({ guest, to, guestPort, port, end = port }: ForwardEdge, { ports, guests }: TopologyNetwork): string {
  const known = to === undefined ? undefined : [...ports.flatMap((one) => one.guests), ...guests].find(({ addresses }) => addresses.includes(to))
  const range = end === port ? '' : `-${guestPort + end - port}`
  return `${known?.name ?? bracketed(to ?? guest)}:${guestPort}${range}${to === undefined ? ', not attached' : ''}`
}

const familyWord = { ipv4: 'IPv4', ipv6: 'IPv6' } as const
const familyWords = (families: readonly Family[]): string => families.map((family) => familyWord[family]).join(' and ')

/** `masquerade`, `route`, `masquerade IPv4, route IPv6`. */
export function wayWords ({ families, masquerade }: Pick<UplinkEdge, 'families' | 'masquerade'>): string {
  const routed = families.filter((family) => !masquerade.includes(family))
  if (routed.length === 0) return 'masquerade'
  return masquerade.length === 0 ? 'route' : `masquerade ${familyWords(masquerade)}, route ${familyWords(routed)}`
}

/** How a network reaches the outside, way by way: `masquerade by eth0`. Which device is not said where there is only one and `terse` is wanted. */
export function ways (topology: Topology, network: TopologyNetwork, terse: boolean): readonly string[] {
  if (network.mode === 'none') return []
  const found = new Map<string, string[]>()
  for (const edge of uplinksOf(topology, network)) found.set(wayWords(edge), [...found.get(wayWords(edge)) ?? [], edge.dev])
  const alone = terse && topology.uplinks.length === 1
  return found.size === 0 ? [`${terse ? `${network.mode}, ` : ''}no way out`] : [...found].map(([way, devs]) => alone ? way : `${way} by ${devs.join(', ')}`)
}

/** The same on one line, for whoever has room. */
export function relationWords (topology: Topology, network: TopologyNetwork): string {
  if (network.mode === 'none') return network.addresses.length === 0 ? 'a bridge and no more' : 'not forwarded'
  return ways(topology, network, false).join('; ')
}

/** `eth0 over eth1`, for a bridge over a NIC. */
export const uplinkWords = ({ dev, ports }: TopologyUplink): string => ports.length === 0 ? dev : `${dev} over ${ports.join(', ')}`

/** `198.51.100.1/24`, …, and what is wrong with it. */
export const uplinkFacts = ({ state, addresses }: TopologyUplink): readonly string[] => [...addresses, ...state === 'up' ? [] : [state]]

/** `vm1 by macvtap0, bridge`: who is straight on an uplink, past all networks. */
export const directWords = ({ dev, mode, state, guest }: TopologyDirect): string => `${guestWords(guest)} by ${dev}, ${mode}${state === 'up' ? '' : `, ${state}`}`

/** `table ip filter, chain FORWARD (its policy)`. */
export function filterWords ({ family, table, chain, by }: TopologyFilter): string {
  return `table ${family} ${table}, chain ${chain} (${by === 'policy' ? 'its policy' : 'a rule of it'})`
}

/** What such a chain does, and to whom. */
export function dropWords ({ hook, networks }: TopologyFilter): string {
  const whose = networks.length > 4 ? `${networks.slice(0, 3).join(', ')} and ${String(networks.length - 3)} more` : networks.join(', ')
  return hook === 'forward' ? `drops what guests of ${whose} send and receive through this host, unless a rule accepts it` : `drops DHCP and DNS of ${whose}, unless a rule accepts it`
}

/** Those that concern a network of ours. */
export const filtersInTheWay = ({ filters = [] }: Topology): readonly TopologyFilter[] => filters.filter(({ networks }) => networks.length > 0)

/** What a guest is called: by its name, else its address, else its MAC. */
export const guestWords = ({ name, addresses: [first], mac }: TopologyGuest): string => name ?? first ?? mac

export const isActive = ({ state }: TopologyNetwork): boolean => state !== 'inactive'

/** In graphs: the node of a network that is drawn. */
export const networkNode = (active: readonly TopologyNetwork[], name: string): string => `n${active.findIndex((network) => network.name === name)}`

/** In graphs: the node of the guest that a forward leads to, else that of its network (number `i`). Guests are numbered as they are drawn: port by port, then those without one. */
export function guestNode ({ ports, guests }: TopologyNetwork, i: number, { to }: ForwardEdge): string {
  const drawn = [...ports.flatMap((port): readonly (TopologyGuest | undefined)[] => port.guests.length === 0 ? [undefined] : port.guests), ...guests]
  const at = to === undefined ? -1 : drawn.findIndex((guest) => guest?.addresses.includes(to) === true)
  return at < 0 ? `n${i}` : `n${i}g${at}`
}
