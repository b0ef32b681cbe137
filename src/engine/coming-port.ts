/** Ports that are to come, completely decided: names, indexes, MACs and addresses. Only reads. Callers hold the namespace's lock. */
import * as v from 'valibot'
import { InputError, located, NetwrightError, type Whereabouts } from '../errors.js'
import { isLeaseName } from '../dnsmasq/hosts.js'
import { listLeases } from '../dnsmasq/lease-file.js'
import { indexes } from '../kernel/link.js'
import { readEach } from '../kernel/link-state.js'
import type { Netns } from '../kernel/netns.js'
import type { TapObject, VethObject } from '../kernel/object.js'
import { pacer } from '../netlink/breathe.js'
import { parseIfName } from '../values/ifname.js'
import { hostMac, isMulticast, parseMac, randomMac, type Mac } from '../values/mac.js'
import type { PortInput, TapInput, VethInput } from './api.js'
import type { Guests } from './guests.js'
import type { Context } from './context.js'
import { filesOf } from './daemon.js'
import { Reservations } from './port.js'
import { unknownKeys } from './port-keys.js'
import { domainShape, type NetworkRecord, type PortRecord } from './record.js'
import type { Stocked } from './source.js'
import type { Attached } from './work.js'

/** A port that is to come. */
export interface ComingPort {
  readonly record: PortRecord
  readonly input: PortInput
  readonly network: NetworkRecord
  /** Its network is of the same batch. */
  readonly fresh: boolean
  /** Of a veth pair: where its other side goes. */
  readonly guest?: Netns
  readonly about: Whereabouts
  readonly stocked?: Stocked
}

/** A network that ports can be attached to, and those that it has. */
export interface Site { readonly network: NetworkRecord, readonly fresh: boolean, readonly ports: readonly PortRecord[] }

export interface Surveyor {
  readonly context: Context
  readonly sites: ReadonlyMap<string, Site>
  /** Open namespaces, by how the caller named them. */
  readonly guests: Guests
  /** Names of links that the batch gives or leaves to others. */
  readonly taken: Iterable<string>
  /** A TAP from the stock. */
  readonly stock: (tap: Omit<TapObject, 'index'>) => Stocked | undefined
}

/** Source: net/bridge/br_private.h, BR_MAX_PORTS: port 0 is none. */
export const MOST_PORTS = 1023
const index = indexes()

/** Throws NETWRIGHT_INACTIVE, NETWRIGHT_NAME_IN_USE, NETWRIGHT_NO_FREE_ADDRESS, NETWRIGHT_BRIDGE_FULL, InputError: each says which port it is about. */
export async function survey (asked: readonly Attached[], surveyor: Surveyor): Promise<ComingPort[]> {
  const rooms = await openRooms(asked, surveyor)
  const names = await nameAll(asked, surveyor)
  const pace = pacer()
  const ports: ComingPort[] = []
  for (const [i, one] of asked.entries()) {
    const room = rooms.get(one.network)
    const name = names[i]
    if (room === undefined || name === undefined) continue
    try { ports.push(design(one, name, room, surveyor)) } catch (error) { throw located(error, placeOf(one)) }
    const rest = pace()
    if (rest !== undefined) await rest
  }
  return ports
}

/** A network with what its ports have so far. `reservations`: where one of them wants an address. */
interface Room { readonly site: Site, readonly reservations: Reservations | undefined, count: number }

export function placeOf ({ network, at }: Pick<Attached, 'network' | 'at'>): Whereabouts {
  return { network, ...at === undefined ? {} : { place: at, subject: `network ${network}` } }
}

async function openRooms (asked: readonly Attached[], { context, sites }: Surveyor): Promise<ReadonlyMap<string, Room>> {
  const addressed = new Set(asked.flatMap(({ network, input }) => input.address === undefined ? [] : [network]))
  const rooms = new Map<string, Room>()
  for (const one of asked) {
    if (rooms.has(one.network)) continue
    const site = sites.get(one.network)
    if (site === undefined) throw located(new NetwrightError('NETWRIGHT_INACTIVE', `network '${one.network}' is not active`, { remedy: `netwright net-start ${one.network}` }), placeOf(one))
    const { network: { definition }, ports } = site
    const leases = addressed.has(one.network) ? await listLeases(filesOf(context, one.network).leases) : undefined
    rooms.set(one.network, { site, reservations: leases === undefined ? undefined : new Reservations({ definition, ports, leases }), count: ports.length })
  }
  return rooms
}

