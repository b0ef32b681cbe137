/** Carries layer 3 over from a link to another in as few sends as can be; and enslaves and releases the link that frames pass by. */
import { setImmediate as breathe } from 'node:timers/promises'
import { NetwrightError } from '../errors.js'
import { allRoutes, belongings, monotonic, type Footprint } from '../kernel/footprint.js'
import { giveAddresses, giveNeighbours, isSix, keyOf, missingRoutes, moveRoutes, settleAddresses, takeAddresses, takeNeighbours, takePrefixes } from '../kernel/shift.js'
import type { Known } from '../kernel/link.js'
import { readRawLink } from '../kernel/uplink.js'
import type { Netns } from '../kernel/netns.js'
import { send } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import type { Request } from '../netlink/request.js'
import { IN6_ADDR_GEN_MODE_NONE, link } from '../netlink/rtnl/link.js'
import type { Context } from './context.js'
import type { Left } from './teardown.js'

export type Means = Pick<Context, 'rtnl' | 'logger' | 'hook'> & { readonly netns: Pick<Netns, 'fd'> }

/** Requests, and refusals that only say that it is so already. */
export interface Deal { readonly requests: readonly Request[], readonly unless?: readonly string[] }

export const THERE = ['EEXIST'] as const
export const GONE = ['EADDRNOTAVAIL', 'ENOENT', 'ESRCH', 'ENODEV'] as const

/** In one send. Later ones run even where an earlier one was refused; what was refused is returned. */
export async function deal (deals: readonly Deal[], { rtnl }: Pick<Means, 'rtnl'>): Promise<readonly Left[]> {
  const all = deals.flatMap(({ requests, unless = [] }) => requests.map((request) => ({ request, unless })))
  const outcomes = await send(rtnl, all.map(({ request }) => request))
  return outcomes.flatMap(({ request: { object, name }, error, acknowledged }, at): Left[] => {
    if (error === undefined) return acknowledged ? [] : [{ what: object, error: new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${name} ${object}: the kernel's answer was lost`) }]
    return (all[at]?.unless ?? []).some((code) => isErrno(error, code)) ? [] : [{ what: object, error }]
  })
}

/** All of it, or the first refusal is thrown. */
export async function demand (deals: readonly Deal[], means: Pick<Means, 'rtnl'>): Promise<void> {
  const [first] = await deal(deals, means)
  if (first !== undefined) throw first.error
}

/** `home` is where the footprint was read. */
export interface Way { readonly footprint: Footprint, readonly home: Known, readonly from: Known, readonly to: Known }

const elapsed = ({ at }: Footprint): number => Math.max(0, (monotonic() - at) / 1_000)

/** IPv4 before the links are changed: the kernel takes an address on several links, and the first one counts. */
export function ahead ({ footprint, home, to }: Way): readonly Deal[] {
  return [{ requests: giveAddresses(belongings(footprint).addresses.filter((one) => !isSix(one)), { from: home, to }, elapsed(footprint)), unless: THERE }]
}

/** What makes the new place whole: addresses, then routes changed over in place, then neighbours. */
export async function arrival ({ footprint, home, from, to }: Way, { rtnl }: Pick<Means, 'rtnl'>): Promise<readonly Deal[]> {
  const { addresses, routes, neighbours } = belongings(footprint)
  const keys = new Set(routes.map(keyOf))
  // Others of the same key stand in the list, so that it is known which is the first.
  const all = (await allRoutes(rtnl)).filter((route) => keys.has(keyOf(route)))
  return [
    { requests: giveAddresses(addresses, { from: home, to }, elapsed(footprint)), unless: THERE },
    { requests: moveRoutes(all, addresses, { from, to }), unless: [...THERE, ...GONE] },
    { requests: giveNeighbours(neighbours, { from, to }), unless: THERE },
  ]
}

/** What is left at the old place. */
export function departure ({ footprint, from, to }: Way): readonly Deal[] {
  const { addresses, routes, neighbours } = belongings(footprint)
  return [{ requests: [...takeAddresses(addresses, { from, to }), ...takePrefixes(routes, addresses, { from, to }), ...takeNeighbours(neighbours, { from, to })], unless: GONE }]
}

/** Afterwards: addresses are as they were asked for, and routes that the kernel dropped meanwhile are back. Returns what is not. */
export async function settling ({ footprint, home, to }: Way, means: Pick<Means, 'rtnl'>): Promise<readonly Left[]> {
  const { addresses, routes } = belongings(footprint)
  const left = await deal([{ requests: settleAddresses(addresses, { from: home, to }, elapsed(footprint)) }], means)
  if (home.index !== to.index) return left
  return [...left, ...await deal([{ requests: missingRoutes(routes, await allRoutes(means.rtnl), to, elapsed(footprint)), unless: THERE }], means)]
}

/** `ip link set PORT master BRIDGE`; it makes no link-local addresses any more. */
export function enslave (port: Known, bridge: Known): Request { return link.change({ index: port.index, master: bridge.index }, port.name) }
/** `ip link set PORT addrgenmode none`. */
export function silence (dev: Known): Request { return link.change({ index: dev.index, afSpec: { inet6: { addrGenMode: IN6_ADDR_GEN_MODE_NONE } } }, dev.name) }
/** `ip link set PORT nomaster`, and its link-local addresses are made as before. */
export function release ({ index, name }: Known, addrGenMode: number | undefined): readonly Request[] {
  return [link.change({ index, master: 0 }, name), ...addrGenMode === undefined ? [] : [link.change({ index, afSpec: { inet6: { addrGenMode } } }, name)]]
}

/** IF_OPER_UP. Source: include/uapi/linux/if.h. */
const OPER_UP = 6
/** Milliseconds; the kernel's worker takes one or two, and a second where there is much to notice. */
const PATIENCE = 5_000

/** Resolves when a bridge that has just got a port sends by it: until its carrier is noticed (linkwatch) it drops what it is given. */
export async function carries (bridge: Known, { rtnl }: Pick<Means, 'rtnl'>): Promise<void> {
  const deadline = performance.now() + PATIENCE
  while ((await readRawLink(rtnl, { index: bridge.index }))?.operstate !== OPER_UP) {
    if (performance.now() > deadline) throw new NetwrightError('NETWRIGHT_UPLINK_UNFIT', `bridge ${bridge.name} has no carrier although it has a port`, { conflict: { kind: 'link', name: bridge.name, detail: 'no carrier' } })
    await breathe()
  }
}
