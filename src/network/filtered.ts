/**
 * Rules, peers and the host's services in packets: what of them is a network's own. Pairs of peers depend on who runs, see peering.ts. Pure.
 *
 * | set or map | key | value | says |
 * |---|---|---|---|
 * | inrules, outrules | bridge | the network's chain | what comes to its guests, what they send; only networks with rules have any |
 * | nohost    | bridge                   | | guests do not reach the host, but for DHCP, DNS and neighbour discovery … |
 * | hostproto | bridge . protocol        | | … and this protocol … |
 * | hostports | bridge . protocol . port | | … and this port |
 *
 * A network with rules has both chains, since the answers of what one of them lets through pass by the other.
 */
import type { ChainObject, FilterRule, MemberObject } from '../kernel/object.js'
import { directions } from './rule-words.js'
import type { AddressSet, Definition, HostPolicy, RuleSpec } from './spec.js'

type Filtered = Pick<Definition, 'name' | 'bridge' | 'rules' | 'addressSets' | 'host' | 'peers'>

/** The elements that lead to a network's chains, and those of its policy towards the host. */
export function filterMembers ({ bridge: { name: bridge }, rules = [], host }: Filtered): readonly MemberObject[] {
  const chains: MemberObject[] = rules.length === 0 ? [] : [
    { type: 'member', set: 'inrules', key: [bridge], data: ['jump', chainName('in', bridge)] },
    { type: 'member', set: 'outrules', key: [bridge], data: ['goto', chainName('out', bridge)] },
  ]
  return [...chains, ...host?.access === 'deny' ? hostMembers(bridge, host) : []]
}

function hostMembers (bridge: string, { icmp, allow = [] }: HostPolicy): MemberObject[] {
  const protocols = new Set([...icmp === true ? ['icmp', 'icmpv6'] : [], ...allow.flatMap(({ protocol, ports }) => ports === undefined ? [protocol] : [])])
  const ports = new Map(allow.flatMap(({ protocol, ports: these = [] }) => protocols.has(protocol) ? [] : these.flatMap((range) => portsOf(range)).map((port) => [`${protocol} ${String(port)}`, [protocol, port] as const])))
  return [
    { type: 'member', set: 'nohost', key: [bridge] },
    ...[...protocols].map((protocol): MemberObject => ({ type: 'member', set: 'hostproto', key: [bridge, kernelName(protocol)] })),
    ...[...ports.values()].map(([protocol, port]): MemberObject => ({ type: 'member', set: 'hostports', key: [bridge, protocol, port] })),
  ]
}

/** As the kernel's headers and nft call it. */
function kernelName (protocol: string): string { return protocol === 'icmpv6' ? 'ipv6-icmp' : protocol }

function rangeOf (text: string): readonly [number, number] {
  const [first = '', last = first] = text.split('-')
  return [Number(first), Number(last)]
}

function portsOf (text: string): number[] {
  const [first, last] = rangeOf(text)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function chainName (direction: 'in' | 'out', bridge: string): string { return `${direction}-${bridge}` }

/** The chains of a network: none where it has no rules. `nft add chain inet netwright in-BRIDGE { … }`. */
export function filterChains (definition: Filtered): readonly ChainObject[] {
  const { bridge: { name: bridge }, rules = [] } = definition
  if (rules.length === 0) return []
  return directions.map((direction) => ({
    type: 'chain', name: chainName(direction, bridge), direction,
    rules: rules.flatMap((rule, of) => rule.direction === direction ? partsOf(rule, of, definition) : []),
  }))
}

/** What nft can say in quotes, of at most 127 bytes with what follows it (NF_LOG_PREFIXLEN). */
function prefixOf (name: string): string { return `${name.replace(/[^\x20-\x7e]|"/gu, '?').slice(0, 125)}: ` }

/** One rule, or one a family where addresses tell families apart. */
function partsOf (rule: RuleSpec, of: number, { name, addressSets = [] }: Filtered): FilterRule[] {
  const { action, protocol, ports, log, comment } = rule
  const [from, to] = [resolved(rule.from, addressSets), resolved(rule.to, addressSets)]
  const common = {
    action, of, ...protocol === undefined ? {} : { protocol: kernelName(protocol) }, ...ports === undefined ? {} : { ports: ports.map(rangeOf) },
    ...log === undefined || log === false ? {} : { log: log === true ? prefixOf(name) : log }, ...comment === undefined ? {} : { comment },
  }
  const only = protocol === 'icmp' ? 4 : protocol === 'icmpv6' ? 6 : undefined
  if (from === undefined && to === undefined) return [{ ...common, ...only === undefined ? {} : { family: only } }]
  return ([4, 6] as const).flatMap((family): FilterRule[] => {
    const [source, destination] = [from, to].map((list) => list?.filter((address) => address.includes(':') === (family === 6)))
    if ((only ?? family) !== family || source?.length === 0 || destination?.length === 0) return []
    return [{ ...common, family, ...source === undefined ? {} : { from: source }, ...destination === undefined ? {} : { to: destination } }]
  })
}

/** Addresses, with those of the sets that are named. */
export function resolved (addresses: readonly string[] | undefined, sets: readonly AddressSet[]): readonly string[] | undefined {
  return addresses?.flatMap((one) => one.startsWith('@') ? sets.find(({ name }) => name === one.slice(1))?.addresses ?? [] : [one])
}

/** Whether what is routed to or from an isolated network may pass: the host must forward for it then. */
export function opens ({ rules = [], peers = [] }: Pick<Filtered, 'rules' | 'peers'>): boolean {
  return peers.length > 0 || rules.some(({ action }) => action === 'allow')
}
