/**
 * Starts networks, one or hundreds, all or nothing:
 *
 *     lock    checks · journal · links and addresses in one send · sysctls
 *     free    one dnsmasq a network, until it is ready
 *     lock    one nft commit · forwarding · ports come back · the journal's record stands
 */
import { NetwrightError } from '../errors.js'
import { addressRequest } from '../kernel/addr.js'
import { missingCapabilities, requireCapabilities } from '../kernel/host.js'
import { attachRequest, indexes, linkRequests } from '../kernel/link.js'
import { isOurs, readLink } from '../kernel/link-state.js'
import { stillThere } from '../kernel/netns.js'
import { routeRequest } from '../kernel/route.js'
import { writeSysctls } from '../kernel/sysctl.js'
import { send, type Outcome } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import type { Request } from '../netlink/request.js'
import { needsDnsmasq } from '../dnsmasq/config.js'
import { findDnsmasq } from '../dnsmasq/user.js'
import { expand, reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import { pacer, turn } from '../netlink/breathe.js'
import { claim, claimable } from './claim.js'
import { elementsOf, publish } from './commit.js'
import { locked, type Context } from './context.js'
import type { Daemons } from './daemons.js'
import { enlist, switchOn } from './forwarding.js'
import { prospect } from './prospect.js'
import { abandon, clear, whenQuiet } from './recovery.js'
import type { BatchRecord, NetworkRecord, PortRecord } from './record.js'
import { steps, type Steps } from './steps.js'
import { failure } from './undo.js'

export interface Start {
  readonly context: Context
  readonly daemons: Daemons
  readonly signal?: AbortSignal | undefined
}

const index = indexes()
/** Another process may choose the same index at the same moment. */
const ATTEMPTS = 3
/** The kernel says EEXIST both for a name and for an index; this is the index. */
class IndexTaken extends Error {}

/** What to start: names, and the definitions, chosen under the lock so that nobody else chooses alike. */
export interface Chosen { readonly names: readonly string[], readonly choose: () => Promise<readonly Definition[]> }

/** Throws the typed errors of `prospect`, KernelError, NETWRIGHT_DNSMASQ_*, the signal's reason; then nothing has changed. NETWRIGHT_UNDO_INCOMPLETE names what has. */
export async function start (chosen: Chosen, start: Start): Promise<readonly NetworkRecord[]> {
  for (let attempt = 1; ; attempt++) {
    try { return await once(chosen, start) } catch (error) {
      if (!(error instanceof IndexTaken) || attempt >= ATTEMPTS) throw error
    }
  }
}

async function once ({ names, choose }: Chosen, { context, daemons, signal }: Start): Promise<readonly NetworkRecord[]> {
  if (missingCapabilities('network').length > 0) await refuse(choose)
  const step = steps(context.hook, signal)
  const purpose = purposeOf(names)
  const { record, elements } = await whenQuiet({ context, daemons, purpose, networks: names, signal }, async () => await make(await choose(), purpose, { context, daemons, step }))
  try {
    await step.before('start dnsmasq')
    await daemons.start(record.networks.filter(({ dnsmasq }) => dnsmasq), { signal, ports: await portsOf(context, record) })
  } catch (error) {
    return await conclude(record, context, async () => await undo(record, { context, daemons }, error))
  }
  return await conclude(record, context, async () => {
    try { return await finish(record, elements, { context, step }) } catch (error) { return await undo(record, { context, daemons }, error) }
  })
}

/** The last part, under the lock. Where the lock cannot be had, what stands is left to whoever comes next. */
async function conclude<T> (record: BatchRecord, context: Context, work: () => Promise<T>): Promise<T> {
  const lock = { had: false }
  try {
    return await locked(context, record.purpose, undefined, async () => {
      lock.had = true
      return await work()
    })
  } catch (error) {
    if (lock.had) throw error
    await abandon(record, context)
    throw failure(record.purpose, error, record.networks.map(({ definition }) => ({ what: `network ${definition.name}`, error })))
  }
}

function purposeOf (names: readonly string[]): string {
  return `start ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${String(names.length - 3)} more` : ''}`
}

interface Making { readonly context: Context, readonly daemons: Daemons, readonly step: Steps }

/** Throws NETWRIGHT_NO_PERMISSION with all that is missing for these networks. Without permission there is no lock to choose under. */
async function refuse (choose: Chosen['choose']): Promise<void> {
  requireCapabilities('network', ...(await choose()).some(needsDnsmasq) ? ['dnsmasq' as const] : [])
}

/** Throws NETWRIGHT_NO_PERMISSION, NETWRIGHT_DNSMASQ_MISSING where these networks need what is not there. */
async function able (definitions: readonly Definition[]): Promise<void> {
  if (!definitions.some(needsDnsmasq)) return
  requireCapabilities('network', 'dnsmasq')
  await findDnsmasq()
}

/** An intent whose links stand, and what is to be committed for it. */
interface Made { readonly record: BatchRecord, readonly elements: readonly Request[] }

async function make (definitions: readonly Definition[], purpose: string, { context, daemons, step }: Making): Promise<Made> {
  await able(definitions)
  await stillThere(context.netns)
  await claimable(context)
  await prospect(context, definitions)
  await context.flows.forgotten(definitions.flatMap(reaches)) // a guest must not inherit its predecessor's connections
  const pace = pacer()
  const networks: NetworkRecord[] = []
  for (const definition of definitions) {
    const { links: [bridge], ...rest } = expand(definition, { index: index.next(), group: context.group })
    if (bridge !== undefined) networks.push({ definition, bridge, ...rest, dnsmasq: needsDnsmasq(definition) })
    await pace()
  }
  await step.before('write the journal')
  const record = await context.book.intend(purpose, { networks })
  try {
    await claim(context)
    await step.before('record forwarding')
    await enlist(context, networks.map(({ bridge, forwarding }) => ({ bridge: bridge.name, ...forwarding })))
    await step.before('make links')
    const elements = await makeLinks(context, networks)
    await step.before('write sysctls')
    await writeSysctls(context.netns.fd, networks.flatMap(({ sysctls }) => sysctls))
    return { record, elements }
  } catch (error) { return await undo(record, { context, daemons }, error) }
}

/** One send for all links, addresses and routes. Meanwhile the elements for the commit are encoded, and returned. */
async function makeLinks (context: Context, networks: readonly NetworkRecord[]): Promise<readonly Request[]> {
  const requests: Request[] = []
  const pace = pacer()
  for (const { bridge, addresses, routes } of networks) {
    requests.push(...linkRequests(bridge, { ipv6: context.ipv6 }).create, ...addresses.map(addressRequest), ...routes.map(routeRequest))
    await pace()
  }
  const [outcomes, elements] = await Promise.all([send(context.rtnl, requests), turn().then(async () => await elementsOf(context, networks))])
  if (outcomes.some(({ error, request }) => error !== undefined && isErrno(error, 'EEXIST') && request.name === 'RTM_NEWLINK')) await whichTaken(context, networks)
  for (const outcome of outcomes) settled(outcome, context)
  return elements
}

async function whichTaken (context: Context, networks: readonly NetworkRecord[]): Promise<void> {
  for (const { bridge } of networks) {
    const other = await readLink(context.rtnl, { index: bridge.index })
    if (other !== undefined && !isOurs(other, bridge)) throw new IndexTaken(`index ${String(bridge.index)} of ${bridge.name} is taken by ${other.name}`)
  }
}

/** Throws what an outcome says: a refusal, or that nobody knows. */
export function settled ({ request, error, acknowledged, warning }: Outcome, context: Context): void {
  if (warning !== undefined) context.logger.warn({ request: request.name, object: request.object }, warning)
  if (error !== undefined && isErrno(error, 'EEXIST') && request.name === 'RTM_NEWLINK') {
    throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `${request.object}: the name was taken a moment ago`, { cause: error, conflict: { kind: 'link', name: request.object } })
  }
  if (error !== undefined) throw error
  if (!acknowledged) throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${request.name} ${request.object}: the kernel's answer was lost`, { remedy: 'try again; everything was undone' })
}

