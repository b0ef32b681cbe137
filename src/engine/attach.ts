/** Ports come and go: journal, link, firewall-free (a port is behind its bridge), static lease. All or nothing. */
import { InputError, KernelError, NetwrightError } from '../errors.js'
import { isLeaseName } from '../dnsmasq/hosts.js'
import { listLeases } from '../dnsmasq/lease-file.js'
import { addressRequest } from '../kernel/addr.js'
import { requireCapabilities } from '../kernel/host.js'
import { indexes, linkRequests, upRequest } from '../kernel/link.js'
import { isOurs, readLink } from '../kernel/link-state.js'
import { openNetns, stillThere, type Netns } from '../kernel/netns.js'
import type { TapObject, VethObject } from '../kernel/object.js'
import { createTap } from '../kernel/tap.js'
import { send } from '../netlink/call.js'
import { openChannel } from '../netlink/channel.js'
import { isErrno } from '../netlink/errno.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import { native } from '../netlink/native.js'
import { route } from '../netlink/rtnl/route.js'
import { parseIfName } from '../values/ifname.js'
import { hostMac, isMulticast, parseMac, randomMac, type Mac } from '../values/mac.js'
import type { PortInput, TapInput, VethInput } from './api.js'
import type { Context } from './context.js'
import { filesOf } from './daemon.js'
import type { Daemons } from './daemons.js'
import { guestSubnet, reserve } from './port.js'
import { clear, whenQuiet } from './recovery.js'
import type { NetworkRecord, PortRecord } from './record.js'
import { settled } from './start.js'
import { steps, type Steps } from './steps.js'
import { failure } from './undo.js'

export interface Attach { readonly context: Context, readonly daemons: Daemons, readonly signal?: AbortSignal | undefined }
export interface Attached { readonly port: PortRecord, readonly network: NetworkRecord, readonly fds: readonly number[] }

const index = indexes()
/** Names `vnet0` … as libvirt's. */
const NAMES = 65_536

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Makes a port on a running network. Throws NETWRIGHT_INACTIVE, NETWRIGHT_NAME_IN_USE, NETWRIGHT_NO_FREE_ADDRESS, NETWRIGHT_NO_NAMESPACE, KernelError; then nothing has changed. */
export async function attach (name: string, input: PortInput, { context, daemons, signal }: Attach): Promise<Attached> {
  requireCapabilities('network')
  if (!isObject(input)) throw new InputError([{ path: 'port', message: "expected { kind: 'tap' } or { kind: 'veth', netns }" }])
  const guest = input.kind === 'veth' ? await openNetns(input.netns) : undefined
  try {
    return await whenQuiet({ context, daemons, purpose: `attach a port to ${name}`, networks: [name], signal }, async () => {
      await stillThere(context.netns)
      const { network, ports: recorded } = await running(context, name)
      const ports = await prune(context, recorded)
      const step = steps(context.hook, signal)
      const port = await design(context, network, ports, input, guest)
      await step.before('write the journal')
      const record = await context.book.intend(`attach ${port.link.name} to ${name}`, { ports: [port] })
      try {
        const fds = await make({ context, network, port, input, guest, step })
        try {
          await step.before('reserve the address')
          if (port.ip !== undefined) await daemons.reload(network, [...ports, port])
          await step.before('let the record stand')
          await context.book.stand(record)
        } catch (error) { await Promise.all(fds.map(async (fd) => { await native().closeAsync(fd) })); throw error }
        return { port, network, fds }
      } catch (error) {
        throw failure(record.purpose, error, await clear(record, { context, daemons }))
      }
    })
  } finally { guest?.close() }
}

