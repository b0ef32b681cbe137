/** Reads what a link has carried out of the kernel's description of it. */
import { walk } from '../netlink/attr.js'
import { common, ifinfomsg, linkStats64 } from '../netlink/rtnl/ifinfo.js'
import { counters, type Counters } from './counters.js'

/** From the payload of an RTM_NEWLINK. */
export function countersIn (payload: Buffer): Counters {
  for (const { type, payload: data } of walk(payload.subarray(ifinfomsg.size))) {
    if (type !== common.stats64.number) continue
    const counted = linkStats64.decode(data)
    return counters((key) => Number(counted[key]))
  }
  return counters(() => 0)
}
