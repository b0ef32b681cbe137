/** Reads what a link has carried out of the kernel's description of it. */
import { u64 } from '../bytes/codec.js'
import { attributeAt } from '../netlink/scan.js'
import { common, ifinfomsg, linkStats64 } from '../netlink/rtnl/ifinfo.js'
import { counters, type Counters } from './counters.js'

/** From the payload of an RTM_NEWLINK. */
export function countersIn (payload: Buffer): Counters {
  const data = attributeAt(payload, ifinfomsg.size, common.stats64.number)
  return counters((key) => {
    const [offset] = linkStats64.members[key] ?? [Infinity]
    return data === undefined || data.length < offset + 8 ? 0 : Number(u64.decode(data.subarray(offset, offset + 8)))
  })
}
