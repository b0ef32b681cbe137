/** A port, for whoever made it or asked for it. */
import { NetwrightError } from '../errors.js'
import type { Options, Port, PortInfo } from './api.js'
import type { Context } from './context.js'
import { NOBODYS, type Direct } from './direct.js'
import { definitionOf, lookAt } from './inventory.js'
import { directInfo, portInfo } from './port.js'
import { deviceOf, isOwn, offerPort, sendPort, type Holding } from './port-handover.js'
import { portState, setLink } from './port-link.js'
import { present } from './port-state.js'
import type { PortRecord } from './record.js'
import { portStatistics } from './statistics.js'
import { closeAll } from './taps.js'
import type { Transacted } from './transact.js'
import { transactTogether } from './transact-together.js'
import { cloudHypervisor } from './vmm/cloud-hypervisor.js'
import { firecracker } from './vmm/firecracker.js'
import { kernelIp } from './vmm/kernel-ip.js'
import { qemuArgs, qemuDevices } from './vmm/qemu.js'
import type { Works } from './works.js'

/** One that was just made: disposing it removes it. */
export function portHandle (works: Works, { record, network, fds }: Transacted['ports'][number]): Port {
  const handle = described(works, record, { info: portInfo(record, network.definition, true), fds })
  return { ...handle, [Symbol.asyncDispose]: async () => { await dispose(record.link.name, fds, handle.detach) } }
}

/** One that was just made and is of no network, likewise. */
export async function directHandle (works: Works, { record, fds }: Direct): Promise<Port> {
  const [fd = -1] = fds
  const rdev = await deviceOf(fd)
  const handle = described(works, record, { info: directInfo(record), fds, rdev })
  return { ...handle, [Symbol.asyncDispose]: async () => { await dispose(record.link.name, fds, handle.detach, rdev) } }
}

/** `fds`: its queues, then those of vhost-net. */
type Known = Pick<Holding, 'info' | 'fds' | 'rdev'>

/** Plain data, its descriptors, and what can be done with it. */
function described (works: Works, record: PortRecord, { info: known, fds, rdev }: Known): Port {
  const { context } = works
  const { network, link: { name: dev, index } } = record
  const queues = known.queues ?? 1
  const info = { ...known, fds: fds.slice(0, queues), vhostFds: fds.slice(queues) }
  return {
    ...info,
    send: async (to, options) => { await works.during(async () => { await sendPort(context, { record, info: known, fds, rdev }, to, within(works, options)) }) },
    offer: async (path, options) => { await works.during(async () => { await offerPort(context, { record, info: known, fds, rdev }, path, within(works, options)) }) },
    detach: async (options) => { await detachPort(works, { network, dev, index }, options) },
    statistics: async () => await works.during(async () => await portStatistics(context, record)),
    state: async () => await works.during(async () => await portState(context, record)),
    setLink: async (link, options) => { await works.during(async () => { await setLink(context, record, link, options?.signal) }, { operation: 'links', names: () => [network] }) },
    qemuArgs: (options) => qemuArgs(info, options), qemu: (options) => qemuDevices(info, options),
    firecracker: (options) => firecracker(info, options), cloudHypervisor: (options) => cloudHypervisor(info, options),
    kernelIp: (options) => kernelIp(info, options),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Closing the host waits for no receiver. */
function within<T extends Options> ({ end }: Works, options: T | undefined): (T | Options) & { readonly signal: AbortSignal } {
  const { signal } = options ?? {}
  return { ...options, signal: signal === undefined ? end : AbortSignal.any([signal, end]) }
}

/** A port that is there, by the host side's name or the guest's MAC; of `network` alone where it is given. Throws NETWRIGHT_NOT_FOUND. */
export async function findPort (works: Works, devOrMac: string, network?: string): Promise<Port> {
  const { context } = works
  const ports = (await context.book.look()).ports(network === undefined ? undefined : [network])
  const mac = devOrMac.toLowerCase()
  const [found] = await present(context, ports.filter(({ link, mac: guest }) => link.name === devOrMac || guest === mac))
  const info = found === undefined ? undefined : await infoOf(context, found)
  if (found === undefined || info === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', network === undefined ? `no network has a port ${devOrMac}` : `network ${network} has no port ${devOrMac}`)
  return described(works, found.port, { info, fds: [] })
}

/** Undefined where its network is gone. */
async function infoOf (context: Context, { port, attached }: { readonly port: PortRecord, readonly attached: boolean }): Promise<PortInfo | undefined> {
  if (port.network === NOBODYS) return directInfo(port)
  const entry = await lookAt(context, port.network)
  return entry === undefined ? undefined : portInfo(port, definitionOf(entry), attached && entry.running !== undefined)
}

/** All of an owner's, in the order of their names. */
export async function allPorts ({ context }: Works): Promise<PortInfo[]> {
  const ports = await present(context, (await context.book.look()).ports())
  const infos = await Promise.all(ports.map(async (port) => await infoOf(context, port)))
  return infos.flatMap((info) => info ?? []).sort((a, b) => a.dev < b.dev ? -1 : 1)
}

/** Removes a port and its link; with `index` only that one, not another that has got its name since. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_UNDO_INCOMPLETE. */
export async function detachPort (works: Works, port: { readonly network: string, readonly dev: string, readonly index?: number }, options?: Options): Promise<void> {
  const { context, daemons } = works
  await works.during(async () => {
    await transactTogether({ detach: [port] }, { context, daemons, signal: options?.signal })
    await works.refresh()
  }, { operation: 'detach', names: () => [port.network] })
}

const stillOpen = async (dev: string, fds: readonly number[], rdev?: number): Promise<number[]> => (await Promise.all(fds.map(async (fd) => await isOwn(fd, dev, rdev) ? [fd] : []))).flat()

/** Closes what the caller has not closed. */
export async function closeOwn (dev: string, fds: readonly number[]): Promise<void> { await closeAll(await stillOpen(dev, fds)) }

/** Descriptors that the caller has closed are not closed again: their numbers are somebody else's. Twice is fine. */
async function dispose (dev: string, fds: readonly number[], remove: () => Promise<void>, rdev?: number): Promise<void> {
  const open = await stillOpen(dev, fds, rdev)
  try { await remove() } catch (error) {
    if (!(error instanceof NetwrightError) || error.code !== 'NETWRIGHT_NOT_FOUND') throw error
  } finally { await closeAll(open) }
}
