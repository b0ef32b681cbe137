/** A network's leases, read from dnsmasq's own file. */
import { listLeases, watchLeases } from '../dnsmasq/lease-file.js'
import { NetwrightError } from '../errors.js'
import type { Definition } from '../network/spec.js'
import { subnetOf } from '../network/subnet.js'
import { contains } from '../values/cidr.js'
import { parseIp } from '../values/ip.js'
import type { Lease, LeaseChange, Leases } from './api.js'
import { isMissing } from './files.js'
import { stopIfAborted } from './steps.js'
import { typedError } from './system-error.js'

/** `path` of the lease file, and the definition that tells each lease's prefix length (of the subnet that it lies in, not of the first). */
export interface LeaseSource {
  readonly path: string
  readonly definition: Pick<Definition, 'name' | 'ip'>
  /** Whether dnsmasq runs: what vanishes from the file while it does not is not believed. */
  readonly alive: () => boolean
}

/** The directory of its lease file comes with the first dnsmasq. */
function neverRan ({ definition: { name } }: LeaseSource, cause: unknown): NetwrightError {
  return new NetwrightError('NETWRIGHT_INACTIVE', `network '${name}' has no leases to watch: its dnsmasq has never run`, { cause, network: name, remedy: 'start it with a DHCP range first' })
}

function complete<T extends Lease> (lease: T, { definition }: LeaseSource): T {
  const subnet = definition.ip.map(subnetOf).find((cidr) => contains(cidr, parseIp(lease.ip)))
  return subnet === undefined ? lease : { ...lease, prefix: subnet.prefix }
}

/** `source` is asked anew for each call: a network may be redefined. All watching ends with `end`. */
export function leasesOf (source: () => Promise<LeaseSource>, end: AbortSignal): Leases {
  const list = async (): Promise<Lease[]> => {
    const from = await source()
    return (await listLeases(from.path)).map((lease) => complete(lease, from)).sort((a, b) => a.mac < b.mac ? -1 : a.mac > b.mac ? 1 : 0)
  }
  async function * watch (options?: { readonly signal?: AbortSignal }): AsyncGenerator<LeaseChange, void, undefined> {
    const from = await source()
    const signal = options?.signal === undefined ? end : AbortSignal.any([options.signal, end])
    try { for await (const change of watchLeases(from.path, from.alive, signal)) yield complete(change, from) } catch (error) { throw isMissing(error) ? neverRan(from, error) : typedError(error) }
  }
  return {
    list, watch,
    wait: async (match, options) => {
      for await (const { change, ...lease } of watch(options)) if (change !== 'removed' && matches(lease, match)) return lease
      const signal = options?.signal
      stopIfAborted(signal, 'waiting for a lease')
      throw new NetwrightError('NETWRIGHT_CLOSED', 'the leases are not watched any more')
    },
  }
}

function matches (lease: Lease, match: Parameters<Leases['wait']>[0]): boolean {
  return (match.mac === undefined || lease.mac === match.mac.toLowerCase()) && (match.ip === undefined || lease.ip === match.ip) && (match.hostname === undefined || lease.hostname === match.hostname)
}
