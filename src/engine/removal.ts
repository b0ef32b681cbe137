/** What a batch removes, once all else stands. Only reads. Callers hold the namespace's lock. */
import { NetwrightError } from '../errors.js'
import { overlapFinder } from '../kernel/conflict.js'
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import type { Context } from './context.js'
import type { Ledger } from './ledger.js'
import type { NetworkRecord, PortRecord } from './record.js'
import { about, aboutNetwork, type Detached, type Stopped, type Work } from './work.js'

export interface Removal { readonly networks: readonly NetworkRecord[], readonly ports: readonly PortRecord[] }

/** Throws NETWRIGHT_INACTIVE, NETWRIGHT_NOT_FOUND where what is to go is not there. */
export async function removalOf ({ book, store }: Context, { stop = [], detach = [] }: Work): Promise<Removal> {
  if (stop.length + detach.length === 0) return { networks: [], ports: [] }
  const standing = await book.look()
  const networks: NetworkRecord[] = []
  const ports = new Map<number, PortRecord>()
  for (const one of stop) await about(aboutNetwork(one.name, one.at), async () => {
    networks.push(running(standing, one))
    // Nobody could bring the ports of a transient network back.
    if (one.ports === 'remove' || await store.get(one.name) === undefined) for (const port of standing.ports([one.name])) ports.set(port.link.index, port)
  })
  for (const one of detach) await about(aboutNetwork(one.network, one.at), () => {
    const port = portOf(standing, one)
    ports.set(port.link.index, port)
  })
  return { networks, ports: [...ports.values()] }
}

function running (standing: Ledger, { name }: Stopped): NetworkRecord {
  const found = standing.network(name)
  if (found === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network ${name} is not active`)
  return found
}

function portOf (standing: Ledger, { network, dev, index }: Detached): PortRecord {
  const port = standing.ports([network]).find(({ link }) => link.name === dev && (index === undefined || link.index === index))
  if (port === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${network} has no port ${dev}`)
  return port
}

/** Nothing that comes may need the place of something that is still going, or may come back. Throws NETWRIGHT_NAME_IN_USE, NETWRIGHT_SUBNET_IN_USE. */
export function apart (coming: readonly Definition[], networks: readonly NetworkRecord[], { why, remedy }: { readonly why: string, readonly remedy: string }): void {
  for (const { definition: old, bridge } of networks) {
    const overlaps = overlapFinder(reaches(old))
    for (const definition of coming) {
      const { name } = definition
      const conflict = { kind: 'network', name: old.name }
      if (definition.bridge.name === bridge.name) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `network ${name}: bridge ${bridge.name} is that of network ${old.name}, ${why}`, { network: name, conflict, remedy })
      const text = reaches(definition).find((one) => overlaps({ destination: one, table: 254, type: 'unicast', protocol: 0, metric: 0 }).length > 0)
      if (text !== undefined) throw new NetwrightError('NETWRIGHT_SUBNET_IN_USE', `network ${name}: the subnet is already in use: ${text} is that of network ${old.name}, ${why}`, { network: name, conflict: { ...conflict, detail: text }, remedy })
    }
  }
}