function design (one: Attached, name: string, room: Room, { context, guests, stock }: Surveyor): ComingPort {
  const { input } = one
  const { site: { network, fresh }, reservations } = room
  if (++room.count > MOST_PORTS) throw new NetwrightError('NETWRIGHT_BRIDGE_FULL', `network ${network.definition.name}: a bridge has at most ${String(MOST_PORTS)} ports`, { remedy: 'detach a port, or use another network' })
  const mac = checked(input)
  const address = input.address === undefined || reservations === undefined ? {} : reservations.reserve(input.address, mac)
  const { definition, bridge } = network
  if (input.kind === 'veth' && input.defaultRoute === true && !('ip' in address)) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `network ${definition.name}: a default route needs an address and a gateway`, { remedy: 'attach with address: \'auto\', or without defaultRoute' })
  const common: Common = { name, mac: hostMac(mac), group: context.group, master: bridge.index }
  const sized: Common = definition.mtu === undefined ? common : { ...common, mtu: definition.mtu }
  const guest = input.kind === 'veth' ? guests.get(input.netns) : undefined
  if (input.kind === 'veth' && guest === undefined) throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', 'the namespace of its guest is not open')
  const tap = input.kind === 'tap' ? { ...sized, ...tapWanted(input) } : undefined
  const stocked = tap === undefined ? undefined : stock(tap)
  const at = stocked?.index ?? index.next()
  const link = tap !== undefined ? { ...tap, index: at } : vethObject({ ...sized, index: at }, input.kind === 'veth' ? input : { kind: 'veth', netns: '' }, mac, guest)
  const record = recordOf({ network: definition.name, link, mac, ...address }, input, stocked)
  reservations?.add(record)
  const port: { -readonly [K in keyof ComingPort]: ComingPort[K] } = { record, input, network, fresh, about: placeOf(one) }
  if (guest !== undefined) port.guest = guest
  if (stocked !== undefined) port.stocked = stocked
  return port
}

