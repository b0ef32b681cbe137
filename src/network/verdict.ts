/** What a definition says of a packet, as the kernel's chains would: to find the connections that a change forbids. Pure. */
import { contains, parseCidr } from '../values/cidr.js'
import { isIp, parseIp, type Ip } from '../values/ip.js'
import type { FilterRule } from '../kernel/object.js'
import { filterChains } from './filtered.js'
import type { Definition } from './spec.js'

/** A packet as `forward` sees it: after the translation of its destination. */
export interface Packet { readonly from: string, readonly to: string, readonly protocol: number, readonly port?: number | undefined }

/** As rules write them. Source: IANA, protocol numbers. */
const numbers: Readonly<Record<string, number>> = { 'icmp': 1, 'tcp': 6, 'udp': 17, 'gre': 47, 'esp': 50, 'ah': 51, 'ipv6-icmp': 58, 'sctp': 132 }

type Match = (packet: Packet) => boolean
/** What the rules of one direction say first; undefined where none matches. */
export type Judge = (direction: 'in' | 'out', packet: Packet) => 'allow' | 'deny' | undefined

/** The rules of a definition, made ready to be asked often. */
export function judge (definition: Definition): Judge {
  const chains = new Map(filterChains(definition).map(({ direction, rules }) => [direction, rules.map((rule) => ({ rule, match: matcher(rule) }))]))
  return (direction, packet) => {
    const found = chains.get(direction)?.find(({ match }) => match(packet))
    return found === undefined ? undefined : found.rule.action === 'allow' ? 'allow' : 'deny'
  }
}

/** What the forward mode alone says. */
export function modePasses ({ forward: { mode } }: Pick<Definition, 'forward'>, direction: 'in' | 'out'): boolean {
  return direction === 'out' ? mode !== 'none' : mode === 'route' || mode === 'open'
}

/** Whether a forwarded port that guests of other networks may use leads to where the packet goes. Of a guest that is named by its port, only the port is known. */
export function opensForward ({ forwards = [] }: Pick<Definition, 'forwards'>, { to, protocol, port = 0 }: Packet): boolean {
  return forwards.some(({ networks, proto, guest, guestPort, port: first, end = first }) => networks === true && numbers[proto] === protocol &&
    guestPort <= port && port <= guestPort + end - first && (!isIp(guest) || guest === to))
}

function matcher ({ family, protocol, ports, from, to }: FilterRule): Match {
  const [source, destination] = [within(from), within(to)]
  const number = protocol === undefined ? undefined : numbers[protocol]
  return (packet) => (family === undefined || packet.from.includes(':') === (family === 6)) && (number === undefined || packet.protocol === number) &&
    (ports === undefined || ports.some(([first, last]) => packet.port !== undefined && first <= packet.port && packet.port <= last)) && source(packet.from) && destination(packet.to)
}

function within (list: readonly string[] | undefined): (address: string) => boolean {
  if (list === undefined) return () => true
  const prefixes = list.map((one) => isIp(one) ? { address: parseIp(one), prefix: one.includes(':') ? 128 : 32 } : parseCidr(one))
  return (address) => { const ip: Ip = parseIp(address); return prefixes.some((prefix) => prefix.address.includes(':') === ip.includes(':') && contains(prefix, ip)) }
}
