/**
 * Links whose names are wanted back at once. Deleting a bridge takes the kernel 40 ms, renaming it 0.3 ms: so what goes is put down, renamed and
 * moved into a link group of its own, from where `removeGroup` deletes many at once later, twice as fast.
 */
import { randomInt } from 'node:crypto'
import { release } from 'node:os'
import { IFF_UP, link, type LinkMessage } from '../netlink/rtnl/link.js'
import type { Request } from '../netlink/request.js'
import { removeAddressRequest } from './addr.js'
import type { LinkState } from './link-state.js'
import type { AddressObject } from './object.js'

/** A buried link. `name` is what it was called. Its index and kind, with the group of its plot, prove it. */
export interface Buried { readonly index: number, readonly name: string, readonly kind: 'bridge' | 'tun' }

export interface Burial {
  readonly link: Buried
  readonly group: number
  /** Of the link. */
  readonly addresses: readonly AddressObject[]
  /** Its bridge stays. One that goes too is down, and deleting it sets its ports free. */
  readonly leaves: boolean
}

/** Buried links that are deleted by one request: they alone have this link group. */
export interface Plot { readonly group: number, readonly links: readonly Buried[] }

/** The name of a buried link: `nwx` and its index to base 36. Indexes are unique, so these names are; at most 9 bytes. */
export function graveName (index: number): string { return `nwx${index.toString(36)}` }

/** Whether the link is the one that was buried there; under which name it is does not matter. */
export function isBuried (state: Pick<LinkState, 'index' | 'kind' | 'group'>, plot: Plot): boolean {
  return state.group === plot.group && plot.links.some(({ index, kind }) => index === state.index && kind === state.kind)
}

/**
 * `ip addr del …`, then `ip link set NAME name nwx… group G nomaster down`. A link that is down keeps its IPv4 addresses with their local routes, and the
 * host answers ARP for them on every other link (tried); so they go first, for 0.05 ms. One that somebody else has added stays until the link is deleted.
 * A port whose bridge is buried with it is not put down, since each link that goes down waits for an RCU grace period: a bridge that is down takes no
 * frame from its ports (net/bridge/br_stp_if.c, br_stp_disable_bridge). The outcome of the last request tells whether the names are free.
 */
export function buryRequests ({ link: { index, name, kind }, group, addresses, leaves }: Burial): Request[] {
  const change = { index, ifname: graveName(index), group }
  const stays = kind === 'tun' && !leaves && renamesLive
  return [...addresses.map(removeAddressRequest), ...stays ? [link.change(change, name)] : downAnd({ ...change, ...leaves ? { master: 0 } : {} }, name)]
}

/** Since 6.2 the kernel renames links that are up. Source: net/core/dev.c, dev_change_name(). */
export const renamesLive = isSince(release(), 6, 2)

function isSince (version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number)
  return first > major || (first === major && second >= minor)
}

/** Puts a link down and changes it, in one message where the kernel can. */
export function downAnd ({ master, ...change }: LinkMessage, name: string): Request[] {
  const down = { ...master === undefined ? {} : { master }, flags: 0, change: IFF_UP }
  return renamesLive ? [link.change({ ...change, ...down }, name)] : [link.change({ ...change.index === undefined ? {} : { index: change.index }, ...down }, name), link.change(change, name)]
}

/** Milliseconds that everybody may have to wait for RTNL while a plot is deleted, and what a link takes. Measured: kernel 6.18, 2 processors. */
const HOLD = 200
const COST = { bridge: 24, tun: 1 } as const

/** Divides links into plots that the kernel deletes in a fifth of a second each, with a group for each: random ones, unless `next` gives others. */
export function plots (links: readonly Buried[], next: () => number = freshGroup): Plot[] {
  const found: Buried[][] = []
  let cost = HOLD
  for (const link of links) {
    cost += COST[link.kind]
    const last = found.at(-1)
    if (last === undefined || cost > HOLD) { found.push([link]); cost = COST[link.kind] } else last.push(link)
  }
  const groups = new Set<number>()
  while (groups.size < found.length) groups.add(next())
  return [...groups].map((group, i) => ({ group, links: found[i] ?? [] }))
}

/** The upper half of an owner's group: see `linkGroup`. */
const OWNERS = 0x6e77

/** Whether an owner may have this group. */
export const isOwners = (group: number): boolean => group >>> 16 === OWNERS

/** 31 bits, neither 0, the group of every ordinary link, nor one of those that owners have. */
function freshGroup (): number {
  for (;;) {
    const group = randomInt(1 << 16, 0x8000_0000)
    if (!isOwners(group)) return group
  }
}
