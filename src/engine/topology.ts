/** Draws what stands together: books, leases, and the kernel's links, routes, addresses and forwarding databases. Only reads. */
import { hostname } from 'node:os'
import { basename } from 'node:path'
import { needsDnsmasq } from '../dnsmasq/config.js'
import { readAddresses } from '../kernel/addr.js'
import { isOurs, readLinks, type LinkState } from '../kernel/link-state.js'
import { readLearned } from '../kernel/neigh.js'
import { readRoutes, type RouteState } from '../kernel/route.js'
import { mapSlowly } from '../netlink/breathe.js'
import { isErrno } from '../netlink/errno.js'
import { RT_TABLE_MAIN } from '../netlink/rtnl/route.js'
import { guestOf } from '../network/forwarded.js'
import { familyOf } from '../network/subnet.js'
import type { Definition } from '../network/spec.js'
import { formatCidr, cidrOf } from '../values/cidr.js'
import { parseIp } from '../values/ip.js'
import type { Lease } from './api.js'
import type { Context } from './context.js'
import { filesOf } from './daemon.js'
import { NOBODYS } from './direct.js'
import { definitionOf, infoOf, inventory, type Entry } from './inventory.js'
import { leasesOf } from './leases.js'
import { guestsOf } from './named-guests.js'
import type { PortRecord } from './record.js'
import type { Family, ForwardEdge, PeerEdge, Topology, TopologyFilter, TopologyGuest, TopologyHost, TopologyNetwork, TopologyDirect, TopologyPort, TopologyUplink, UplinkEdge } from './topology-api.js'
import { foreignDrops, hits, type ForeignDrop } from './warnings.js'
import type { Works } from './works.js'

/** What is asked of a host: its books and sockets, whether a dnsmasq is down, and a network's leases. */
export type Surveyor = Pick<Works, 'context' | 'daemons' | 'end'>

/** The kernel's links, by index and by the index of their master. */
interface Links { readonly all: ReadonlyMap<number, LinkState>, readonly ports: ReadonlyMap<number, readonly LinkState[]> }

/** All of it. Throws KernelError. */
export async function topology (surveyor: Surveyor): Promise<Topology> {
  const { context } = surveyor
  const [entries, autostarted, links, routes, filters, standing] = await Promise.all([
    inventory(context), context.store.autostarted(), linksOf(context), defaultRoutes(context), filtersOf(context), context.book.look(),
  ])
  const direct = directOf(standing.ports([NOBODYS]), links)
  const named = [...entries.flatMap((entry) => definitionOf(entry).forward.dev ?? []), ...direct.keys()]
  const uplinks = (await uplinksOf(context, links, routes, named)).map((uplink): TopologyUplink => ({ ...uplink, direct: direct.get(uplink.dev) ?? [] }))
  const networks = await Promise.all(entries.map(async (entry) => await networkOf(surveyor, entry, { links, autostarted })))
  return {
    host: hostOf(context), uplinks, networks,
    ...filters === undefined ? {} : { filters: filters.map((filter) => concerning(filter, entries)) },
    edges: [
      ...entries.flatMap((entry) => entry.running === undefined ? [] : [...uplinkEdges(entry.running.definition, uplinks), ...forwardEdges(entry.running.definition, entry.ports)]),
      ...peerEdges(entries),
    ],
  }
}

function hostOf ({ owner, netns: { path } }: Context): TopologyHost {
  const netns = path === `/proc/${String(process.pid)}/ns/net` ? undefined : path.startsWith('/run/netns/') ? basename(path) : path
  return { name: hostname(), owner, ...netns === undefined ? {} : { netns } }
}

async function linksOf ({ rtnl }: Context): Promise<Links> {
  const all = new Map<number, LinkState>()
  const ports = new Map<number, LinkState[]>()
  await mapSlowly(await readLinks(rtnl), (link) => {
    all.set(link.index, link)
    if (link.master === undefined || link.master === 0) return
    const others = ports.get(link.master)
    if (others === undefined) ports.set(link.master, [link])
    else others.push(link)
  })
  return { all, ports }
}

/** Default routes of table main, the one with the lowest metric first. */
async function defaultRoutes ({ rtnl }: Context): Promise<readonly RouteState[]> {
  const routes = await readRoutes(rtnl, { local: false })
  return routes.filter(({ destination, table, type }) => table === RT_TABLE_MAIN && type === 'unicast' && destination.endsWith('/0')).sort((a, b) => a.metric - b.metric)
}

const familyName = (address: string): Family => address.includes(':') ? 'ipv6' : 'ipv4'