/** The record of a running network and its ports. Throws NETWRIGHT_INACTIVE. */
export async function running (context: Context, name: string): Promise<{ readonly network: NetworkRecord, readonly ports: readonly PortRecord[] }> {
  const standing = await context.book.look()
  const network = standing.network(name)
  if (network === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network '${name}' is not active`, { remedy: `netwright net-start ${name}` })
  return { network, ports: standing.ports([name]) }
}

async function design (context: Context, network: NetworkRecord, ports: readonly PortRecord[], input: PortInput, guest: Netns | undefined): Promise<PortRecord> {
  const { definition, bridge } = network
  const mac = checked(input)
  const wanted = input.address
  const address = wanted === undefined ? {} : reserve({ definition, wanted, mac, ports, leases: await listLeases(filesOf(context, definition.name).leases) })
  const host = input.kind === 'veth' ? input.hostDev : input.dev
  const common = { name: host === undefined ? await freeName(context) : parseIfName(host, 'dev'), index: index.next(), mac: hostMac(mac), group: context.group, master: bridge.index, ...definition.mtu === undefined ? {} : { mtu: definition.mtu } }
  const link = input.kind === 'veth' && guest !== undefined ? vethObject(common, input, mac, guest) : tapObject(common, input.kind === 'tap' ? input : { kind: 'tap' })
  return { network: definition.name, link, mac, ...address, ...input.hostname === undefined ? {} : { hostname: input.hostname } }
}

/** Source: drivers/net/tun.c, MAX_TAP_QUEUES; the largest uid and gid, the one above meaning nobody. */
const QUEUES = 256
const IDS = 0xfffffffe

/** The MAC of the guest. Throws InputError for what would only be refused later, or never, by dnsmasq and the kernel. */
function checked (input: PortInput): Mac {
  const { kind, mac, hostname } = input
  const issues = []
  if (!['tap', 'veth'].includes(kind)) issues.push({ path: 'kind', message: `${JSON.stringify(kind)} is not a kind of port: tap, veth` })
  if (hostname !== undefined && !isLeaseName(hostname)) issues.push({ path: 'hostname', message: `${JSON.stringify(hostname.slice(0, 80))} is not a host name` })
  if (input.kind === 'tap') for (const [path, value, least, most] of [['queues', input.queues, 1, QUEUES], ['owner', input.owner, 0, IDS], ['group', input.group, 0, IDS]] as const) {
    if (value !== undefined && (!Number.isInteger(value) || value < least || value > most)) issues.push({ path, message: `${String(value)} is not a whole number from ${String(least)} to ${String(most)}` })
  }
  const guest = mac === undefined ? randomMac() : parseMac(mac, 'mac')
  if (isMulticast(guest)) issues.push({ path: 'mac', message: `${guest} is a group's address, no guest's` })
  if (issues.length > 0) throw new InputError(issues)
  return guest
}

type Common = Pick<TapObject, 'name' | 'index' | 'mac' | 'group' | 'master' | 'mtu'>

function vethObject (common: Common, input: VethInput, mac: Mac, guest: Netns): VethObject {
  return { type: 'veth', ...common, peer: { name: parseIfName(input.dev ?? 'eth0', 'dev'), mac, netns: { path: guest.path, inode: guest.inode } } }
}

function tapObject (common: Common, { queues = 1, vnetHdr = false, fds = true, persist = !fds, owner = -1, group = -1 }: TapInput): TapObject {
  return { type: 'tap', ...common, queues, vnetHdr, persist, uid: owner, gid: group }
}

async function freeName (context: Context): Promise<string> {
  const taken = new Set((await context.book.standing()).flatMap(({ ports }) => ports.map(({ link }) => link.name)))
  for (let number = 0; number < NAMES; number++) {
    const name = `vnet${String(number)}`
    if (!taken.has(name) && await readLink(context.rtnl, { name }) === undefined) return name
  }
  throw new NetwrightError('NETWRIGHT_NAME_IN_USE', 'no name of the form vnet%d is free')
}

interface Making { readonly context: Context, readonly network: NetworkRecord, readonly port: PortRecord, readonly input: PortInput, readonly guest: Netns | undefined, readonly step: Steps }

async function make ({ context, network, port, input, guest, step }: Making): Promise<readonly number[]> {
  const { link } = port
  let fds: readonly number[] = []
  await step.before('make the port')
  try {
    if (link.type === 'tap') ({ fds } = await createTap(context.netns.fd, link))
    await step.before('attach the link')
    for (const outcome of await send(context.rtnl, linkRequests(link, { ipv6: context.ipv6, ...guest === undefined ? {} : { peerNetns: guest.fd } }).create)) settled(outcome, context)
    if (link.type === 'veth' && guest !== undefined && input.kind === 'veth') await furnish(context, { network, port, input, guest, step })
    if (input.kind === 'tap' && input.fds === false) { await Promise.all(fds.map(async (fd) => { await native().closeAsync(fd) })); fds = [] }
    return fds
  } catch (error) {
    await Promise.all(fds.map(async (fd) => { await native().closeAsync(fd) }))
    throw nameTaken(error, link.name)
  }
}

function nameTaken (error: unknown, name: string): unknown {
  if (!(error instanceof KernelError) || !(isErrno(error, 'EBUSY') || isErrno(error, 'EEXIST'))) return error
  return new NetwrightError('NETWRIGHT_NAME_IN_USE', `a link named ${name} exists already`, { cause: error, conflict: { kind: 'link', name }, remedy: `see what it is: ip -d link show ${name}` })
}

/** The guest side of a veth pair: address, up, default route, in its own namespace. */
async function furnish (context: Context, { network, port, input, guest, step }: Omit<Making, 'context' | 'input'> & { readonly guest: Netns, readonly input: VethInput }): Promise<void> {
  await step.before('furnish the guest side')
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: guest.fd })
  const name = input.dev ?? 'eth0'
  const state = await readLink(channel, { name })
  if (state === undefined) throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `the guest side ${name} is gone from ${guest.path}`)
  const requests = [upRequest(state, true)]
  if (port.ip !== undefined && port.prefix !== undefined) requests.push(addressRequest({ type: 'address', dev: name, index: state.index, address: port.ip, prefix: port.prefix }))
  const gateway = guestSubnet(network.definition)?.ip.address
  if (input.defaultRoute === true) {
    if (gateway === undefined || port.ip === undefined) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `network ${network.definition.name}: a default route needs an address and a gateway`, { remedy: 'attach with address: \'auto\', or without defaultRoute' })
    requests.push(route.create({ family: 2, table: 254, protocol: 4, scope: 0, type: 1, oif: state.index, gateway }, `default via ${gateway}`))
  }
  for (const outcome of await send(channel, requests)) settled(outcome, context)
}

/** Removes a port and its link; with `index` only that one, not another that has got its name since. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_UNDO_INCOMPLETE. */
export async function detach (name: string, { dev, index }: { readonly dev: string, readonly index?: number }, { context, daemons, signal }: Attach): Promise<void> {
  requireCapabilities('network')
  await whenQuiet({ context, daemons, purpose: `detach ${dev} from ${name}`, networks: [name], signal }, async () => {
    const ports = (await context.book.look()).ports([name])
    const port = ports.find(({ link }) => link.name === dev && (index === undefined || link.index === index))
    if (port === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} has no port ${dev}`)
    await steps(context.hook, signal).before('write the journal')
    const record = await context.book.intend(`detach ${dev} from ${name}`, { ports: [port], removal: true })
    const left = await clear(record, { context, daemons })
    if (left.length > 0) throw failure(record.purpose, left[0]?.error, left)
  })
}

/** Forgets ports whose link went by itself, as a TAP does with its last descriptor; returns the others. */
async function prune (context: Context, ports: readonly PortRecord[]): Promise<readonly PortRecord[]> {
  const there = (await present(context, ports)).map(({ port }) => port)
  const gone = ports.filter((port) => !there.includes(port))
  if (gone.length > 0) await context.book.gone(await context.book.intend('forget ports whose links are gone', { ports: gone, removal: true }))
  return there
}

/** Whether each port's link is there and on its bridge; ports whose link is gone (a TAP without descriptors) are left out. */
export async function present (context: Context, ports: readonly PortRecord[]): Promise<readonly { readonly port: PortRecord, readonly attached: boolean }[]> {
  const states = await Promise.all(ports.map(async ({ link }) => await readLink(context.rtnl, { index: link.index })))
  return ports.flatMap((port, i) => {
    const state = states[i]
    return state === undefined || !isOurs({ ...state, name: port.link.name }, port.link) ? [] : [{ port, attached: state.master !== undefined && state.master !== 0 }]
  })
}
