/** A link that is lent out of the pool. */
import type { Counters } from '../kernel/counters.js'
import type { Stripped } from '../kernel/launder.js'
import { poolName, reviveBridge } from '../kernel/strip.js'
import { walk } from '../netlink/attr.js'
import { common, ifinfomsg } from '../netlink/rtnl/ifinfo.js'
import type { Stocked } from './source.js'

/** Whether a link is where, and called what, it was when it was stripped. */
export function isAt (payload: Buffer, { index, group }: Stripped): boolean {
  const found = { group: false, name: false }
  for (const { type, payload: data } of walk(payload.subarray(ifinfomsg.size))) {
    if (type === common.group.number) found.group = common.group.codec.decode(data) === group
    else if (type === common.ifname.number) found.name = common.ifname.codec.decode(data) === poolName(index)
  }
  return found.group && found.name
}

/** `addrGenMode`: how a new link makes addresses, undefined without IPv6. */
export function stockedOf (index: number, counters: Counters, addrGenMode: number | undefined): Stocked {
  return { index, counters, requests: (object, { ipv6 = true }) => object.type === 'bridge' ? reviveBridge(object, ipv6 ? addrGenMode : undefined) : [] }
}
