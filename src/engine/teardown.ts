/**
 * Takes away whatever a record names. One function for stop, for the undo of a failed start, and for what a dead process left:
 * each part looks at what is there, goes on after a failure, and what could not be removed is returned by name.
 *
 * Links go before the nft elements: a guest must never have a path without a firewall. Bridges and TAPs are only buried here, or stripped and
 * kept for the next network: their names are free at once, and the sexton deletes them later.
 */
import { describe, type BridgeObject, type LinkObject, type TapObject } from '../kernel/object.js'
import { buryRequests, isBuried, type Burial } from '../kernel/burial.js'
import { glanceEach, type Glance } from '../kernel/glance.js'
import { detachRequest, removeRequest } from '../kernel/link.js'
import { isOurs, readLink } from '../kernel/link-state.js'
import { stripRequests } from '../kernel/strip.js'
import { mapSlowly } from '../netlink/breathe.js'
import { send } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import type { Request } from '../netlink/request.js'
import { unclaim } from './claim.js'
import { withdraw } from './commit.js'
import type { Context } from './context.js'
import type { Daemons } from './daemons.js'
import { forgottenOf, type Forgotten } from './flows.js'
import { dismiss, dismissed, type Dismissed } from './forwarding.js'
import type { Grave } from './graves.js'
import type { Kept } from './recycle.js'
import type { BatchRecord, NetworkRecord, PortRecord } from './record.js'
import type { Steps } from './steps.js'

export interface Teardown {
  readonly context: Context
  readonly daemons: Daemons
  readonly steps: Steps
  /** Ports of the networks that stay, down and without master, for the next start. */
  readonly keep?: readonly PortRecord[]
  /** Gets what is buried: for the sexton, once the rest is done. */
  readonly graves: Grave[]
  /** Gets what is kept for the next network: for the stock, once nothing names it any more. */
  readonly kept: Kept[]
}

/** One thing that still stands, and why. */
export interface Left { readonly what: string, readonly error: unknown }

/** Removes all that `record` names from kernel and processes. The caller holds the lock and keeps the record in the journal while anything is left. */
export async function teardown (record: BatchRecord, { context, daemons, steps, keep = [], graves, kept }: Teardown): Promise<readonly Left[]> {
  const left: Left[] = []
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try { await steps.before(`remove ${what}`); await work() } catch (error) {
      left.push({ what, error })
      context.logger.error({ err: error, what }, `${what} could not be removed`)
    }
  }
  const { networks } = record
  const flows = forgottenOf(record, record.ports.length === 0 ? [] : (await context.book.standing()).flatMap((one) => one.networks))
  await attempt('dnsmasq', async () => { await daemons.stop(networks.filter(({ dnsmasq }) => dnsmasq)) })
  await attempt('links', async () => { await removeLinks(record, { context, steps, keep, graves, kept, left, flows }) })
  context.flows.forget(flows)
  if (networks.length === 0) return left
  let loss: Dismissed = {}
  await attempt('forwarding', async () => { loss = await dismiss(context, networks.filter(({ forwarding }) => forwarding.ipv4 || forwarding.ipv6).map(({ bridge }) => bridge.name)) })
  await attempt('nft elements', async () => { await withdraw(context, networks, await remaining(context, record), loss); await dismissed(context, loss) })
  await attempt('files', async () => { await daemons.forget(networks) })
  if (left.length === 0 && await alone(context, record)) await attempt('claim', async () => { await unclaim(context) })
  return left
}

/** How many networks of this owner stand beside those of the record. */
async function remaining (context: Context, record: BatchRecord): Promise<number> {
  const going = new Set(record.networks.map(({ bridge }) => bridge.index))
  const standing = await context.book.look()
  return standing.size - [...going].filter((index) => standing.bridge(index) !== undefined).length
}

/** Whether the owner has no other record with a network: neither one that stands nor one that somebody is at. */
async function alone (context: Context, record: BatchRecord): Promise<boolean> {
  return await remaining(context, record) === 0 && (await context.book.journal()).every(({ id, networks }) => id === record.id || networks.length === 0)
}

interface Removal { readonly context: Context, readonly steps: Steps, readonly keep: readonly PortRecord[], readonly graves: Grave[], readonly kept: Kept[], readonly left: Left[], readonly flows: readonly Forgotten[] }

/** Pairs go at once: their other end's name, in a guest's namespace, must be free too. So do macvtaps, whose device is not ours. */
type Buriable = BridgeObject | TapObject
const isBuriable = (link: LinkObject): link is Buriable => link.type === 'bridge' || link.type === 'tap'

async function removeLinks (record: BatchRecord, { context, steps, keep, graves, kept, left, flows }: Removal): Promise<void> {
  const going: LinkObject[] = [...record.ports.map(({ link }) => link), ...record.networks.map(({ bridge }) => bridge)]
  const staying = await present(context, keep.map(({ link }) => link))
  const found = await present(context, going)
  const buried = found.filter(isBuriable)
  if (buried.length > 0) await steps.before('dig a grave')
  const networks = new Map(record.networks.map((network) => [network.bridge.index, network]))
  // What a bridge was told while its network was updated may not show.
  const stashed = await stash(context, buried.filter(({ index }) => networks.get(index)?.revision === undefined))
  if (stashed !== undefined) kept.push(stashed)
  const rest = buried.filter(({ index }) => stashed?.sites.has(index) !== true)
  const grave = buried.length === 0 ? undefined : await dig(context, rest, flows)
  if (grave !== undefined) graves.push(grave)
  const sites = new Map(grave?.plots.flatMap((plot) => plot.links.map((link) => [link.index, { link, group: plot.group }])))
  const failed = [
    ...await carryOut(context, staying, (link) => [detachRequest(link)]),
    ...await carryOut(context, found, (link) => requestsFor(link, { site: sites.get(link.index), stash: stashed?.sites, networks })),
  ]
  // What cannot be buried (somebody has taken even that name) can still be deleted.
  const again = failed.flatMap(({ link }) => isBuriable(link) && found.includes(link) ? [link] : [])
  const stubborn = await carryOut(context, again, (link) => [removeRequest(link)])
  for (const { link, error } of [...failed.filter((one) => !again.some((link) => link === one.link)), ...stubborn]) left.push({ what: describe(link), error })
}

