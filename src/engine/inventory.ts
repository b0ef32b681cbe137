/** What networks there are: stored, running, or both. Only reads; no lock, since each file is whole. */
import { InputError, NetwrightError } from '../errors.js'
import { mapSlowly, turn } from '../netlink/breathe.js'
import { subnetOf } from '../network/subnet.js'
import type { Definition } from '../network/spec.js'
import { formatCidr } from '../values/cidr.js'
import type { NetworkInfo } from './api.js'
import type { Context } from './context.js'
import type { Daemons } from './daemons.js'
import type { Ledger } from './ledger.js'
import type { NetworkRecord, PortRecord } from './record.js'

/** One network with its two sides: what is stored, and what runs. At least one is there. */
export interface Entry {
  readonly name: string
  readonly uuid: string
  readonly stored?: Definition
  readonly running?: NetworkRecord
  readonly ports: readonly PortRecord[]
}

/** Where networks are written down. */
type Records = Pick<Context, 'store' | 'book'>

/** The look that is about to begin. */
const next = new WeakMap<Records, Promise<readonly Entry[]>>()

/** All networks of this owner in this namespace, sorted by name without regard to case, as virsh sorts. Those who ask in the same moment share one look. */
export function inventory (context: Records): Promise<readonly Entry[]> {
  const shared = next.get(context) ?? Promise.resolve().then(async () => {
    next.delete(context)
    return await look(context)
  })
  next.set(context, shared)
  return shared
}

async function look (context: Records): Promise<readonly Entry[]> {
  const [stored, { standing, going }] = await Promise.all([context.store.list(), runningOf(context)])
  const definitions = new Map(stored.map(({ definition }) => [definition.name, definition]))
  const names = [...new Set([...definitions.keys(), ...standing.networks().map(({ definition }) => definition.name)])].map((name) => ({ name, key: name.toLowerCase() })).sort(alike)
  return (await mapSlowly(names, ({ name }) => entryOf(name, { stored: definitions.get(name), standing, going }))).filter((entry) => entry !== undefined)
}

/** What stands, and the indexes of the bridges that are being removed. The journal first: what is gone from it does not stand any more, while the other way round it would seem to run again. */
async function runningOf ({ book }: Records): Promise<{ readonly standing: Ledger, readonly going: ReadonlySet<number> }> {
  const going = new Set((await book.underway()).flatMap(({ networks }) => networks.map(({ bridge }) => bridge.index)))
  return { standing: await book.look(), going }
}

/** The look at single networks that is about to begin: which ones, and how they are found. */
const nextOf = new WeakMap<Records, { readonly names: Set<string>, readonly look: Promise<(name: string) => Entry | undefined> }>()

/** One network, undefined where there is none of that name. Costs the same however many there are; those who ask in the same turn of the event loop share one look. */
export async function lookAt (context: Records, name: string): Promise<Entry | undefined> {
  let shared = nextOf.get(context)
  if (shared === undefined) {
    const names = new Set<string>()
    shared = { names, look: turn().then(async () => {
      nextOf.delete(context)
      const [stored, { standing, going }] = await Promise.all([context.store.some([...names]), runningOf(context)])
      return (one: string) => entryOf(one, { stored: stored.get(one)?.definition, standing, going })
    }) }
    nextOf.set(context, shared)
  }
  shared.names.add(name)
  return (await shared.look)(name)
}

function entryOf (name: string, { stored, standing, going }: { readonly stored: Definition | undefined, readonly standing: Ledger, readonly going: ReadonlySet<number> }): Entry | undefined {
  const found = standing.network(name)
  const running = found === undefined || going.has(found.bridge.index) ? undefined : found
  const definition = running?.definition ?? stored
  if (definition === undefined) return undefined
  return { name, uuid: definition.uuid, ports: standing.ports([name]), ...stored === undefined ? {} : { stored }, ...running === undefined ? {} : { running } }
}

/** What sorts by: `key` is the name without regard to case. */
interface Sorted { readonly name: string, readonly key: string }
const alike = (a: Sorted, b: Sorted): number => a.key < b.key ? -1 : a.key > b.key ? 1 : a.name < b.name ? -1 : 1

/** By uuid where the text has the form of one and a network has it, else by name. Throws NETWRIGHT_NOT_FOUND with libvirt's words. */
export async function find (context: Records, nameOrUuid: string): Promise<Entry> {
  if (typeof nameOrUuid !== 'string') throw new InputError([{ path: 'nameOrUuid', message: 'expected text: the name or the uuid of a network' }])
  const named = nameOrUuid.length === 36 ? (await inventory(context)).find(({ uuid }) => uuid === nameOrUuid.toLowerCase()) : undefined
  const found = named ?? await lookAt(context, nameOrUuid)
  if (found !== undefined) return found
  throw new NetwrightError('NETWRIGHT_NOT_FOUND', `no network with matching name '${nameOrUuid}'`, { remedy: 'netwright net-list --all' })
}

/** The definition that counts: what runs, unless `inactive` asks for what is stored. */
export function definitionOf ({ stored, running }: Entry, inactive = false): Definition {
  const definition = inactive ? stored ?? running?.definition : running?.definition ?? stored
  if (definition === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', 'the network is gone')
  return definition
}

/** For people and for `net-info`. */
export async function infoOf (entry: Entry, autostarted: ReadonlySet<string>, daemons: Pick<Daemons, 'isDown'>): Promise<NetworkInfo> {
  const { name, uuid, stored, running, ports } = entry
  const definition = definitionOf(entry)
  return {
    name, uuid, active: running !== undefined, persistent: stored !== undefined, autostart: stored !== undefined && autostarted.has(name),
    state: running === undefined ? 'inactive' : running.dnsmasq && await daemons.isDown(name) ? 'degraded' : 'active',
    bridge: definition.bridge.name, mode: definition.forward.mode, addresses: definition.ip.map((ip) => formatCidr(subnetOf(ip))), ports: ports.length,
  }
}