/** What is not asked for has no key. Assigned one by one: of a hundred networks' ports, spreading what may be absent took most of the planning. */
function recordOf (port: Pick<PortRecord, 'network' | 'link' | 'mac' | 'ip' | 'prefix'>, input: PortInput, stocked: Stocked | undefined): PortRecord {
  const record: { -readonly [K in keyof PortRecord]: PortRecord[K] } = port
  if (input.hostname !== undefined) record.hostname = input.hostname
  if (input.domain !== undefined) record.domain = input.domain
  if (input.kind === 'veth' && input.defaultRoute === true) record.defaultRoute = true
  if (stocked !== undefined) record.baseline = stocked.counters
  return record
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
/** Source: drivers/net/tun.c, MAX_TAP_QUEUES; the largest uid and gid, the one above meaning nobody. */
const QUEUES = 256
const IDS = 0xfffffffe

/** Throws InputError for what is no port at all, and for keys that mean nothing: programs without types pass anything. */
export function checkPort (input: PortInput): void {
  if (!isObject(input)) throw new InputError([{ path: 'port', message: "expected { kind: 'tap' } or { kind: 'veth', netns }" }])
  if (!['tap', 'veth'].includes(input.kind)) throw new InputError([{ path: 'kind', message: `${JSON.stringify(input.kind)} is not a kind of port: tap, veth` }])
  const unknown = unknownKeys(input)
  if (unknown.length > 0) throw new InputError(unknown)
}

/** The MAC of the guest. Throws InputError for what would only be refused later, or never, by dnsmasq and the kernel. */
function checked (input: PortInput): Mac {
  const { mac, hostname, domain } = input
  const issues = []
  if (domain !== undefined && !v.is(domainShape, domain)) issues.push({ path: 'domain', message: 'expected { name, model?, qmp? }, all of them text' })
  if (hostname !== undefined && !isLeaseName(hostname)) issues.push({ path: 'hostname', message: `${JSON.stringify(hostname.slice(0, 80))} is not a host name` })
  if (input.kind === 'tap') for (const [path, value, least, most] of [['queues', input.queues, 1, QUEUES], ['owner', input.owner, 0, IDS], ['group', input.group, 0, IDS]] as const) {
    if (value !== undefined && (!Number.isInteger(value) || value < least || value > most)) issues.push({ path, message: `${String(value)} is not a whole number from ${String(least)} to ${String(most)}` })
  }
  if (input.kind === 'tap' && input.vhost === true && input.fds === false) issues.push({ path: 'vhost', message: 'nobody would have the descriptors: fds is false' })
  if (input.kind === 'tap' && input.persist === false && input.fds === false) issues.push({ path: 'persist', message: 'nobody has a descriptor (fds) of it, so it would be gone at once' })
  const guest = mac === undefined ? randomMac() : parseMac(mac, 'mac')
  if (isMulticast(guest)) issues.push({ path: 'mac', message: `${guest} is a group's address, no guest's` })
  if (issues.length > 0) throw new InputError(issues)
  return guest
}

type Common = Pick<TapObject, 'name' | 'mac' | 'group' | 'master' | 'mtu'>

function vethObject (common: Common & Pick<VethObject, 'index'>, input: VethInput, mac: Mac, guest: Netns | undefined): VethObject {
  return { type: 'veth', ...common, peer: { name: parseIfName(input.dev ?? 'eth0', 'dev'), mac, netns: { path: guest?.path ?? '', inode: guest?.inode ?? '' } } }
}

/** What is asked of a TAP, with the defaults. */
export function tapWanted ({ queues = 1, vnetHdr = false, fds = true, persist = !fds, owner = -1, group = -1 }: TapInput): Omit<TapObject, keyof Common | 'index'> {
  return { type: 'tap', queues, vnetHdr, persist, uid: owner, gid: group }
}

/** Names `vnet0` … as libvirt's. */
const NAMES = 65_536
/** How many names are asked for at once. */
const AT_ONCE = 32

/** The host sides' names, each free: those that are given, and for the others the first free `vnet%d`. */
async function nameAll (asked: readonly Attached[], surveyor: Surveyor): Promise<readonly string[]> {
  const taken = new Set(surveyor.taken)
  const given = asked.map((one) => {
    try { return givenName(one.input) } catch (error) { throw located(error, placeOf(one)) }
  })
  for (const [i, name] of given.entries()) {
    const one = asked[i]
    if (name === undefined || one === undefined) continue
    if (taken.has(name)) throw located(nameTaken(name), placeOf(one))
    taken.add(name)
  }
  await free(asked, given, surveyor)
  const fresh = freeNames(asked.length - given.filter((name) => name !== undefined).length, taken, surveyor.context)
  const names: string[] = []
  for (const name of given) names.push(name ?? (await fresh.next()).value ?? '')
  return names
}

const givenName = (input: PortInput): string | undefined => {
  const name = input.kind === 'veth' ? input.hostDev : input.dev
  return name === undefined ? undefined : parseIfName(name, input.kind === 'veth' ? 'hostDev' : 'dev')
}

/** That somebody has a link of such a name. */
export function nameTaken (name: string, cause?: unknown): NetwrightError {
  return new NetwrightError('NETWRIGHT_NAME_IN_USE', `a link named ${name} exists already`, { ...cause === undefined ? {} : { cause }, conflict: { kind: 'link', name }, remedy: `see what it is: ip -d link show ${name}` })
}

async function free (asked: readonly Attached[], given: readonly (string | undefined)[], { context }: Surveyor): Promise<void> {
  const wanted = given.flatMap((name, i) => name === undefined ? [] : [{ name, i }])
  const links = await readEach(context.rtnl, wanted.map(({ name }) => ({ name })))
  for (const [at, { name, i }] of wanted.entries()) {
    const one = asked[i]
    if (links[at] !== undefined && one !== undefined) throw located(nameTaken(name), placeOf(one))
  }
}

async function * freeNames (count: number, taken: Set<string>, context: Context): AsyncGenerator<string, undefined, undefined> {
  let number = 0
  for (let left = count; left > 0;) {
    const candidates: string[] = []
    for (; candidates.length < Math.min(left, AT_ONCE) && number < NAMES; number++) if (!taken.has(`vnet${String(number)}`)) candidates.push(`vnet${String(number)}`)
    if (candidates.length === 0) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', 'no name of the form vnet%d is free')
    const links = await readEach(context.rtnl, candidates.map((name) => ({ name })))
    for (const [i, name] of candidates.entries()) if (links[i] === undefined) { left--; yield name }
  }
  return undefined
}
