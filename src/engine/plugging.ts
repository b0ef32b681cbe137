/** Ports in running QEMUs: the cards of which they are the other end. */
import { handOver } from '../kernel/handover.js'
import type { Monitor, Waiting } from '../qmp/monitor.js'
import { isGone, openMonitor } from '../qmp/monitor.js'
import { plug, unplug } from '../qmp/nic.js'
import type { PortRecord } from './record.js'
import type { Left } from './teardown.js'
import { qemuDevices } from './vmm/qemu.js'

/** What QEMU calls the device; a MAC is known of every card, and no two of a guest have the same. */
const idOf = ({ mac }: Pick<PortRecord, 'mac'>): string => `net${mac.replaceAll(':', '')}`

/** A port just made, and its open TAP. */
export interface Plugged { readonly record: PortRecord, readonly fds: readonly number[] }

/** Milliseconds that QEMU may take to read a message. */
const TAKING = 5_000

/** virtio is a family of devices; all else is QEMU's own name: `e1000e`. */
const driverOf = (model: string): string => model === 'virtio' ? 'virtio-net-pci' : model

/**
 * Plugs a port in, all or nothing. QEMU is given the open TAP: it needs no privilege for it, and may live in another namespace; the TAP ends with the last who has it
 * open. Throws NETWRIGHT_GUEST_REFUSED, NETWRIGHT_GUEST_UNREACHABLE.
 */
export async function plugIn (monitor: Monitor, { record: port, fds }: Plugged, waiting: Waiting): Promise<void> {
  const { mac, domain: { model = 'virtio' } = {}, link } = port
  const tap = link.type === 'tap' ? { queues: link.queues, vnetHdr: link.vnetHdr, persist: link.persist } : {}
  const name = `fd${idOf(port)}`
  const { timeout = TAKING, signal } = waiting
  await monitor.give(name, async (target, data) => { await handOver({ object: link.name, target, fds, data, timeout, signal }) }, waiting)
  try {
    await plug(monitor, qemuDevices({ dev: link.name, kind: link.type, mac, mtu: link.mtu ?? 1500, fds, ...tap }, { id: idOf(port), fds: [name], driver: driverOf(model) }), waiting)
  } catch (error) {
    await monitor.execute('closefd', { fdname: name }).catch(() => undefined) // it has gone with the backend, where there was one
    throw error
  }
}

const pull = async (monitor: Monitor, port: PortRecord, waiting: Waiting): Promise<void> => { await unplug(monitor, { device: idOf(port), netdev: `host${idOf(port)}` }, waiting) }

/** Takes those out again that were plugged in just now, whatever signal there is; what stays is told. */
export async function pullBack (monitor: Monitor, ports: readonly PortRecord[], timeout: number | undefined): Promise<Left[]> {
  const left: Left[] = []
  for (const port of ports.toReversed()) await pull(monitor, port, { timeout }).catch((error: unknown) => { if (!isGone(error)) left.push({ what: `device ${idOf(port)} of ${monitor.path}`, error }) })
  return left
}

/** What the guest sees of its cable, where it is plugged into a QEMU that runs. Throws NETWRIGHT_GUEST_REFUSED, NETWRIGHT_GUEST_UNREACHABLE. */
export async function showLink (port: PortRecord, link: 'up' | 'down', given: string | undefined, waiting: Waiting): Promise<void> {
  await withMonitor(port, given, waiting, async (monitor) => { await monitor.execute('set_link', { name: idOf(port), up: link === 'up' }, waiting) })
}

/** Has the guest let it go, where it is plugged into a QEMU that still runs. `given`: the socket that the caller names, which must answer. Throws NETWRIGHT_GUEST_REFUSED, NETWRIGHT_GUEST_UNREACHABLE. */
export async function pullOut (port: PortRecord, given: string | undefined, waiting: Waiting): Promise<void> {
  await withMonitor(port, given, waiting, async (monitor) => { await pull(monitor, port, waiting) })
}

async function withMonitor (port: PortRecord, given: string | undefined, waiting: Waiting, work: (monitor: Monitor) => Promise<void>): Promise<void> {
  const path = given ?? port.domain?.qmp
  if (path === undefined) return
  let monitor: Monitor
  try { monitor = await openMonitor(path, { ...waiting, timeout: undefined }) } catch (error) {
    if (given === undefined && isGone(error)) return // the guest has ended, and its cards with it
    throw error
  }
  try { await work(monitor) } finally { monitor.close() }
}