/** Devices with a default route in the order of their metrics, then those that networks name. */
async function uplinksOf ({ rtnl }: Context, { all, ports }: Links, routes: readonly RouteState[], named: readonly string[]): Promise<readonly Omit<TopologyUplink, 'direct'>[]> {
  const byName = new Map([...all.values()].map((link) => [link.name, link]))
  const names = new Set([...routes.flatMap(({ dev }) => dev === undefined ? [] : all.get(dev)?.name ?? []), ...named])
  return await Promise.all([...names].map(async (dev): Promise<Omit<TopologyUplink, 'direct'>> => {
    const link = byName.get(dev)
    if (link === undefined) return { dev, state: 'missing', addresses: [], gateways: [], defaults: [], ports: [] }
    const own = routes.filter((route) => route.dev === link.index)
    const addresses = await readAddresses(rtnl, link.index)
    return {
      dev, ...link.kind === undefined ? {} : { kind: link.kind }, state: conditionOf(link),
      addresses: addresses.filter(({ address }) => !/^fe[89ab]/i.test(address)).map(({ address, prefix }) => formatCidr(cidrOf(parseIp(address), prefix))),
      gateways: [...new Set(own.flatMap(({ gateway }) => gateway ?? []))],
      defaults: [...new Set(own.map(({ destination }) => familyName(destination)))].sort(),
      ports: (ports.get(link.index) ?? []).map(({ name }) => name).sort(),
    }
  }))
}

const conditionOf = ({ up, carrier }: LinkState): TopologyUplink['state'] => !up ? 'down' : carrier ? 'up' : 'no carrier'

/** Our macvtaps that are there, by the device that they are on, in the order of their names. */
function directOf (records: readonly PortRecord[], { all }: Links): ReadonlyMap<string, readonly TopologyDirect[]> {
  const found = new Map<string, TopologyDirect[]>()
  for (const record of records) {
    const [link, own] = [all.get(record.link.index), record.link]
    if (own.type !== 'macvtap' || link === undefined || !isOurs({ ...link, name: own.name }, own)) continue
    const device = all.get(own.device.index)?.name ?? own.device.name
    found.set(device, [...found.get(device) ?? [], { dev: link.name, mode: own.mode, state: conditionOf(link), guest: guestBehind(record, undefined) }].sort((a, b) => natural(a.dev, b.dev)))
  }
  return found
}

/** A stranger's ruleset can only be read by who might change it. */
async function filtersOf (context: Context): Promise<readonly ForeignDrop[] | undefined> {
  try { return await foreignDrops(context) } catch (error) {
    if (isErrno(error, 'EPERM') || isErrno(error, 'EACCES')) return undefined
    throw error
  }
}

function concerning (chain: ForeignDrop, entries: readonly Entry[]): TopologyFilter {
  const networks = entries.flatMap(({ name, running }) => running !== undefined && hits(chain, running) ? [name] : [])
  return { family: String(chain.family), table: chain.table, chain: chain.name, hook: chain.hook, by: chain.drops, networks }
}

function uplinkEdges ({ name: network, forward: { mode, dev: only, nat }, ip }: Definition, uplinks: readonly TopologyUplink[]): UplinkEdge[] {
  if (mode === 'none') return []
  const own = [...new Set(ip.map((one): Family => familyOf(one) === 4 ? 'ipv4' : 'ipv6'))].sort()
  return uplinks.filter(({ dev }) => only === undefined || dev === only).flatMap(({ dev, defaults }): UplinkEdge[] => {
    const families = only === undefined ? own.filter((family) => defaults.includes(family)) : own
    if (families.length === 0) return []
    const masquerade = mode === 'nat' ? families.filter((family) => family === 'ipv4' || nat?.ipv6 === true) : []
    return [{ kind: 'uplink', network, dev, mode, families, masquerade }]
  })
}

function forwardEdges ({ name: network, forwards = [] }: Definition, ports: readonly PortRecord[]): ForwardEdge[] {
  const guests = guestsOf(ports)
  return forwards.map((forward) => {
    const { proto, address, port, end, guest, guestPort, networks = false } = forward
    const to = guestOf(forward, guests)
    return { kind: 'forward', network, proto, ...address === undefined ? {} : { address }, port, ...end === undefined ? {} : { end }, guest, ...to === undefined ? {} : { to }, guestPort, networks }
  })
}

/** One edge for two networks that run, whichever of them names the other. */
function peerEdges (entries: readonly Entry[]): PeerEdge[] {
  const may = new Map(entries.flatMap(({ name, running }) => running === undefined ? [] : [[name, new Set<string>()]]))
  for (const { name, running } of entries) for (const { network, direction } of running?.definition.peers ?? []) {
    if (!may.has(network)) continue
    if (direction !== 'in') may.get(name)?.add(network)
    if (direction !== 'out') may.get(network)?.add(name)
  }
  return [...may].flatMap(([network, others]) => [...others].sort(natural).flatMap((peer): PeerEdge[] => {
    const both = may.get(peer)?.has(network) === true
    return both && natural(network, peer) > 0 ? [] : [{ kind: 'peer', network, peer, direction: both ? 'both' : 'out' }]
  }))
}

interface Around { readonly links: Links, readonly autostarted: ReadonlySet<string> }

