/**
 * All that a batch will make, change and remove, decided and checked before anything is touched. Only reads, but for the lock that callers hold.
 *
 *     work (what is asked) ─ choose · check · expand ─► Batch ─► journal ─► kernel
 */
import { located, NetwrightError, type Whereabouts } from '../errors.js'
import { requireCapabilities } from '../kernel/host.js'
import { indexes } from '../kernel/link.js'
import { stillThere } from '../kernel/netns.js'
import { pacer } from '../netlink/breathe.js'
import { needsDnsmasq } from '../dnsmasq/config.js'
import { findDnsmasq } from '../dnsmasq/user.js'
import { expand, reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import { claimable } from './claim.js'
import { survey, tapWanted, type ComingPort, type Site } from './coming-port.js'
import type { Context } from './context.js'
import type { Guests } from './guests.js'
import { decide, type Decided } from './decide.js'
import { difference, type Difference } from './difference.js'
import { freePorts } from './forward-ports.js'
import { daemonNeed, liveDiff, type DaemonNeed } from './live.js'
import { whole } from './lost.js'
import { settleGuests } from './named-guests.js'
import { prospect } from './prospect.js'
import { prospectUpdates } from './prospect-update.js'
import { apart, removalOf, type Removal } from './removal.js'
import type { NetworkRecord, PortRecord } from './record.js'
import { baselineOf, type Stocked, type Wanted } from './source.js'
import { aboutNetwork, type Work } from './work.js'
import type { Consequence } from './change.js'

export interface ComingNetwork { readonly record: NetworkRecord, readonly about: Whereabouts, readonly stocked?: Stocked }

/** A running network that is changed. */
export interface ComingUpdate {
  readonly before: NetworkRecord
  readonly after: NetworkRecord
  readonly about: Whereabouts
  readonly difference: Difference
  readonly need: DaemonNeed
  readonly changes: readonly Consequence[]
  /** Nobody asked for it: its ports come or go. */
  readonly implied?: true
}

export interface Batch {
  readonly networks: readonly ComingNetwork[]
  readonly ports: readonly ComingPort[]
  readonly updates: readonly ComingUpdate[]
  readonly removal: Removal
  /** Ports that the last stop left, of networks that come. */
  readonly kept: readonly PortRecord[]
  /** Of all links that come out of the stock. */
  readonly stocked: readonly Stocked[]
}

export interface Planning {
  readonly context: Context
  /** Namespaces of veth pairs, by how the caller named them. */
  readonly guests: Guests
}

const index = indexes()

/** Throws what is in the way, saying whose way: nothing has changed then. */
export async function planBatch (work: Work, planning: Planning): Promise<Batch> {
  const { context } = planning
  // Kept links are laundered and proved while all else is decided.
  const prepared = context.stock?.prepare({ bridges: (work.create?.length ?? 0) + (work.start?.length ?? 0), taps: (work.attach ?? []).flatMap(({ input }) => input.kind === 'tap' ? [tapWanted(input)] : []) })
  prepared?.catch(() => undefined) // it is awaited before the first link is taken
  const stocked: Stocked[] = []
  const stock = (wanted: Wanted): Stocked | undefined => {
    const one = context.stock?.take(wanted)
    if (one !== undefined) stocked.push(one)
    return one
  }
  try { return await plan(work, planning, { stock, prepared }, stocked) } catch (error) {
    await prepared?.catch(() => undefined)
    context.stock?.back(stocked)
    throw error
  }
}

interface Stocking { readonly stock: (wanted: Wanted) => Stocked | undefined, /** Before this nothing can be taken. */ readonly prepared: Promise<void> | undefined }

async function plan (work: Work, { context, guests }: Planning, { stock, prepared }: Stocking, stocked: readonly Stocked[]): Promise<Batch> {
  const there = stillThere(context.netns)
  there.catch(() => undefined) // it is asked for meanwhile
  const decided = await decide(context, work)
  const fresh = decided.fresh.map(({ definition }) => definition)
  await able([...fresh, ...decided.changed.map(({ after }) => after)])
  await Promise.all([there, claimable(context)])
  const removal = await removalOf(context, work)
  try {
    const coming = [...fresh, ...decided.changed.map(({ after }) => after)]
    apart(coming, removal.networks, { why: 'which the same transaction removes', remedy: 'removals come last, so that a failure leaves everything as it was: remove it in a transaction of its own first' })
    apart(coming, await context.book.returning(), { why: 'which may come back: it is on trial', remedy: 'wait until the trial is over' })
    await prospect(context, fresh)
    await prospectUpdates(context, decided.changed.map(({ before, after }) => ({ before: before.definition, after, index: before.bridge.index })), fresh)
    await freePorts(context, [...fresh.map((definition) => ({ definition })), ...decided.changed.map(({ before, after }) => ({ definition: after, before: before.definition }))])
  } catch (error) { throw blamed(error, decided) }
  await context.flows.forgotten(fresh.flatMap(reaches)) // a guest must not inherit its predecessor's connections
  const standing = await context.book.look()
  const updates = decided.changed.map((one) => changeOf(one, context, standing.ports([one.before.definition.name])))
  await prepared
  const networks = await networksOf(decided, context, stock)
  const records = networks.map(({ record }) => record)
  const kept = standing.ports(records.map(({ definition }) => definition.name))
  const sites = new Map<string, Site>()
  for (const { network: name } of work.attach ?? []) {
    const network = updates.find(({ after }) => after.definition.name === name)?.after ?? standing.network(name)
    if (network !== undefined) sites.set(name, { network, fresh: false, ports: standing.ports([name]) })
  }
  await whole(context, [...new Set([...decided.changed.map(({ before }) => before), ...[...sites.values()].map(({ network }) => network)])])
  for (const network of records) sites.set(network.definition.name, { network, fresh: true, ports: standing.ports([network.definition.name]) })
  const taken = [...records.map(({ bridge }) => bridge.name), ...standing.ports().map(({ link }) => link.name)]
  const ports = await survey(work.attach ?? [], { context, sites, guests, taken, stock })
  return { ports, removal, kept, stocked, ...settleGuests({ networks, updates, ports, removal, standing, ipv6: context.ipv6 }) }
}

/** Throws NETWRIGHT_NO_PERMISSION, NETWRIGHT_DNSMASQ_MISSING where these networks need what is not there. */
async function able (definitions: readonly Definition[]): Promise<void> {
  if (!definitions.some(needsDnsmasq)) return
  requireCapabilities('network', 'dnsmasq')
  await findDnsmasq()
}

async function networksOf ({ fresh }: Decided, context: Context, stock: (wanted: Wanted) => Stocked | undefined): Promise<readonly ComingNetwork[]> {
  const pace = pacer()
  const networks: ComingNetwork[] = []
  for (const { definition, at } of fresh) {
    const stocked = stock({ type: 'bridge' })
    const { links: [bridge], ...rest } = expand(definition, { index: stocked?.index ?? index.next(), group: context.group })
    if (bridge !== undefined) networks.push({ record: { definition, bridge, ...rest, dnsmasq: needsDnsmasq(definition), ...baselineOf(stocked) }, about: aboutNetwork(definition.name, at), ...stocked === undefined ? {} : { stocked } })
    const pause = pace()
    if (pause !== undefined) await pause
  }
  return networks
}

function changeOf ({ before, after: definition, at }: Decided['changed'][number], context: Context, ports: readonly PortRecord[]): ComingUpdate {
  const { links: [bridge], ...rest } = expand(definition, { index: before.bridge.index, group: context.group })
  const after: NetworkRecord = { definition, bridge: bridge ?? before.bridge, ...rest, dnsmasq: needsDnsmasq(definition), ...before.baseline === undefined ? {} : { baseline: before.baseline }, revision: (before.revision ?? 0) + 1 }
  return {
    before, after, about: aboutNetwork(definition.name, at), difference: difference(before, after, ports, { ipv6: context.ipv6 }),
    need: daemonNeed(before.definition, definition), changes: liveDiff(before.definition, definition).parts,
  }
}

/** An error that names a network in its first words is told where that network was asked for. */
function blamed (error: unknown, { fresh, changed }: Decided): unknown {
  if (!(error instanceof NetwrightError)) return error
  const all = [...fresh, ...changed.map(({ after, ...rest }) => ({ ...rest, definition: after }))]
  const { message, network } = error
  const one = network === undefined ? undefined : all.findLast(({ definition: { name } }) => name === network)
  const found = one ?? all.findLast(({ definition: { name, bridge } }) => [`network ${name}:`, `network ${name} `, `bridge ${bridge.name} `].some((words) => message.startsWith(words)))
  if (found === undefined) return error
  return located(error, aboutNetwork(found.definition.name, found.at, partOf(error, found.subnet)))
}

function partOf ({ code, message }: NetwrightError, subnet: boolean): string {
  if (code === 'NETWRIGHT_SUBNET_IN_USE') return subnet ? 'subnet' : 'ip'
  if (code === 'NETWRIGHT_NAME_IN_USE') return message.startsWith('network') && message.includes('is named twice') ? 'name' : 'bridge'
  if (code === 'NETWRIGHT_PORT_IN_USE') return 'forwards'
  return code === 'NETWRIGHT_ACTIVE' ? 'name' : ''
}

/** Starting a process takes longer than others should wait for the lock. */
export function isSlow ({ networks, updates }: Batch): boolean {
  return networks.some(({ record }) => record.dnsmasq) || updates.some(({ need }) => need !== 'nothing' && need !== 'reload')
}

/** An error that knows its network by name is told where it was asked for. */
export function whose (error: unknown, { networks, updates }: Batch): Whereabouts {
  if (!(error instanceof NetwrightError) || error.network === undefined) return {}
  const name = error.network
  return networks.find(({ record }) => record.definition.name === name)?.about ?? updates.find(({ after }) => after.definition.name === name)?.about ?? {}
}
