/**
 * What a batch makes in the kernel. The bridges go out while the TAPs are made; a slice of requests is encoded while the kernel works on the one before,
 * and the firewall's elements are encoded meanwhile. Where nothing else is to come before it, they are committed meanwhile, too.
 *
 * A guest never has a path without a firewall: ports of networks that are new join their bridge after the commit.
 */
import { KernelError, NetwrightError } from '../errors.js'
import { addressRequest, readAddresses, removeAddressRequest } from '../kernel/addr.js'
import { attachRequest, type Surroundings } from '../kernel/link.js'
import { isOurs, readEach } from '../kernel/link-state.js'
import type { LinkObject } from '../kernel/object.js'
import { routeRequest } from '../kernel/route.js'
import { addMembers, removeMembers } from '../kernel/ruleset.js'
import { writeSysctls } from '../kernel/sysctl.js'
import { turn } from '../netlink/breathe.js'
import type { Request } from '../netlink/request.js'
import type { Batch, ComingUpdate } from './batch.js'
import type { ComingPort } from './coming-port.js'
import { endChains, makeChains } from './chains.js'
import { elementsOf } from './commit.js'
import type { Context } from './context.js'
import type { Tolerant } from './difference.js'
import { furnishGuests } from './guest-side.js'
import { gathered, sendPieces, type Piece, type Sending } from './sending.js'
import { joiningRequests, makingRequests } from './source.js'
import { stopIfAborted, type Steps } from './steps.js'
import { makeTaps, type TapFds } from './taps.js'

/** The kernel says EEXIST (EBUSY for a TAP) both for a name and for an index; this is the index, which another process chose at the same moment. */
export class IndexTaken extends Error {}

export interface Making {
  readonly context: Context
  readonly step: Steps
  readonly signal: AbortSignal | undefined
  /** Gets what is opened, also where it throws. */
  readonly fds: TapFds
}

/** Commits what makes the networks of a batch reachable. */
export type Publish = (elements: readonly Request[]) => Promise<void>

/**
 * Links, addresses, routes, sysctls and guests' sides. Returns what is to be committed for them. With `publish` that is done here, as soon as the networks'
 * own links are there: then ports join them at once, while without they wait for `joinPorts`. Throws IndexTaken, KernelError, NETWRIGHT_NAME_IN_USE, NETWRIGHT_UNKNOWN_OUTCOME.
 */
export async function makeBatch (batch: Batch, making: Making, publish?: Publish): Promise<readonly Request[]> {
  const { context, step, fds } = making
  const taps = batch.ports.some(({ record }) => record.link.type === 'tap')
  if (taps) await step.before('make TAPs')
  await step.before('make links')
  const sending = sendingOf(making)
  try {
    const made = taps ? makeTaps(context, batch.ports, fds) : Promise.resolve()
    const networks = makeNetworks(batch, making, { publish, made })
    // TAPs that take the last descriptor are to blame, not who needs one meanwhile.
    const [, { elements, ports }] = await all([made, networks])
    await sendPieces(ports, sending)
    if (batch.updates.length > 0) await changeNetworks(batch, making)
    if (batch.ports.some(({ guest }) => guest !== undefined)) {
      await step.before('furnish guests\' sides')
      await furnishGuests(context, batch.ports)
    }
    return elements
  } catch (error) {
    if (collided(error)) await whichTaken(context, [...batch.networks.map(({ record }) => record.bridge), ...batch.ports.map(({ record }) => record.link)])
    throw error
  }
}

/** `made`: TAPs are there, and those that are to be are open. */
interface Meanwhile { readonly publish: Publish | undefined, readonly made: Promise<void> }

/**
 * What networks are without their ports, whose requests are encoded meanwhile. TAPs that come out of the stock are finished meanwhile, too: all but joining.
 * Without `publish` there may be much to do before a port is of use.
 */
