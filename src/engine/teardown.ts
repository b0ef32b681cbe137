/**
 * Takes away whatever a record names. One function for stop, for the undo of a failed start, and for what a dead process left:
 * each part looks at what is there, goes on after a failure, and what could not be removed is returned by name.
 *
 * Links go before the nft elements: a guest must never have a path without a firewall.
 */
import { describe, type LinkObject } from '../kernel/object.js'
import { detachRequest, removeRequest } from '../kernel/link.js'
import { isOurs, readEach, readLink, type LinkState } from '../kernel/link-state.js'
import { send } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import { unclaim } from './claim.js'
import { withdraw } from './commit.js'
import type { Context } from './context.js'
import type { Daemons } from './daemons.js'
import { dismiss, dismissed, type Dismissed } from './forwarding.js'
import type { BatchRecord, PortRecord } from './record.js'
import type { Steps } from './steps.js'

export interface Teardown {
  readonly context: Context
  readonly daemons: Daemons
  readonly steps: Steps
  /** Ports of the networks that stay, down and without master, for the next start. */
  readonly keep?: readonly PortRecord[]
}

/** One thing that still stands, and why. */
export interface Left { readonly what: string, readonly error: unknown }

/** Removes all that `record` names from kernel and processes. The caller holds the lock and keeps the record in the journal while anything is left. */
export async function teardown (record: BatchRecord, { context, daemons, steps, keep = [] }: Teardown): Promise<readonly Left[]> {
  const left: Left[] = []
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try { await steps.before(`remove ${what}`); await work() } catch (error) {
      left.push({ what, error })
      context.logger.error({ err: error, what }, `${what} could not be removed`)
    }
  }
  const { networks } = record
  await attempt('dnsmasq', async () => { await daemons.stop(networks.filter(({ dnsmasq }) => dnsmasq)) })
  await attempt('links', async () => { await removeLinks(context, record, keep, left) })
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
  const standing = (await context.book.standing()).flatMap(({ networks }) => networks)
  return new Set(standing.map(({ bridge }) => bridge.index).filter((index) => !going.has(index))).size
}

/** Whether the owner has no other record with a network: neither one that stands nor one that somebody is at. */
async function alone (context: Context, record: BatchRecord): Promise<boolean> {
  return await remaining(context, record) === 0 && (await context.book.journal()).every(({ id, networks }) => id === record.id || networks.length === 0)
}

async function removeLinks (context: Context, record: BatchRecord, keep: readonly PortRecord[], left: Left[]): Promise<void> {
  const going: LinkObject[] = [...record.ports.map(({ link }) => link), ...record.networks.map(({ bridge }) => bridge)]
  const [kept, found] = await Promise.all([present(context, keep.map(({ link }) => link)), present(context, going)])
  const outcomes = await send(context.rtnl, [...kept.map(detachRequest), ...found.map(removeRequest)])
  for (const [index, { error, acknowledged }] of outcomes.entries()) {
    const link = [...kept, ...found][index]
    if (link === undefined || (error === undefined && acknowledged)) continue
    if (error !== undefined && (isErrno(error, 'ENODEV') || isErrno(error, 'EINVAL'))) { if (await readLink(context.rtnl, { index: link.index }) === undefined) continue }
    if (error === undefined && await readLink(context.rtnl, { index: link.index }) === undefined) continue
    left.push({ what: describe(link), error })
  }
}

/** A TAP gets its group only after it is made: killed in between, a persistent one stands with the name and the index that were chosen for it. */
function isUnfinished (state: LinkState, link: LinkObject): boolean {
  return link.type === 'tap' && state.group === 0 && isOurs({ ...state, group: link.group }, link)
}

/** Those of the links that are there and are ours: index, kind and group prove it; a link that was renamed is still ours. */
async function present<T extends LinkObject> (context: Context, links: readonly T[]): Promise<T[]> {
  const states = await readEach(context.rtnl, links.map(({ index }) => ({ index })))
  return links.filter((link, i) => {
    const state = states[i]
    if (state === undefined) return false
    const ours = isOurs({ ...state, name: link.name }, link) || isUnfinished(state, link)
    if (!ours) context.logger.warn({ link: state.name, index: state.index }, `${describe(link)} is left alone: another link has its index now`)
    return ours
  })
}
