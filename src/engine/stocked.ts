/** A link that is lent out of the pool. */
import type { Counters } from '../kernel/counters.js'
import type { Stripped } from '../kernel/launder.js'
import { poolName, reviveBridge, reviveTap } from '../kernel/strip.js'
import { openTap } from '../kernel/tap.js'
import { walk } from '../netlink/attr.js'
import { common, ifinfomsg } from '../netlink/rtnl/ifinfo.js'
import type { Stocked } from './source.js'

/** Whether a link is where, and called what, it was when it was stripped; and, where it is a TAP, whether no descriptor is open. */
export function isAt (payload: Buffer, { index, group, kind }: Stripped): boolean {
  const found = { group: false, name: false, closed: kind === 'bridge' }
  for (const { type, payload: data } of walk(payload.subarray(ifinfomsg.size))) {
    if (type === common.group.number) found.group = common.group.codec.decode(data) === group
    else if (type === common.ifname.number) found.name = common.ifname.codec.decode(data) === poolName(index)
    else if (type === common.carrier.number && kind === 'tun') found.closed = common.carrier.codec.decode(data) === 0
  }
  return found.group && found.name && found.closed
}

/** `addrGenMode`: how a new link makes addresses, undefined without IPv6. */
export function stockedOf (index: number, counters: Counters, addrGenMode: number | undefined, netns: number): Stocked {
  return {
    index, counters,
    requests: (object, { ipv6 = true }) => {
      const mode = ipv6 ? addrGenMode : undefined
      return object.type === 'bridge' ? reviveBridge(object, mode) : object.type === 'tap' ? reviveTap(object, mode) : []
    },
    open: async (tap) => (await openTap(netns, tap)).fds,
  }
}
