/** What QEMU wants to hear of a port. Pure. Source: qemu-system(1), `-netdev tap`; qapi/net.json, NetdevTapOptions. */
import { InputError, NetwrightError } from '../../errors.js'
import type { PortInfo } from '../port-api.js'

/** How a descriptor is called over there: its number in the child, or, in QMP, the name that `getfd` gave it. */
export type QemuFd = number | string

export interface QemuOptions {
  /** The id of the device; that of its backend is `hostID`. Default: the port's `dev`. */
  readonly id?: string
  /** `fd` hands descriptors over (default where the port has some), `name` lets QEMU open a persistent TAP. */
  readonly by?: 'fd' | 'name'
  /** The queues over there. Default: 3, 4, … as a child has them whose `stdio` is `[0, 1, 2, ...port.fds, ...]`. */
  readonly fds?: readonly QemuFd[]
  /** Descriptors of vhost-net over there, one a queue. */
  readonly vhostFds?: readonly QemuFd[]
  /** With `by: 'name'`: QEMU opens /dev/vhost-net itself. */
  readonly vhost?: boolean
  /** Default `virtio-net-pci`. `qemu-system-x86_64 -device help`. */
  readonly driver?: string
}

type Value = string | number | boolean
/** Arguments of QMP's `netdev_add` and `device_add`. */
export interface QemuDevices { readonly netdev: Readonly<Record<string, Value>>, readonly device: Readonly<Record<string, Value>> }

/** What of a port matters: it, and how many descriptors it has. */
export type Offered = Pick<PortInfo, 'dev' | 'kind' | 'mac' | 'mtu' | 'queues' | 'vnetHdr' | 'persist'> & { readonly fds: readonly number[], readonly vhostFds?: readonly number[] }

/** The first descriptor after standard input, output and error. */
const FIRST = 3
const DEFAULT_MTU = 1500

/** Throws NETWRIGHT_UNSUPPORTED where the port is nothing that QEMU could use so, InputError. */
export function qemuDevices (port: Offered, options: QemuOptions = {}): QemuDevices {
  const { id = port.dev, driver = 'virtio-net-pci' } = options
  const { queues = 1, mtu } = port
  if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(id)) throw new InputError([{ path: 'id', message: `${JSON.stringify(id)} is not an id of QEMU's: a letter, then letters, digits, '.', '_', '-'` }])
  const virtio = driver.startsWith('virtio-net')
  if (queues > 1 && !virtio) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${port.dev} has ${String(queues)} queues, and ${driver} takes one`, { remedy: 'use virtio-net-pci, or attach a port of one queue' })
  const several = queues > 1 ? { mq: true, vectors: 2 * queues + 2 } : {}
  return {
    netdev: { type: 'tap', id: `host${id}`, ...backend(port, options) },
    device: { driver, id, netdev: `host${id}`, mac: port.mac, ...several, ...virtio && mtu !== DEFAULT_MTU ? { host_mtu: mtu } : {} },
  }
}

/** The same on QEMU's command line. */
export function qemuArgs (port: Offered, options: QemuOptions = {}): string[] {
  const { netdev: { type, ...netdev }, device: { driver, ...device } } = qemuDevices(port, options)
  return ['-netdev', [type, ...words(netdev)].join(','), '-device', [driver, ...words(device)].join(',')]
}

/** `key=value`; QEMU writes a comma within a value twice. */
function words (options: Readonly<Record<string, Value>>): string[] {
  return Object.entries(options).map(([key, value]) => `${key}=${typeof value === 'boolean' ? value ? 'on' : 'off' : String(value).replaceAll(',', ',,')}`)
}

function backend (port: Offered, options: QemuOptions): Readonly<Record<string, Value>> {
  const { dev, kind, persist = false, vnetHdr = false, queues = 1 } = port
  if (kind === 'veth') throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${dev} is a veth pair, which QEMU cannot open`, { remedy: 'attach a port of kind tap' })
  const { by = options.fds !== undefined || port.fds.length > 0 ? 'fd' : 'name' } = options
  if (by === 'fd') return handed(port, options)
  if (kind === 'macvtap') throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${dev} is a macvtap: QEMU cannot open it by a name`, { remedy: 'hand its descriptors over' })
  if (!persist) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${dev} is not persistent: nobody can open it by its name`, { remedy: 'attach it with persist: true, or hand its descriptors over' })
  return { ifname: dev, script: 'no', downscript: 'no', ...queues > 1 ? { queues } : {}, vnet_hdr: vnetHdr, ...options.vhost === true ? { vhost: true } : {} }
}

/** `fd=3`, or `fds=3:4`; with vhost-net `vhost=on,vhostfds=5:6`. */
function handed (port: Offered, options: QemuOptions): Readonly<Record<string, Value>> {
  const { dev, queues = 1 } = port
  const fds = options.fds ?? port.fds.map((_, i) => FIRST + i)
  const vhostFds = options.vhostFds ?? (options.fds === undefined ? port.vhostFds ?? [] : []).map((_, i) => FIRST + fds.length + i)
  if (fds.length !== queues) throw new InputError([{ path: 'fds', message: `port ${dev} has ${String(queues)} queues, and ${String(fds.length)} descriptors are named` }])
  if (vhostFds.length !== 0 && vhostFds.length !== queues) throw new InputError([{ path: 'vhostFds', message: `port ${dev} has ${String(queues)} queues, and ${String(vhostFds.length)} descriptors of vhost-net are named` }])
  return { ...one('fd', fds), ...vhostFds.length === 0 ? {} : { vhost: true, ...one('vhostfd', vhostFds) } }
}

const one = (key: string, fds: readonly QemuFd[]): Readonly<Record<string, string>> => fds.length === 1 ? { [key]: String(fds[0]) } : { [`${key}s`]: fds.join(':') }
