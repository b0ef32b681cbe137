/**
 * What has to change so that what is wanted stands: pure. In this order:
 *
 *     way     what goes because something else needs its place (a bridge's name, a subnet, a port's name), or because it cannot change while it runs
 *     make    definitions · networks started or changed while they run · ports
 *     remove  whatever else goes
 */
import { NetwrightError } from '../errors.js'
import { mapSlowly, pacer } from '../netlink/breathe.js'
import { wordsOf, type Change } from './change.js'
import { planNetwork, type Phases, type Planning, type WantedNetwork } from './plan-network.js'
import { rivals } from './rivals.js'
import { absent, after, type NetworkState } from './state.js'

export type { Change, Consequence, Interruption, PlannedPort, Transition } from './change.js'

/** Plans. Throws NETWRIGHT_EXISTS and NETWRIGHT_NAME_IN_USE where two networks would have one uuid, one bridge or one port's name. */
export async function plan (want: readonly WantedNetwork[], have: readonly NetworkState[], planning: Planning): Promise<Change[]> {
  const states = new Map(have.map((state) => [state.name, state]))
  const phases: Phases = { way: [], make: [], remove: [] }
  const pace = pacer()
  for (const one of [...want, ...planning.prune === true ? unnamed(want, have, planning) : []]) {
    planNetwork(one, states.get(one.name) ?? absent(one.name), planning, phases)
    await pace()
  }
  const { way, make, remove } = await makeWay(await stopFirst(phases, states), states)
  const changes = [...inOrder(way, LEAVING), ...inOrder(make, COMING), ...inOrder(remove, LEAVING)]
  await apart(await after(have, changes))
  return changes
}

const LEAVING = ['port', 'running', 'autostart', 'stored', 'source'] as const
const COMING = ['source', 'stored', 'autostart', 'running', 'port'] as const

function inOrder (changes: readonly Change[], kinds: readonly Change['kind'][]): Change[] {
  return kinds.flatMap((kind) => changes.filter((change) => change.kind === kind))
}

/** What was made from the same source, and nobody names: networks, and ports of networks that stay. */
function unnamed (want: readonly WantedNetwork[], have: readonly NetworkState[], { source }: Planning): WantedNetwork[] {
  const named = new Set(want.map(({ name }) => name))
  const rest = source === undefined ? [] : have.filter(({ name }) => !named.has(name))
  return rest.flatMap(({ name, ports, ...state }): WantedNetwork[] => {
    if (state.source === source) return [{ name, definition: 'gone', ports: [] }]
    return ports.some((port) => port.source === source) ? [{ name, ports: [] }] : []
  })
}

/**
 * Of what would change while it runs, that stops first whose subnet another network takes: two that swap theirs could not both have them in between.
 * Not transient ones: nobody could name their ports while they are stopped.
 */
async function stopFirst ({ way, make, remove }: Phases, states: ReadonlyMap<string, NetworkState>): Promise<Phases> {
  const running = make.flatMap((change) => change.kind === 'running' ? [change] : [])
  const changing = running.filter(({ network, from }) => from !== undefined && states.get(network)?.stored !== undefined)
  if (running.length < 2 || changing.length === 0) return { way, make, remove }
  const inTheWay = await rivals(running)
  const found = await mapSlowly(changing, ({ network, from }) => from !== undefined && inTheWay({ ...absent(network), running: from }))
  const first = new Set<Change>(changing.filter((_, i) => found[i] === true))
  return { way: [...way, ...[...first].flatMap(stopOf)], make: make.map((change) => first.has(change) ? startOf(change) : change), remove }
}

const TAKEN = 'another network takes its subnet'

function stopOf (change: Change): Change[] {
  const { network, parts } = change
  if (change.kind !== 'running' || change.from === undefined) return []
  const transition = { kind: 'running', from: change.from } as const
  return [{ ...transition, network, what: wordsOf(network, transition), reason: TAKEN, interrupts: 'outage', ...parts === undefined ? {} : { parts } }]
}

function startOf (change: Change): Change {
  const { network, reason } = change
  if (change.kind !== 'running' || change.to === undefined) return change
  const transition = { kind: 'running', to: change.to } as const
  return { ...transition, network, what: wordsOf(network, transition), reason, interrupts: 'none' }
}

/** Of what goes, that goes first whose place is needed. */
async function makeWay ({ way, make, remove }: Phases, states: ReadonlyMap<string, NetworkState>): Promise<Phases> {
  if (remove.length === 0 || make.length === 0) return { way, make, remove }
  const devs = new Set(make.flatMap((change) => change.kind === 'port' && change.to !== undefined ? [change.to.dev] : []))
  const inTheWay = await rivals(make)
  const going = [...new Set(remove.filter(({ kind }) => kind === 'running' || kind === 'stored').map(({ network }) => network))]
  const found = await mapSlowly(going, (name) => inTheWay(states.get(name) ?? absent(name)))
  const first = new Set(going.filter((_, i) => found[i] === true))
  const goesFirst = (change: Change): boolean => first.has(change.network) || (change.kind === 'port' && devs.has(change.from?.dev ?? ''))
  return { way: [...way, ...remove.filter(goesFirst)], make, remove: remove.filter((change) => !goesFirst(change)) }
}

/** In the end each uuid, each bridge and each port's name is one network's. */
async function apart (states: readonly NetworkState[]): Promise<void> {
  const taken = new Map<string, string>()
  const take = (what: string, network: string, code: 'NETWRIGHT_EXISTS' | 'NETWRIGHT_NAME_IN_USE'): void => {
    const other = taken.get(what)
    if (other !== undefined && other !== network) throw new NetwrightError(code, `${what} would be both network ${other}'s and network ${network}'s`, { conflict: { kind: 'network', name: other } })
    taken.set(what, network)
  }
  await mapSlowly(states, ({ name, ports, stored, running }) => {
    for (const { uuid, bridge } of [stored, running].flatMap((definition) => definition ?? [])) {
      take(`uuid ${uuid}`, name, 'NETWRIGHT_EXISTS')
      take(`bridge ${bridge.name}`, name, 'NETWRIGHT_NAME_IN_USE')
    }
    for (const { dev } of ports) take(`port ${dev}`, name, 'NETWRIGHT_NAME_IN_USE')
  })
}
