/**
 * Forwarded ports whose guest is named by its port lead to the address that is reserved for the port: they come with it and go with it. A network that
 * is not otherwise changed is updated for that.
 */
import { membersOf } from '../network/expand.js'
import { byName, type Guests } from '../network/forwarded.js'
import type { Definition } from '../network/spec.js'
import type { ComingNetwork, ComingUpdate } from './batch.js'
import type { ComingPort } from './coming-port.js'
import { difference, isNothing } from './difference.js'
import type { Ledger } from './ledger.js'
import type { NetworkRecord, PortRecord } from './record.js'
import type { Removal } from './removal.js'
import { aboutNetwork, type Work } from './work.js'

const names = ({ forwards = [] }: Pick<Definition, 'forwards'>): boolean => forwards.some(byName)

/** Addresses by the names of ports. */
export function guestsOf (ports: readonly Pick<PortRecord, 'link' | 'ip'>[]): Guests {
  return new Map(ports.flatMap(({ link: { name }, ip }) => ip === undefined ? [] : [[name, ip]]))
}

/** Whether a removal takes a port away that a forward names. */
export function releasesGuests ({ detach = [] }: Work, standing: Ledger): boolean {
  return detach.some(({ network, dev }) => standing.network(network)?.definition.forwards?.some(({ guest }) => guest === dev) === true)
}

export interface Settling {
  readonly networks: readonly ComingNetwork[]
  readonly updates: readonly ComingUpdate[]
  readonly ports: readonly ComingPort[]
  readonly removal: Removal
  readonly standing: Ledger
  readonly ipv6: boolean
}

/** The networks and updates with all guests known, and an update for each network that only gets or loses such a guest. */
export function settleGuests ({ networks, updates, ports, removal, standing, ipv6 }: Settling): { readonly networks: readonly ComingNetwork[], readonly updates: readonly ComingUpdate[] } {
  const going = new Set(removal.ports.map(({ link }) => link.index))
  const guests = (name: string): Guests => guestsOf([...standing.ports([name]).filter(({ link }) => !going.has(link.index)), ...ports.map(({ record }) => record).filter(({ network }) => network === name)])
  const settled = (record: NetworkRecord): NetworkRecord => names(record.definition) ? { ...record, members: membersOf(record.definition, guests(record.definition.name)) } : record
  const changed = (update: ComingUpdate): ComingUpdate => {
    if (!names(update.after.definition)) return update
    const after = settled(update.after)
    return { ...update, after, difference: difference(update.before, after, standing.ports([after.definition.name]), { ipv6 }) }
  }
  const known = new Set([...networks.map(({ record }) => record), ...updates.map(({ after }) => after), ...removal.networks].map(({ definition }) => definition.name))
  const touched = new Set([...ports.map(({ record }) => record.network), ...removal.ports.map(({ network }) => network)].filter((name) => !known.has(name)))
  const implied = [...touched].flatMap((name): ComingUpdate[] => {
    const before = standing.network(name)
    if (before === undefined || !names(before.definition)) return []
    const after = { ...settled(before), revision: (before.revision ?? 0) + 1 }
    const change = difference(before, after, standing.ports([name]), { ipv6 })
    return isNothing(change) ? [] : [{ before, after, about: aboutNetwork(name, undefined), difference: change, need: 'nothing', changes: [], implied: true }]
  })
  return { networks: networks.map((one) => ({ ...one, record: settled(one.record) })), updates: [...updates.map(changed), ...implied] }
}
