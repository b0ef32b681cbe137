/** What a link has carried. The kernel counts from the making of a link and cannot be told to begin anew, so a link that is used again has a baseline. */

/** `ip -s link show`. Packets, bytes, errors and drops, seen from the link: what a bridge received came from its guests. */
export interface Counters {
  readonly rxPackets: number, readonly rxBytes: number, readonly rxErrors: number, readonly rxDropped: number, readonly multicast: number
  readonly txPackets: number, readonly txBytes: number, readonly txErrors: number, readonly txDropped: number
}
const KEYS = ['rxPackets', 'rxBytes', 'rxErrors', 'rxDropped', 'multicast', 'txPackets', 'txBytes', 'txErrors', 'txDropped'] as const
const NOTHING: Counters = { rxPackets: 0, rxBytes: 0, rxErrors: 0, rxDropped: 0, multicast: 0, txPackets: 0, txBytes: 0, txErrors: 0, txDropped: 0 }

/** What was counted since. Where the kernel has begun anew (it never does), nothing is below zero. */
export function since (now: Counters, baseline: Counters = NOTHING): Counters {
  return counters((key) => Math.max(0, now[key] - baseline[key]))
}

/** Counters of which each is asked for by its name. */
export function counters (value: (key: keyof Counters) => number): Counters {
  const all: { -readonly [K in keyof Counters]: Counters[K] } = { ...NOTHING }
  for (const key of KEYS) all[key] = value(key)
  return all
}
