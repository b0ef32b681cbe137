/** What networks and ports have carried, twice: and so what they carry. */
import { NetwrightError, type Host, type Statistics, type Topology, type TopologyNetwork } from '../../index.js'

/** What one link has counted until then. */
export interface Count { readonly dev: string, /** The guest's. */ readonly name?: string, readonly counters: Statistics }
export interface NetworkCount extends Count { readonly network: string, readonly state: TopologyNetwork['state'], readonly leases: number, readonly ports: readonly Count[] }
/** All running networks at one moment, milliseconds of a clock that only goes forward. */
export interface Sample { readonly at: number, readonly networks: readonly NetworkCount[] }

/** As the guest sees it: `in` is what the host sent to it. Bits and packets a second; drops since the sample before. */
export interface Rate { readonly dev: string, readonly name?: string, readonly inBits: number, readonly outBits: number, readonly inPackets: number, readonly outPackets: number, readonly drops: number, readonly counters: Statistics }
export interface NetworkRate extends Rate { readonly network: string, readonly state: TopologyNetwork['state'], readonly leases: number, readonly ports: readonly Rate[] }

/** Counts what the topology names; what has gone meanwhile is left out. Strangers' ports are not ours to count. */
export async function sampleOf (host: Host, { networks }: Topology, signal: AbortSignal): Promise<Sample> {
  const counted = await Promise.all(networks.filter(({ state }) => state !== 'inactive').map(async (one) => await networkCount(host, one, signal)))
  return { at: performance.now(), networks: counted.flatMap((one) => one ?? []) }
}

async function networkCount (host: Host, { name, bridge, state, ports, guests }: TopologyNetwork, signal: AbortSignal): Promise<NetworkCount | undefined> {
  return await there(async () => {
    const network = await host.network(name, { signal })
    const counters = await network.statistics({ signal })
    const each = await Promise.all(ports.filter(({ own, state: plugged }) => own && plugged !== 'detached').map(async ({ dev, guests: [guest] }) => await there(async (): Promise<Count> =>
      ({ dev, ...guest?.name === undefined ? {} : { name: guest.name }, counters: await network.statistics({ dev, signal }) }))))
    const leases = [...ports.flatMap((port) => port.guests), ...guests].filter(({ leased }) => leased).length
    return { network: name, dev: bridge, state, leases, counters, ports: each.flatMap((one) => one ?? []) }
  })
}

async function there<T> (look: () => Promise<T>): Promise<T | undefined> {
  try { return await look() } catch (error) {
    if (error instanceof NetwrightError && (error.code === 'NETWRIGHT_NOT_FOUND' || error.code === 'NETWRIGHT_INACTIVE')) return undefined
    throw error
  }
}

/** What was carried between two samples. A link that is new has no rates yet; one that was made anew under its name begins at nothing. */
export function ratesOf (before: Sample | undefined, { at, networks }: Sample): readonly NetworkRate[] {
  const seconds = before === undefined ? 0 : (at - before.at) / 1000
  const old = new Map(before?.networks.map((one) => [one.network, one]))
  return networks.map((now): NetworkRate => {
    const then = old.get(now.network)
    const ports = new Map(then?.ports.map((port) => [port.dev, port]))
    return { ...rate(then, now, seconds), network: now.network, state: now.state, leases: now.leases, ports: now.ports.map((port) => rate(ports.get(port.dev), port, seconds)) }
  })
}

function rate (before: Count | undefined, { dev, name, counters }: Count, seconds: number): Rate {
  const grown = (key: keyof Statistics): number => before === undefined ? 0 : Math.max(0, counters[key] - before.counters[key])
  const each = (key: keyof Statistics): number => seconds > 0 ? grown(key) / seconds : 0
  return {
    dev, ...name === undefined ? {} : { name }, inBits: each('txBytes') * 8, outBits: each('rxBytes') * 8, inPackets: each('txPackets'), outPackets: each('rxPackets'),
    drops: grown('rxDropped') + grown('txDropped'), counters,
  }
}
