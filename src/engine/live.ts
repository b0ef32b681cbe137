/** What changes when a running network takes another definition: in words, and whom each part interrupts. Pure; what is done about it is in difference.ts. */
import { dnsmasqConfig, needsDnsmasq } from '../dnsmasq/config.js'
import { guestWords, hostWords } from '../network/forward-words.js'
import type { Definition } from '../network/spec.js'
import { subnetOf } from '../network/subnet.js'
import { formatCidr, network, parseCidr } from '../values/cidr.js'
import type { Consequence, Interruption } from './change.js'
import { filterParts } from './live-filter.js'

/** What the dnsmasq of a network has to do about a change of its definition. */
export type DaemonNeed = 'nothing' | 'reload' | 'restart' | 'start' | 'stop'

/** As far as the text depends on the definition, any place does. */
const PLACE = { hosts: '/h', addnhosts: '/a', servers: '/s', leases: '/l' }

/** Static leases and host names are read again on SIGHUP, anything else only by a new process. Throws InputError for what dnsmasq cannot be given. */
export function daemonNeed (before: Definition, after: Definition): DaemonNeed {
  const [was, is] = [needsDnsmasq(before), needsDnsmasq(after)]
  if (!was || !is) return was ? 'stop' : is ? 'start' : 'nothing'
  const [old, fresh] = [dnsmasqConfig(before, PLACE), dnsmasqConfig(after, PLACE)]
  // It binds the addresses that it finds when it starts.
  if (old.text !== fresh.text || addressesOf(before).join() !== addressesOf(after).join()) return 'restart'
  return old.hosts !== fresh.hosts || old.addnhosts !== fresh.addnhosts ? 'reload' : 'nothing'
}

/**
 * The parts of a live update, in the order in which they are carried out. `restart`: one of them cannot be done while the network runs. Nothing at all
 * where the definitions say the same. As `virsh net-update --live`, but for everything.
 */
export function liveDiff (from: Definition, to: Definition): { readonly parts: readonly Consequence[], readonly restart: boolean } {
  const stuck = unchangeable(from, to)
  const parts = [...stuck, ...bridgeParts(from, to), ...addressParts(from, to), ...routeParts(from, to), ...forwardParts(from, to), ...portParts(from, to), ...filterParts(from, to), ...daemonParts(from, to), ...wordParts(from, to)]
  return { parts, restart: stuck.length > 0 }
}

const part = (what: string, interrupts: Interruption, reason: string): Consequence => ({ what, reason, interrupts })
const becomes = (what: string, from: unknown, to: unknown): string => `${what}: ${String(from)} becomes ${String(to)}`

function unchangeable (from: Definition, to: Definition): Consequence[] {
  const parts: Consequence[] = []
  if (from.uuid !== to.uuid) parts.push(part(becomes('uuid', from.uuid, to.uuid), 'outage', 'a network with another uuid is another network'))
  if (from.bridge.name !== to.bridge.name) parts.push(part(becomes('bridge', from.bridge.name, to.bridge.name), 'outage', 'ports, rules and dnsmasq know the bridge by its name, and a link is renamed only while it is down'))
  return parts
}

/** ETH_DATA_LEN. */
const DEFAULT_MTU = 1500

function bridgeParts (from: Definition, to: Definition): Consequence[] {
  const [mtu, size] = [from.mtu ?? DEFAULT_MTU, to.mtu ?? DEFAULT_MTU]
  const parts: Consequence[] = []
  if (mtu !== size) parts.push(part(becomes('mtu', mtu, size), size < mtu ? 'blip' : 'none', size < mtu ? 'larger packets are lost until guests learn of it with their next lease' : 'of the bridge and its ports; guests learn of it with their next lease'))
  if (from.mac !== to.mac) parts.push(part(becomes('mac', from.mac, to.mac), 'blip', 'guests have the bridge\'s old address in their tables until they ask again'))
  if (from.bridge.stp !== to.bridge.stp) parts.push(part(becomes('stp', onOff(from), onOff(to)), 'none', 'ports that forward go on forwarding'))
  if (from.bridge.delay !== to.bridge.delay) parts.push(part(becomes('forward delay', from.bridge.delay, to.bridge.delay), 'none', 'counts for ports that come'))
  return parts
}

const onOff = ({ bridge }: Definition): string => bridge.stp ? 'on' : 'off'
const addressesOf = ({ ip }: Definition): string[] => ip.map((one) => formatCidr(subnetOf(one)))

