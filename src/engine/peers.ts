/** Peers of one network, listed, added and removed. */
import { NetwrightError } from '../errors.js'
import type { Definition, PeerInput, PeerSpec } from '../network/spec.js'
import type { Options, Scope } from './api.js'
import { changeSides, given, mustBeThere } from './both-sides.js'
import type { PeerInfo, Peers } from './filter-api.js'
import { find, inventory, type Entry } from './inventory.js'
import type { Works } from './works.js'

/** `host.network(…).peers`. */
export function peersOf (works: Works, name: string): Peers {
  const during = async <T>(work: () => Promise<T>): Promise<T> => await works.during(work, { operation: 'update', names: () => [name] })
  return {
    list: async () => await works.during(async () => { await find(works.context, name); return listed(name, await inventory(works.context)) }),
    add: async (peer, options = {}) => { await during(async () => { await add(works, name, peer, options) }) },
    remove: async (network, options = {}) => { await during(async () => { await remove(works, name, network, options) }) },
  }
}

const turned = { both: 'both', out: 'in', in: 'out' } as const

function listed (name: string, entries: readonly Entry[]): PeerInfo[] {
  const all = new Map(entries.map((entry) => [entry.name, entry]))
  const stateOf = (other: string): PeerInfo['state'] => { const entry = all.get(other); return entry === undefined ? 'missing' : entry.running === undefined ? 'inactive' : 'active' }
  return entries.flatMap((entry) => {
    const found = new Map<string, PeerInfo>()
    for (const [side, definition] of [['live', entry.running?.definition], ['config', entry.stored]] as const) for (const { network, direction } of definition?.peers ?? []) {
      if (entry.name !== name && network !== name) continue
      const [other, way] = entry.name === name ? [network, direction] : [entry.name, turned[direction]]
      const key = `${other} ${way}`
      found.set(key, { network: other, direction: way, by: entry.name, state: stateOf(other), live: false, config: false, ...found.get(key), [side]: true })
    }
    return [...found.values()]
  })
}

async function add (works: Works, name: string, peer: PeerInput, options: Options & Scope): Promise<void> {
  const { network, direction = 'both' }: { readonly network: string, readonly direction?: PeerSpec['direction'] | undefined } = typeof peer === 'string' ? { network: peer } : peer
  const has = ({ peers = [] }: Definition): boolean => peers.some((one) => one.network === network && one.direction === direction)
  await changeSides({ works, name, part: 'peer', options }, (sides) => {
    if (given(sides).every(has)) throw new NetwrightError('NETWRIGHT_EXISTS', `network ${name} has the peer ${network} already`, { network: name })
    return (definition) => has(definition) ? undefined : { peers: [...(definition.peers ?? []).filter((one) => one.network !== network), { network, direction }] }
  })
}

async function remove (works: Works, name: string, network: string, options: Options & Scope): Promise<void> {
  const has = ({ peers = [] }: Definition): boolean => peers.some((one) => one.network === network)
  await changeSides({ works, name, part: 'peer', options }, (sides) => {
    mustBeThere(sides, options, has, () => new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} does not name ${network} as its peer`, { network: name, remedy: `netwright peer list ${name}` }))
    return (definition) => has(definition) ? { peers: (definition.peers ?? []).filter((one) => one.network !== network) } : undefined
  })
}
