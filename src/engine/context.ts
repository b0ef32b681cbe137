/** What every operation of a host needs: handles, places, books. Made by `openHost`, closed with it. */
import type { Logger } from '../log.js'
import type { Netns } from '../kernel/netns.js'
import type { Routes } from '../kernel/routes.js'
import type { Strangers } from '../kernel/strangers.js'
import type { Transport } from '../netlink/transport.js'
import type { Book } from './book.js'
import type { Flows } from './flows.js'
import type { Graves } from './graves.js'
import { lock, type Place } from './lock.js'
import type { Places } from './places.js'
import type { Sexton } from './sexton.js'
import type { Recycler } from './recycle.js'
import type { StepHook } from './steps.js'
import type { Store } from './store.js'
import { typed } from './system-error.js'
import type { Tallies } from './tallies.js'

export interface Context {
  readonly owner: string
  readonly places: Places
  readonly logger: Logger
  readonly netns: Netns
  readonly rtnl: Transport
  readonly nft: Transport
  /** What the host reaches, as it is now. */
  readonly routes: Routes
  /** What others do with nftables. */
  readonly strangers: Strangers
  readonly store: Store
  readonly book: Book
  readonly graves: Graves
  /** Deletes what is in them. */
  readonly sexton: Sexton
  /** Makes the kernel forget their connections. */
  readonly flows: Flows
  /** The owner's nft table. */
  readonly table: string
  /** The owner's link group. */
  readonly group: number
  /** False on a kernel without IPv6. */
  readonly ipv6: boolean
  readonly pools: readonly string[]
  readonly lockTimeout: number
  /** Where nameservers are read from. */
  readonly resolvConf: string
  /** What this host makes is marked so, where it ends with this process. */
  readonly lifetime?: string
  /** What was done and waited for. */
  readonly tallies: Tallies
  /** Links that wait to be used again, where the host keeps some. */
  readonly stock?: Recycler
  /** For fault tests. */
  readonly hook: StepHook | undefined
}

/** Runs `work` under the namespace's lock, which all owners share: for planning and committing, never while a process starts. */
export async function locked<T> (context: Context, purpose: string, signal: AbortSignal | undefined, work: () => Promise<T>, place?: Place): Promise<T> {
  return await under(context, context.places.lock, { purpose, signal, place }, async () => {
    try {
      await context.book.enter()
      return await work()
    } finally { context.book.leave() }
  })
}

/** Runs `work` under the lock of this owner's stored definitions. */
export async function owned<T> (context: Context, purpose: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  return await under(context, context.places.ownerLock, { purpose, signal }, work)
}

/** Runs `work` under the lock at `path`, whose file is gone afterwards. What the system refuses comes as a typed error. Throws NETWRIGHT_LOCKED. */
export async function under<T> (context: Pick<Context, 'tallies' | 'lockTimeout'>, path: string, { purpose, signal, place }: { readonly purpose: string, readonly signal: AbortSignal | undefined, readonly place?: Place | undefined }, work: () => Promise<T>): Promise<T> {
  return await typed(async () => {
    const held = await context.tallies.lock(async () => await lock({ path, purpose, timeout: context.lockTimeout, signal, place }))
    try { return await work() } finally { await held.release(true) }
  })
}

/**
 * The link group of an owner: `ip link show group N`. Never 0, the group of every ordinary link; the high half spells "nw",
 * the low half is a hash of the owner's name (FNV-1a, 16 bits folded).
 */
export function linkGroup (owner: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(owner)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return 0x6e77_0000 + ((hash >>> 16) ^ (hash & 0xffff))
}
