/** What cloud-hypervisor wants to hear of a port. Pure. Source: cloud-hypervisor, vmm/src/api/openapi/cloud-hypervisor.yaml, NetConfig; docs/macvtap-bridge.md. */
import { InputError, NetwrightError } from '../../errors.js'
import type { Offered } from './qemu.js'

export interface CloudHypervisorOptions {
  /** Its id over there. Default: the port's `dev`. */
  readonly id?: string
  /** `fd` hands descriptors over (default where the port has some), `name` lets it open a persistent TAP. */
  readonly by?: 'fd' | 'name'
  /** The queues over there, for `argument`. Default: 3, 4, … as a child has them whose `stdio` is `[0, 1, 2, ...port.fds]`. The API takes descriptors beside the request (SCM_RIGHTS), not in it. */
  readonly fds?: readonly number[]
}

export interface CloudHypervisorNet {
  /** After `--net`. */
  readonly argument: string
  readonly method: 'PUT'
  readonly path: '/api/v1/vm.add-net'
  /** Also an entry of `net` in `vm.create`. */
  readonly body: { readonly id: string, readonly mac: string, readonly mtu: number, readonly num_queues: number, readonly tap?: string }
}

const FIRST = 3

/** Throws NETWRIGHT_UNSUPPORTED where the port is nothing that it could use so, InputError. */
export function cloudHypervisor (port: Offered, options: CloudHypervisorOptions = {}): CloudHypervisorNet {
  const { dev, kind, mac, mtu, queues = 1, persist = false } = port
  const { id = dev, by = options.fds !== undefined || port.fds.length > 0 ? 'fd' : 'name', fds = port.fds.map((_, i) => FIRST + i) } = options
  if (!/^[A-Za-z0-9._-]+$/.test(id) || id.startsWith('_')) throw new InputError([{ path: 'id', message: `${JSON.stringify(id)} is not an id of cloud-hypervisor's: letters, digits, '.', '_', '-'` }])
  if (kind === 'veth') throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${dev} is a veth pair, which cloud-hypervisor cannot open`, { remedy: 'attach a port of kind tap' })
  if (by === 'name' && !persist) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${dev} is not persistent: nobody can open it by its name`, { remedy: 'attach it with persist: true, or hand its descriptors over' })
  if (by === 'fd' && fds.length !== queues) throw new InputError([{ path: 'fds', message: `port ${dev} has ${String(queues)} queues, and ${String(fds.length)} descriptors are named` }])
  // A queue pair is two of its queues.
  const common = { mac, mtu, num_queues: 2 * queues }
  const where = by === 'name' ? `tap=${dev}` : `fd=${fds.length === 1 ? String(fds[0]) : `[${fds.join(',')}]`}`
  return {
    argument: [where, ...Object.entries({ id, ...common }).map(([key, value]) => `${key}=${String(value)}`)].join(','),
    method: 'PUT', path: '/api/v1/vm.add-net', body: { id, ...common, ...by === 'name' ? { tap: dev } : {} },
  }
}
