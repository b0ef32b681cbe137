/**
 * Where the links of a batch come from: made anew, unless a stock has one that fits (see recycling). Whoever stocks links hands out, for each
 * object, its index and the requests that turn it into that object; they take the place of those that would make it, in the same send.
 */
import type { Counters } from '../kernel/counters.js'
import { joinRequest, preparingRequests, type Surroundings } from '../kernel/link.js'
import type { LinkObject, TapObject } from '../kernel/object.js'
import type { Request } from '../netlink/request.js'

/** A link that fits, taken out of a stock. */
export interface Stocked {
  readonly index: number
  /** What it has counted before; the kernel does not begin anew. */
  readonly counters: Counters
  /** Turns it into `object`, which has its index: all but joining the bridge and, for a port, going up. Each request is by index. */
  requests (object: LinkObject, surroundings: Surroundings): readonly Request[]
  /** A TAP's: opens its queues where descriptors are asked for. */
  open? (object: TapObject): Promise<readonly number[]>
}

/** What a link must be able to become. */
export type Wanted = { readonly type: 'bridge' } | Pick<TapObject, 'type' | 'queues' | 'vnetHdr' | 'uid' | 'gid' | 'persist'>

/** What a batch may want at most. */
export interface Demand { readonly bridges: number, readonly taps: readonly Wanted[] }

/** Links that wait to be used again. All calls come under the namespace's lock. */
export interface Stock {
  /** Looks which links can be taken, for so many at most. */
  prepare (demand: Demand): Promise<void>
  /** One that fits, which nobody else gets then; undefined where there is none. */
  take (wanted: Wanted): Stocked | undefined
  /** A record names these now and answers for them: whoever recovers removes them with it, however far they got. */
  used (links: readonly Stocked[]): Promise<void>
  /** The kernel has turned them into what was wanted. Where this is not said after `used`, the undo looks how far they got. */
  moved (links: readonly Stocked[]): void
  /** They were not used after all: nothing was written down, nothing was sent. */
  back (links: readonly Stocked[]): void
}

/** For the record of what comes out of a stock. */
export const baselineOf = (stocked: Stocked | undefined): { readonly baseline?: Counters } => stocked === undefined ? {} : { baseline: stocked.counters }

/** All requests of a link but that by which a port joins its bridge and goes up. */
export function makingRequests (object: LinkObject, stocked: Stocked | undefined, surroundings: Surroundings): readonly Request[] {
  return stocked === undefined ? preparingRequests(object, surroundings) : stocked.requests(object, surroundings)
}

/** `ip link set NAME master BRIDGE up`: the last step of a port, after which it is one. */
export function joiningRequests (object: LinkObject): readonly Request[] { return object.type === 'bridge' || object.type === 'macvtap' ? [] : [joinRequest(object)] }
