/** Links that belong to no network: what `brctl` and `ip tuntap` do. Each is named by the caller, who answers for it. */
import { InputError, NetwrightError } from '../errors.js'
import { requireCapabilities } from '../kernel/host.js'
import { indexes, removeRequest } from '../kernel/link.js'
import { readLink, readLinks, type LinkState } from '../kernel/link-state.js'
import { createTap } from '../kernel/tap.js'
import { call } from '../netlink/call.js'
import { native } from '../netlink/native.js'
import { link } from '../netlink/rtnl/link.js'
import { parseIfName } from '../values/ifname.js'
import { hostMac, randomMac } from '../values/mac.js'
import type { BridgeInfo, Links, Options } from './api.js'
import { locked, type Context } from './context.js'
import type { Works } from './works.js'
import { isErrno } from '../netlink/errno.js'

const index = indexes()

/** The verbs of `host.links`. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_NAME_IN_USE, NETWRIGHT_ACTIVE, NETWRIGHT_INVALID, KernelError. */
export function links (context: Context, during: Works['during']): Links {
  const at = async <T>(purpose: string, options: Options | undefined, work: () => Promise<T>): Promise<T> => await during(async () => {
    requireCapabilities('network')
    return await locked(context, purpose, options?.signal, work)
  }, { operation: 'links', names: () => [purpose] })
  const change = async (bridge: LinkState, data: { readonly stpState?: number, readonly forwardDelay?: number }): Promise<void> => {
    await call(context.rtnl, link.change({ index: bridge.index, linkinfo: { kind: 'bridge', data } }, bridge.name))
  }
  return {
    addBridge: async (name, options) => { await at(`bridge add ${name}`, options, async () => { await addBridge(context, parseIfName(name, 'name')) }) },
    deleteBridge: async (name, options) => { await at(`bridge del ${name}`, options, async () => { await deleteBridge(context, name) }) },
    addPort: async (bridge, dev, options) => { await at(`bridge addif ${bridge}`, options, async () => { await addPort(context, bridge, dev) }) },
    removePort: async (bridge, dev, options) => { await at(`bridge delif ${bridge}`, options, async () => { await removePort(context, bridge, dev) }) },
    setStp: async (name, on, options) => { await at(`bridge stp ${name}`, options, async () => { await change(await bridgeNamed(context, name), { stpState: on ? 1 : 0 }) }) },
    setForwardDelay: async (name, seconds, options) => {
      if (!Number.isFinite(seconds) || seconds < 0 || seconds > 30) throw new InputError([{ path: 'seconds', message: 'a forward delay is between 0 and 30 seconds (2 and 30 with STP)' }])
      await at(`bridge setfd ${name}`, options, async () => { await change(await bridgeNamed(context, name), { forwardDelay: Math.round(seconds * 100) }) })
    },
    bridges: async (name) => await during(async () => await bridges(context, name)),
    addTap: async (name, options) => {
      const { owner = -1, group = -1, queues = 1, vnetHdr = false } = options ?? {}
      await at(`tap add ${name}`, options, async () => { await addTap(context, { name: parseIfName(name, 'name'), uid: owner, gid: group, queues, vnetHdr }) })
    },
    deleteTap: async (name, options) => { await at(`tap del ${name}`, options, async () => { await deleteTap(context, name) }) },
  }
}

async function addBridge (context: Context, name: string): Promise<void> {
  try { await call(context.rtnl, link.create({ ifname: name, linkinfo: { kind: 'bridge' } }, name)) } catch (error) { throw taken(error, name) }
}

async function addTap (context: Context, tap: { readonly name: string, readonly uid: number, readonly gid: number, readonly queues: number, readonly vnetHdr: boolean }): Promise<void> {
  try {
    const { fds } = await createTap(context.netns.fd, { type: 'tap', ...tap, index: index.next(), mac: hostMac(randomMac()), group: 0, persist: true })
    await Promise.all(fds.map(async (fd) => { await native().closeAsync(fd) }))
  } catch (error) { throw taken(error, tap.name) }
}

const taken = (error: unknown, name: string): unknown => isErrno(error, 'EEXIST') || isErrno(error, 'EBUSY')
  ? new NetwrightError('NETWRIGHT_NAME_IN_USE', `a link named ${name} exists already`, { cause: error, conflict: { kind: 'link', name } })
  : error

async function named (context: Context, name: string): Promise<LinkState> {
  const state = await readLink(context.rtnl, { name: parseIfName(name) })
  if (state === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `there is no link named ${name}`, { remedy: 'ip link show' })
  return state
}

async function bridgeNamed (context: Context, name: string): Promise<LinkState> {
  const state = await named(context, name)
  if (state.kind !== 'bridge') throw new NetwrightError('NETWRIGHT_INVALID', `${name} is not a bridge but ${state.kind === undefined ? 'a network device' : `a ${state.kind} device`}`)
  return state
}

/** Bridges and ports of networks are changed through their networks only. */
async function free (context: Context, state: LinkState): Promise<void> {
  const standing = await context.book.look()
  const network = standing.bridge(state.index)?.definition.name ?? standing.side(state.index)
  if (network !== undefined) throw new NetwrightError('NETWRIGHT_ACTIVE', `${state.name} belongs to network ${network}`, { remedy: `netwright net-destroy ${network}` })
}

async function deleteBridge (context: Context, name: string): Promise<void> {
  const state = await bridgeNamed(context, name)
  await free(context, state)
  // As brctl: whoever deletes a bridge in use has the wrong one.
  if (state.up) throw new NetwrightError('NETWRIGHT_ACTIVE', `bridge ${name} is still up; can't delete it`, { remedy: `ip link set ${name} down` })
  await call(context.rtnl, removeRequest(state))
}

async function deleteTap (context: Context, name: string): Promise<void> {
  const state = await named(context, name)
  if (state.tap === undefined) throw new NetwrightError('NETWRIGHT_INVALID', `${name} is not a TAP device`)
  await free(context, state)
  await call(context.rtnl, removeRequest(state))
}

async function addPort (context: Context, bridge: string, dev: string): Promise<void> {
  const [to, port] = [await bridgeNamed(context, bridge), await named(context, dev)]
  if (port.master !== undefined && port.master !== 0) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `device ${dev} is already a member of a bridge; can't enslave it to bridge ${bridge}.`)
  // brctl leaves a device down that is down; so do we: no IFF_UP here.
  await call(context.rtnl, link.change({ index: port.index, master: to.index }, dev))
}

async function removePort (context: Context, bridge: string, dev: string): Promise<void> {
  const [from, port] = [await bridgeNamed(context, bridge), await named(context, dev)]
  if (port.master !== from.index) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `device ${dev} is not a slave of ${bridge}`)
  await free(context, port)
  await call(context.rtnl, link.change({ index: port.index, master: 0 }, dev))
}

async function bridges (context: Context, name: string | undefined): Promise<BridgeInfo[]> {
  const found = name === undefined ? await readLinks(context.rtnl, { kind: 'bridge' }) : [await bridgeNamed(context, name)]
  const standing = await context.book.look()
  return await Promise.all(found.sort((a, b) => a.name < b.name ? -1 : 1).map(async (state): Promise<BridgeInfo> => {
    const network = standing.bridge(state.index)?.definition.name
    const ports = await readLinks(context.rtnl, { master: state.index })
    return {
      name: state.name, id: state.bridge?.id ?? '', stp: state.bridge?.stp ?? false, forwardDelay: state.bridge?.forwardDelay ?? 0,
      ports: ports.map((port) => port.name).sort(), ...network === undefined ? {} : { network },
    }
  }))
}