/** So many links in one send: while the kernel is at some, the requests of the next ones are made. */
const SOME = 64

/** A link that is still there as it was, and why. */
interface Failed { readonly link: LinkObject, readonly error: unknown }

/** What is done to each link, in order; its last request tells whether it is done. */
async function carryOut (context: Context, links: readonly LinkObject[], requestsOf: (link: LinkObject) => readonly Request[]): Promise<readonly Failed[]> {
  const sent: Promise<readonly Failed[]>[] = []
  for (let at = 0; at < links.length; at += SOME) {
    const works = await mapSlowly(links.slice(at, at + SOME), (link) => ({ link, requests: requestsOf(link) }))
    const one = deliver(context, works)
    one.catch(() => undefined) // all of them come to their end, then it is thrown
    sent.push(one)
  }
  await Promise.allSettled(sent)
  return (await Promise.all(sent)).flat()
}

async function deliver (context: Context, works: readonly { readonly link: LinkObject, readonly requests: readonly Request[] }[]): Promise<readonly Failed[]> {
  const outcomes = await send(context.rtnl, works.flatMap(({ requests }) => requests))
  const failed: Failed[] = []
  let last = -1
  for (const { link, requests } of works) {
    last += requests.length
    const { error, acknowledged } = outcomes[last] ?? { acknowledged: false }
    if (error === undefined && acknowledged) continue
    if ((error === undefined || isErrno(error, 'ENODEV') || isErrno(error, 'EINVAL')) && await readLink(context.rtnl, { index: link.index }) === undefined) continue
    failed.push({ link, error })
  }
  return failed
}

/** Undefined where nothing is kept. */
async function stash ({ stock, logger }: Context, links: readonly Buriable[]): Promise<Kept | undefined> {
  try { return await stock?.dig(links) } catch (error) {
    logger.warn({ err: error }, 'links are not kept for the next network: it cannot be written down')
    return undefined
  }
}

/** Undefined where there is nothing to bury or forget, or no room on the disk to write it down. */
async function dig ({ graves, logger }: Context, links: readonly Buriable[], flows: readonly Forgotten[]): Promise<Grave | undefined> {
  if (links.length + flows.length === 0) return undefined
  try { return await graves.dig(links.map((link) => ({ index: link.index, name: link.name, kind: link.type === 'tap' ? 'tun' : 'bridge' })), flows) } catch (error) {
    logger.warn({ err: error }, 'links are deleted one by one, which takes longer: it cannot be written down that they wait for it')
    return undefined
  }
}

/** `site`: where it is to be buried; `stash`: what is kept instead. */
interface Whither { readonly site: Pick<Burial, 'link' | 'group'> | undefined, readonly stash: Kept['sites'] | undefined, readonly networks: ReadonlyMap<number, NetworkRecord> }

function requestsFor (link: LinkObject, { site, stash, networks }: Whither): readonly Request[] {
  const addresses = networks.get(link.index)?.addresses ?? []
  const place = stash?.get(link.index)
  const master = 'master' in link ? link.master ?? 0 : 0
  // Ports of a bridge that is kept leave it when they are laundered; one that is buried may be gone by then, and they must not be up without it.
  if (place !== undefined) return stripRequests({ ...place, addresses, leaves: !networks.has(master) || stash?.has(master) !== true })
  if (site === undefined) return [removeRequest(link)]
  // Deleting a bridge sets its ports free, keeping one does not.
  return buryRequests({ ...site, addresses, leaves: link.type !== 'bridge' && (!networks.has(master) || stash?.has(master) === true) })
}

/** A TAP gets its group only after it is made: killed in between, a persistent one stands with the name and the index that were chosen for it. */
function isUnfinished (state: Glance, link: LinkObject): boolean {
  return link.type === 'tap' && state.group === 0 && isOurs({ ...state, group: link.group }, link)
}

/** Those of the links that are there and are ours: index, kind and group prove it; a link that was renamed is still ours. */
async function present<T extends LinkObject> (context: Context, links: readonly T[]): Promise<T[]> {
  const states = await glanceEach(context.rtnl, links.map(({ index }) => index))
  // Whoever was killed in between has buried some: they are the sexton's.
  const graves = states.some((state, i) => state !== undefined && state.group !== links[i]?.group) ? await context.graves.all() : []
  return links.filter((link, i) => {
    const state = states[i]
    if (state === undefined) return false
    const ours = isOurs({ ...state, name: link.name }, link) || isUnfinished(state, link)
    if (!ours && !graves.some(({ plots }) => plots.some((plot) => isBuried(state, plot)))) context.logger.warn({ link: state.name, index: state.index }, `${describe(link)} is left alone: another link has its index now`)
    return ours
  })
}