async function finish (record: BatchRecord, elements: readonly Request[], { context, step }: Omit<Making, 'daemons'>): Promise<readonly NetworkRecord[]> {
  await step.before('commit nft')
  await publish(context, elements, record.networks)
  await step.before('switch forwarding on')
  await switchOn(context, record.networks.map(({ forwarding }) => forwarding))
  await step.before('bring ports back')
  await bringBack(context, record)
  await step.before('let the record stand')
  await context.book.stand(record)
  return record.networks
}

async function portsOf (context: Context, { networks }: BatchRecord): Promise<readonly PortRecord[]> {
  const names = new Set(networks.map(({ definition }) => definition.name))
  return (await context.book.look()).ports(names)
}

/** The ports that the last stop left, down and without master. One that is gone meanwhile (a TAP without descriptors) is no error. */
async function bringBack (context: Context, record: BatchRecord): Promise<void> {
  const requests: Request[] = []
  for (const port of await portsOf(context, record)) {
    const state = await readLink(context.rtnl, { index: port.link.index })
    const network = record.networks.find(({ definition }) => definition.name === port.network)
    if (network !== undefined && state !== undefined && isOurs({ ...state, name: port.link.name }, port.link)) requests.push(attachRequest(port.link, network.bridge.index))
  }
  for (const outcome of await send(context.rtnl, requests)) if (outcome.error === undefined || !isErrno(outcome.error, 'ENODEV')) settled(outcome, context)
}

async function undo (record: BatchRecord, { context, daemons }: Pick<Making, 'context' | 'daemons'>, reason: unknown): Promise<never> {
  throw failure(record.purpose, reason, await clear(record, { context, daemons }))
}
