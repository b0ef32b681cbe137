/** What is wanted, with everything chosen: what is there keeps what was chosen for it, so that a plan settles. Only reads. */
import { NetwrightError } from '../errors.js'
import { pacer } from '../netlink/breathe.js'
import type { Definition } from '../network/spec.js'
import { contains } from '../values/cidr.js'
import { parseIp } from '../values/ip.js'
import type { PlannedPort } from './change.js'
import { Choice } from './choose.js'
import type { Context } from './context.js'
import { derivedMac, type DesiredPort } from './desired-port.js'
import { isOpen, type CheckedDesired, type CheckedNetwork } from './desired.js'
import type { WantedNetwork } from './plan-network.js'
import { guestSubnet } from './port.js'
import { absent, type NetworkState } from './state.js'

/** Throws NETWRIGHT_EXISTS for a uuid that is another's, NETWRIGHT_NOT_FOUND and NETWRIGHT_INACTIVE for ports without a network that runs, and the errors of choosing. */
export async function wanted (context: Context, { networks, ports }: CheckedDesired, have: readonly NetworkState[]): Promise<WantedNetwork[]> {
  const states = new Map(have.map((state) => [state.name, state]))
  const choice = new Choice(context)
  const pace = pacer()
  const found = new Map<string, WantedNetwork>()
  // Those that leave nothing to be chosen come first: what they name is taken then.
  for (const open of [false, true]) for (const network of networks) {
    if (isOpen(network) !== open) continue
    found.set(network.spec.name, await one(network, states.get(network.spec.name) ?? absent(network.spec.name), choice))
    await pace()
  }
  const result = networks.flatMap(({ spec }) => found.get(spec.name) ?? [])
  for (const { network, ports: these } of ports) {
    const state = states.get(network)
    if (state === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `no network with matching name '${network}', which a port is to be attached to`, { remedy: 'name the network in the file too, or define it' })
    if (state.running === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network '${network}' is not active, and a port is to be attached to it`, { remedy: `netwright net-start ${network}` })
    result.push({ name: network, ports: portsOf(these, state, state.running) })
  }
  return result
}

async function one ({ spec, ports, ...wish }: CheckedNetwork, state: NetworkState, choice: Choice): Promise<WantedNetwork> {
  const before = state.stored ?? state.running
  if (before !== undefined && spec.uuid !== undefined && spec.uuid !== before.uuid) {
    throw new NetwrightError('NETWRIGHT_EXISTS', `network '${spec.name}' already exists with uuid ${before.uuid}`, { remedy: 'leave the uuid out, or delete the network first' })
  }
  const definition = await choice.complete(spec, before)
  return { name: spec.name, definition, ...wish, ports: portsOf(ports, state, definition) }
}

function portsOf (ports: readonly DesiredPort[], state: NetworkState, definition: Definition): PlannedPort[] {
  const taken = new Set([...state.ports, ...ports].flatMap(({ mac }) => mac ?? []))
  return ports.map((port) => {
    const there = state.ports.find(({ dev }) => dev === port.dev)
    const mac = port.mac ?? there?.mac ?? derivedMac(definition.uuid, port.dev, taken)
    taken.add(mac)
    const kept = port.address === 'auto' && there?.address !== undefined && fits(there.address, definition)
    return { ...port, mac, ...kept ? { address: there.address } : {} }
  })
}

/** Whether an address that was reserved lies in the subnet that guests have now. */
function fits (address: string, definition: Definition): boolean {
  const subnet = guestSubnet(definition)
  return subnet !== undefined && contains(subnet.cidr, parseIp(address))
}

/** What should not be there: the networks that are named, and the ports of others. What is gone already is no error. */
export function unwanted ({ networks, ports }: CheckedDesired, have: readonly NetworkState[]): WantedNetwork[] {
  const states = new Set(have.map(({ name }) => name))
  return [
    ...networks.filter(({ spec }) => states.has(spec.name)).map(({ spec }) => ({ name: spec.name, definition: 'gone' as const, ports: [] })),
    ...ports.filter(({ network }) => states.has(network)).map(({ network, ports: these }) => ({ name: network, ports: [], without: these.map(({ dev }) => dev) })),
  ]
}
