/** What a link has carried. The kernel counts from the making of a link and cannot be told to begin anew, so a link that is used again has a baseline. */
import { walk } from '../netlink/attr.js'
import { common, ifinfomsg, linkStats64 } from '../netlink/rtnl/ifinfo.js'

/** `ip -s link show`. Packets, bytes, errors and drops, seen from the link: what a bridge received came from its guests. */
export interface Counters {
  readonly rxPackets: number, readonly rxBytes: number, readonly rxErrors: number, readonly rxDropped: number, readonly multicast: number
  readonly txPackets: number, readonly txBytes: number, readonly txErrors: number, readonly txDropped: number
}
const KEYS = ['rxPackets', 'rxBytes', 'rxErrors', 'rxDropped', 'multicast', 'txPackets', 'txBytes', 'txErrors', 'txDropped'] as const
const NOTHING: Counters = { rxPackets: 0, rxBytes: 0, rxErrors: 0, rxDropped: 0, multicast: 0, txPackets: 0, txBytes: 0, txErrors: 0, txDropped: 0 }

/** From the payload of an RTM_NEWLINK. */
export function countersIn (payload: Buffer): Counters {
  for (const { type, payload: data } of walk(payload.subarray(ifinfomsg.size))) {
    if (type !== common.stats64.number) continue
    const counted = linkStats64.decode(data)
    return mapped((key) => Number(counted[key]))
  }
  return NOTHING
}

/** What was counted since. Where the kernel has begun anew (it never does), nothing is below zero. */
export function since (counters: Counters, baseline: Counters = NOTHING): Counters {
  return mapped((key) => Math.max(0, counters[key] - baseline[key]))
}

function mapped (value: (key: typeof KEYS[number]) => number): Counters {
  return KEYS.reduce((counters, key) => ({ ...counters, [key]: value(key) }), NOTHING)
}