async function makeNetworks (batch: Batch, making: Making, { publish, made }: Meanwhile): Promise<{ readonly elements: readonly Request[], readonly ports: readonly Piece[] }> {
  const { context, step } = making
  const around = surroundings(context)
  const early = new Set(publish === undefined ? [] : batch.ports.filter(({ stocked, record }) => stocked !== undefined && record.link.type === 'tap'))
  const links = sendPieces(networkPieces(batch, around), sendingOf(making))
  // Behind the bridges: the commit waits for those.
  const stocked = early.size === 0 ? undefined : all([links, made]).then(async () => { await sendPieces(preparing(early, around), sendingOf(making)) })
  const network = async (): Promise<readonly [readonly Request[], readonly Piece[]]> => {
    const [elements] = await all([turn().then(async () => await encode(context, batch)), links])
    const [ports] = await all([
      gathered(portPieces(batch, around, { joining: publish !== undefined, early })),
      (async () => {
        if (batch.networks.length > 0) await step.before('write sysctls')
        await writeSysctls(context.netns.fd, batch.networks.flatMap(({ record }) => record.sysctls))
        await publish?.(elements)
      })(),
    ])
    return [elements, ports]
  }
  const [[elements, ports]] = await all([network(), stocked])
  return { elements, ports }
}

/** What running networks get before the commit. */
async function changeNetworks ({ updates }: Batch, making: Making): Promise<void> {
  const { context, step } = making
  await step.before('change links')
  await sendPieces(tolerantPieces(updates, ({ difference }) => difference.first), sendingOf(making))
  await step.before('write sysctls')
  await writeSysctls(context.netns.fd, updates.flatMap(({ difference }) => difference.sysctls))
}

/** Waits for all of them, then throws what the first of them in the list threw: an undo must not meet what is still on its way. */
export async function all<T extends readonly unknown[] | []> (works: T): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(works)
  return await Promise.all(works)
}

const surroundings = ({ ipv6 }: Context): Surroundings => ({ ipv6 })
const sendingOf = ({ context, signal }: Pick<Making, 'context' | 'signal'>): Sending => ({ context, transport: context.rtnl, stop: () => { stopIfAborted(signal, 'make links') } })

function * networkPieces ({ networks }: Batch, around: Surroundings): Generator<Piece> {
  for (const { record: { bridge, addresses, routes }, about, stocked } of networks) {
    yield { about, requests: [...makingRequests(bridge, stocked, around), ...addresses.map(addressRequest), ...routes.map(routeRequest)] }
  }
}

/** `joining`: also those of networks that are new join them. `early`: these are finished but for that. */
function * portPieces ({ ports }: Batch, around: Surroundings, { joining, early }: { readonly joining: boolean, readonly early: ReadonlySet<ComingPort> }): Generator<Piece> {
  for (const port of ports) {
    const { record: { link }, about, stocked, fresh } = port
    yield { about, requests: [...early.has(port) ? [] : makingRequests(link, stocked, within(port, around)), ...fresh && !joining ? [] : joiningRequests(link)] }
  }
}

function * preparing (ports: Iterable<ComingPort>, around: Surroundings): Generator<Piece> {
  for (const port of ports) yield { about: port.about, requests: makingRequests(port.record.link, port.stocked, within(port, around)) }
}

const within = ({ guest }: ComingPort, around: Surroundings): Surroundings => guest === undefined ? around : { ...around, peerNetns: guest.fd }

function * tolerantPieces (updates: readonly ComingUpdate[], part: (update: ComingUpdate) => readonly Tolerant[]): Generator<Piece> {
  for (const update of updates) for (const { request, unless } of part(update)) yield { about: update.about, requests: [request], unless }
}

async function encode (context: Context, { networks, updates }: Batch): Promise<readonly Request[]> {
  const [added, removed] = [updates.flatMap(({ difference }) => difference.added), updates.flatMap(({ difference }) => difference.removed)]
  const chains = updates.map(({ difference }) => difference.chains)
  return [
    ...removeMembers(context.table, removed), ...await makeChains(context, chains), ...await elementsOf(context, networks.map(({ record }) => record)),
    ...addMembers(context.table, added), ...endChains(context, chains.flatMap((one) => one.removed)),
  ]
}

