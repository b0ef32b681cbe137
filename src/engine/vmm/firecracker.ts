/** What Firecracker wants to hear of a port. Pure. Source: Firecracker, src/firecracker/swagger/firecracker.yaml, NetworkInterface; src/vmm/src/devices/virtio/net/tap.rs. */
import { InputError, NetwrightError } from '../../errors.js'
import type { PortInfo } from '../port-api.js'

export interface FirecrackerOptions {
  /** Its id over there. Default `eth0`. */
  readonly id?: string
}

/** One request to its API socket. The body is also an entry of `network-interfaces` in a configuration file. */
export interface FirecrackerInterface {
  readonly method: 'PUT'
  /** `/network-interfaces/eth0`. */
  readonly path: string
  readonly body: { readonly iface_id: string, readonly guest_mac: string, readonly host_dev_name: string }
}

/**
 * Firecracker opens a TAP by its name, with one queue and a virtio header (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), so it must be persistent and of one
 * queue, and nobody else may have it open. Throws NETWRIGHT_UNSUPPORTED where it is not so, InputError.
 */
export function firecracker (port: Pick<PortInfo, 'dev' | 'kind' | 'mac' | 'queues' | 'persist'>, { id = 'eth0' }: FirecrackerOptions = {}): FirecrackerInterface {
  const { dev, kind, mac, queues = 1, persist = false } = port
  if (!/^[A-Za-z0-9_]{1,64}$/.test(id)) throw new InputError([{ path: 'id', message: `${JSON.stringify(id)} is not an id of Firecracker's: letters, digits and '_'` }])
  if (kind !== 'tap' || queues !== 1 || !persist) {
    throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${dev} is nothing that Firecracker could open: it opens a persistent TAP of one queue by its name`, { remedy: "attach({ kind: 'tap', fds: false, vnetHdr: true })" })
  }
  return { method: 'PUT', path: `/network-interfaces/${id}`, body: { iface_id: id, guest_mac: mac, host_dev_name: dev } }
}