async function networkOf (surveyor: Surveyor, entry: Entry, { links, autostarted }: Around): Promise<TopologyNetwork> {
  const { title, domain, dns, ip, rules = [], host } = definitionOf(entry)
  const { name, uuid, state, persistent, autostart, mode, bridge, addresses } = await infoOf(entry, autostarted, surveyor.daemons)
  const served = needsDnsmasq(definitionOf(entry))
  return {
    name, uuid, ...title === undefined ? {} : { title }, state, persistent, autostart, mode, bridge, addresses, ...domain === undefined ? {} : { domain: domain.name },
    dhcp: ip.some(({ dhcp }) => dhcp !== undefined), dns: served && dns?.enable !== false,
    ...rules.length === 0 ? {} : { rules: rules.length }, ...host?.access === 'deny' ? { host: 'deny' } : {}, ...await inside(surveyor, entry, links),
  }
}

/** The ports of a network and who is behind them. */
async function inside (surveyor: Surveyor, entry: Entry, links: Links): Promise<Pick<TopologyNetwork, 'ports' | 'guests'>> {
  const { running, ports: records } = entry
  const plugged = running === undefined ? [] : links.ports.get(running.bridge.index) ?? []
  const own = records.filter(({ link }) => { const found = links.all.get(link.index); return found !== undefined && isOurs({ ...found, name: link.name }, link) })
  const strangers = plugged.filter(({ index }) => !records.some(({ link }) => link.index === index))
  const known = running?.dnsmasq === true ? byMac(await leases(surveyor, entry)) : new Map<string, TopologyGuest>()
  const macs = new Set(own.map(({ mac }) => mac))
  // Where each MAC was seen: only worth asking where somebody is not known by his port.
  const learned = running !== undefined && (strangers.length > 0 || [...known.keys()].some((mac) => !macs.has(mac))) ? await readLearned(surveyor.context.rtnl, running.bridge.index) : []
  const behind = (index: number, except?: string): TopologyGuest[] => learned.flatMap(({ mac, port }) => port !== index || mac === except || macs.has(mac) ? [] : known.get(mac) ?? [])
  const found: TopologyPort[] = [
    ...own.map((record) => ({ dev: links.all.get(record.link.index)?.name ?? record.link.name, kind: record.link.type, own: true, state: stateOf(record, links, running?.bridge.index), guests: [guestBehind(record, known.get(record.mac)), ...behind(record.link.index, record.mac)] })),
    ...strangers.map(({ name, kind = 'device', index, port }) => ({ dev: name, kind: kind === 'tun' ? 'tap' : kind, own: false, state: port?.state ?? 'disabled', guests: behind(index) })),
  ]
  const placed = new Set(found.flatMap(({ guests }) => guests.map(({ mac }) => mac)))
  return { ports: found.sort((a, b) => natural(a.dev, b.dev)), guests: [...known.values()].filter(({ mac }) => !placed.has(mac)) }
}

async function leases ({ context, end }: Surveyor, entry: Entry): Promise<readonly Lease[]> {
  return await leasesOf(async () => await Promise.resolve({ path: filesOf(context, entry.name).leases, definition: definitionOf(entry), alive: () => true }), end).list()
}

let collator: Intl.Collator | undefined

/** vnet2 before vnet10. What compares is made by its first use, since that takes 7 ms. */
function natural (a: string, b: string): number {
  collator ??= new Intl.Collator('en', { numeric: true })
  return collator.compare(a, b)
}

function stateOf ({ link: { index } }: PortRecord, { all }: Links, bridge: number | undefined): TopologyPort['state'] {
  const link = all.get(index)
  return bridge === undefined || link?.master !== bridge ? 'detached' : link.port?.state ?? 'disabled'
}

/** One guest a MAC, with all its addresses; IPv6 leases without a MAC are kept by their client id. */
function byMac (leases: readonly Lease[]): Map<string, TopologyGuest> {
  const guests = new Map<string, TopologyGuest>()
  for (const { mac, ip, hostname: name, expires, clientId = ip } of leases) {
    const key = mac === '' ? clientId : mac
    const before = guests.get(key)
    const addresses = [...before?.addresses ?? [], ip].sort((a, b) => Number(a.includes(':')) - Number(b.includes(':')))
    guests.set(key, { ...before, mac, addresses, leased: true, ...name === undefined ? {} : { name }, ...expires === undefined ? {} : { expires } })
  }
  return guests
}

/** The guest that a port was made for. */
function guestBehind ({ mac, ip, hostname: given, domain, link }: PortRecord, leased: TopologyGuest | undefined): TopologyGuest {
  const inside = link.type === 'veth' && link.peer.netns.path.startsWith('/run/netns/') ? basename(link.peer.netns.path) : undefined
  const name = leased?.name ?? given ?? domain?.name ?? inside
  const addresses = [...new Set([...leased?.addresses ?? [], ...ip === undefined ? [] : [ip]])]
  return { mac, ...name === undefined ? {} : { name }, addresses, ...leased?.expires === undefined ? {} : { expires: leased.expires }, leased: leased !== undefined }
}