function collided (error: unknown): boolean {
  const cause = error instanceof NetwrightError && error.code === 'NETWRIGHT_NAME_IN_USE' ? error.cause : error
  return cause instanceof KernelError && (cause.errnoName === 'EEXIST' || cause.errnoName === 'EBUSY')
}

async function whichTaken (context: Context, links: readonly LinkObject[]): Promise<void> {
  const states = await readEach(context.rtnl, links.map(({ index }) => ({ index })))
  for (const [i, link] of links.entries()) {
    const other = states[i]
    // A TAP gets its group only after it is made.
    if (other !== undefined && !isOurs({ ...other, group: link.group }, link)) throw new IndexTaken(`index ${String(link.index)} of ${link.name} is taken by ${other.name}`)
  }
}

/**
 * After the commit: ports of new networks join them, those that the last stop left come back, and what an update takes away goes.
 * A kept port that is gone meanwhile (a TAP without descriptors) is no error. `joined`: the new ones have done it.
 */
export async function joinPorts (batch: Batch, making: Omit<Making, 'fds'>, joined: boolean): Promise<void> {
  const { context } = making
  const back = await returning(batch, context)
  const pieces: Piece[] = [
    ...batch.ports.filter(({ fresh }) => fresh && !joined).map((port) => ({ about: port.about, requests: joiningRequests(port.record.link) })),
    ...back.map((request) => ({ requests: [request], unless: ['ENODEV'] })),
    ...tolerantPieces(batch.updates, ({ difference }) => difference.last),
  ]
  await sendPieces(pieces, sendingOf(making))
  await dropLinkLocal(batch.updates, making)
}

async function returning ({ kept, networks }: Batch, context: Context): Promise<readonly Request[]> {
  if (kept.length === 0) return []
  const bridges = new Map(networks.map(({ record }) => [record.definition.name, record.bridge.index]))
  const states = await readEach(context.rtnl, kept.map(({ link }) => ({ index: link.index })))
  return kept.flatMap(({ network, link }, i) => {
    const [bridge, state] = [bridges.get(network), states[i]]
    return bridge === undefined || state === undefined || !isOurs({ ...state, name: link.name }, link) ? [] : [attachRequest(link, bridge)]
  })
}

/** `ip addr del fe80::…`: which one the kernel made depends on the MAC that the bridge had then, so it is read. */
async function dropLinkLocal (updates: readonly Pick<ComingUpdate, 'after' | 'difference' | 'about'>[], making: Omit<Making, 'fds'>): Promise<void> {
  const { context } = making
  for (const { after: { bridge, addresses }, difference, about } of updates) {
    if (difference.linkLocal !== 'goes') continue
    const own = new Set(addresses.map(({ address }) => address))
    const found = (await readAddresses(context.rtnl, bridge.index)).filter(({ address }) => /^fe[89ab]/i.test(address) && !own.has(address))
    const requests = found.map(({ address, prefix }) => removeAddressRequest({ type: 'address', dev: bridge.name, index: bridge.index, address, prefix }))
    await sendPieces([{ about, requests, unless: ['EADDRNOTAVAIL'] }], sendingOf(making))
  }
}

/** All that the difference of two records is in the kernel but for the firewall, at once: brings back what an update that failed or died has changed. */
export async function putBack (update: Pick<ComingUpdate, 'after' | 'difference' | 'about'>, making: Omit<Making, 'fds'>): Promise<void> {
  const { context } = making
  const { difference: { first, last, sysctls }, about } = update
  const gone = ['ENODEV'] // somebody has deleted the bridge
  const piece = ({ request, unless }: Tolerant): Piece => ({ about, requests: [request], unless: [...unless, ...gone] })
  await sendPieces(first.map(piece), sendingOf(making))
  await writeSysctls(context.netns.fd, sysctls)
  await sendPieces(last.map(piece), sendingOf(making))
  await dropLinkLocal([update], making)
}
