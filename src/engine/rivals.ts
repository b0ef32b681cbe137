/** Which of the networks that go hold what those that come need: a bridge's name, a subnet, a uuid, a port's name. Pure. */
import { overlapFinder } from '../kernel/conflict.js'
import { mapSlowly } from '../netlink/breathe.js'
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import type { Change } from './change.js'
import type { NetworkState } from './state.js'

const ROUTE = { table: 254, type: 'unicast', protocol: 0, metric: 0 } as const

/** Tells whether what stands of a network is in the way of the changes of others. Prepared in slices. */
export async function rivals (make: readonly Change[]): Promise<(state: NetworkState) => boolean> {
  const claims = new Map<string, Set<string>>()
  const claim = (what: string, network: string): void => { claims.set(what, (claims.get(what) ?? new Set()).add(network)) }
  const subnets = new Set<string>()
  await mapSlowly(make, (change) => {
    const { network } = change
    if (change.kind === 'port' && change.to !== undefined) claim(`port ${change.to.dev}`, network)
    if ((change.kind !== 'running' && change.kind !== 'stored') || change.to === undefined) return
    claim(`uuid ${change.to.uuid}`, network)
    claim(`bridge ${change.to.bridge.name}`, network)
    for (const subnet of reaches(change.to)) { subnets.add(subnet); claim(`subnet ${subnet}`, network) }
  })
  const overlaps = overlapFinder([...subnets])
  const held = (definition: Definition): readonly string[] => [
    `uuid ${definition.uuid}`, `bridge ${definition.bridge.name}`,
    ...reaches(definition).flatMap((destination) => overlaps({ ...ROUTE, destination })).map(({ wanted }) => `subnet ${wanted}`),
  ]
  return ({ name, stored, running, ports }) => {
    const holds = [...[stored, running].flatMap((definition) => definition === undefined ? [] : held(definition)), ...ports.map(({ dev }) => `port ${dev}`)]
    return holds.some((what) => [...claims.get(what) ?? []].some((network) => network !== name))
  }
}
