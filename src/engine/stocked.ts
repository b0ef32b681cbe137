/** A link that is lent out of the pool. */
import type { Counters } from '../kernel/counters.js'
import type { Glance } from '../kernel/glance.js'
import { anybodys, type Stripped } from '../kernel/launder.js'
import { poolName, reviveBridge, reviveTap } from '../kernel/strip.js'
import { openTap } from '../kernel/tap.js'
import { native } from '../netlink/native.js'
import { tapOf } from './shape.js'
import type { Stocked } from './source.js'

/** Whether a link is where, and called what, it was when it was stripped; and, where it is a TAP, whether no descriptor is open. */
export function isAt (seen: Glance, { index, group, kind }: Stripped): boolean {
  return seen.group === group && seen.name === poolName(index) && (kind === 'bridge' || !seen.carrier)
}

/** Whether somebody has a descriptor of a kept TAP that its owner may open, which does not show. */
export async function isHeld (index: number, shape: string, netns: number): Promise<boolean> {
  const tap = tapOf(shape)
  return tap !== undefined && anybodys(tap) && await native().tapRenew(netns, poolName(index), index, tap).then(() => false, () => true)
}

/** `addrGenMode`: how a new link makes addresses, undefined without IPv6. */
export function stockedOf (index: number, counters: Counters, addrGenMode: number | undefined, netns: number): Stocked {
  return {
    index, counters,
    requests: (object, { ipv6 = true }) => {
      const mode = ipv6 ? addrGenMode : undefined
      return object.type === 'bridge' ? reviveBridge(object, mode) : object.type === 'tap' ? reviveTap(object, mode) : []
    },
    // It is opened while it has its old name still: descriptors go with the link.
    open: async (tap) => (await openTap(netns, { ...tap, name: poolName(index) })).fds,
  }
}