function addressParts (from: Definition, to: Definition): Consequence[] {
  const [old, fresh] = [addressesOf(from), addressesOf(to)]
  const hosts = new Set(fresh.map(hostOf))
  const gone = old.filter((one) => !fresh.includes(one))
  return [
    ...fresh.filter((one) => !old.includes(one)).map((one) => part(`address ${one}`, 'none', 'it is added')),
    ...gone.map((one) => hosts.has(hostOf(one))
      ? part(`address ${one}`, 'blip', 'its prefix changes; guests learn of it with their next lease')
      : part(`address ${one}`, 'outage', 'it is removed: guests that use it as their gateway are cut off until they get another lease')),
  ]
}

const hostOf = (cidr: string): string => cidr.slice(0, cidr.indexOf('/'))

/** By destination and metric, of which there is one in a routing table. */
function routesOf ({ route = [] }: Definition): ReadonlyMap<string, string> {
  return new Map(route.map((one) => [`${formatCidr(network(parseCidr(formatCidr(subnetOf(one)))))} metric ${String(one.metric ?? 1)}`, one.gateway]))
}

function routeParts (from: Definition, to: Definition): Consequence[] {
  const [old, fresh] = [routesOf(from), routesOf(to)]
  const parts: Consequence[] = []
  for (const [key, gateway] of fresh) {
    const before = old.get(key)
    if (before === undefined) parts.push(part(`route ${key}`, 'none', `it is added, via ${gateway}`))
    else if (before !== gateway) parts.push(part(`route ${key}`, 'blip', `its gateway changes from ${before} to ${gateway}`))
  }
  for (const [key, gateway] of old) if (!fresh.has(key)) parts.push(part(`route ${key}`, 'outage', `it is removed: what lies behind ${gateway} is not reached any more`))
  return parts
}

/** Each lets through what those before it do, and more. */
const ORDER = ['none', 'nat', 'route', 'open'] as const

function forwardParts (from: Definition, to: Definition): Consequence[] {
  const [old, fresh] = [from.forward, to.forward]
  const parts: Consequence[] = []
  const narrower = ORDER.indexOf(fresh.mode) < ORDER.indexOf(old.mode)
  if (old.mode !== fresh.mode) parts.push(part(becomes('forward mode', old.mode, fresh.mode), narrower ? 'outage' : 'none', narrower ? 'what is not let through any more is cut off' : 'more is let through'))
  if (old.dev !== fresh.dev) parts.push(part(becomes('forward dev', old.dev ?? 'any', fresh.dev ?? 'any'), fresh.dev === undefined ? 'none' : 'outage', fresh.dev === undefined ? 'every way out is open' : 'other ways out are closed'))
  const [was, is] = [old.nat?.ipv6 === true, fresh.nat?.ipv6 === true]
  if (was !== is) parts.push(part(becomes('NAT of IPv6', was ? 'on' : 'off', is ? 'on' : 'off'), 'blip', 'connections that are open keep the address they have'))
  return parts
}

function portParts (from: Definition, to: Definition): Consequence[] {
  const [old, fresh] = [from, to].map(({ forwards = [] }) => new Map(forwards.map((one) => [hostWords(one), `${guestWords(one)}${one.networks === true ? ', for other networks too' : ''}`])))
  const parts: Consequence[] = []
  for (const [host, guest] of fresh ?? []) {
    const before = old?.get(host)
    if (before === undefined) parts.push(part(`forward ${host}`, 'none', `it leads to ${guest} from now on`))
    else if (before !== guest) parts.push(part(`forward ${host}`, 'outage', `it leads to ${guest} instead of ${before}; connections that are open are cut off`))
  }
  for (const [host, guest] of old ?? []) if (fresh?.has(host) === false) parts.push(part(`forward ${host}`, 'outage', `it leads to ${guest} no more; connections that are open are cut off`))
  return parts
}

function daemonParts (from: Definition, to: Definition): Consequence[] {
  switch (daemonNeed(from, to)) {
    case 'start': return [part('dnsmasq', 'none', 'it is started: leases or names are given')]
    case 'stop': return [part('dnsmasq', 'outage', 'it is ended: neither leases nor names are given any more')]
    case 'restart': return [part('dnsmasq', 'blip', 'its configuration changes: it is started anew and keeps the leases')]
    case 'reload': return [part('dnsmasq', 'none', 'it reads static leases and host names again')]
    default: return []
  }
}

/** What only people read, and what only the definition says. */
function wordParts (from: Definition, to: Definition): Consequence[] {
  return (['title', 'description', 'metadata', 'ipv6'] as const).filter((key) => from[key] !== to[key]).map((key) => part(key, 'none', 'it is written down'))
}
