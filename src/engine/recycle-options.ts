/** How much is kept, and for how long. */
import type { Issue } from '../errors.js'
import type { Options, TapInput } from './api.js'

/**
 * Stopping a network strips its links, which takes a hundredth of the time that deleting them takes, and the next network gets them, as good as new: see
 * src/kernel/launder.ts for what is reset and what is not. Persistent TAPs are kept too, those without an open descriptor.
 */
export interface Recycle {
  /** So many bridges, and so many TAPs, are kept at most. */
  readonly max: number | { readonly bridges?: number, readonly taps?: number }
  /** Milliseconds after which a pool that nobody uses is deleted. Default 60,000. */
  readonly idle?: number
}

/** How many links are kept. */
export interface PoolSize { readonly bridges: number, readonly taps: number }

/** Links that wait for the next network: down, called `nwp…`, in link groups of their own. Closing the host deletes them; after a crash, the next host does. */
export interface LinkPool {
  readonly size: PoolSize
  /** Makes links in advance, until so many bridges, and so many TAPs of that shape, are there, as far as there is room. Throws NETWRIGHT_INVALID beyond `recycle.max`, or without it; KernelError. */
  fill (count: number | { readonly bridges?: number, readonly taps?: { readonly count: number } & Pick<TapInput, 'queues' | 'vnetHdr' | 'owner' | 'group'> }, options?: Options): Promise<void>
}

export interface RecycleOptions {
  /** So many of each kind are kept at most. */
  readonly max: { readonly bridges: number, readonly taps: number }
  /** Milliseconds after which a pool that nobody uses is deleted. */
  readonly idle: number
}

const IDLE = 60_000
/** More would have to be waited for at the end: the kernel deletes some 40 bridges a second. */
const MOST = 10_000
/** What `setTimeout` takes. */
const LONGEST = 0x7fff_ffff

export function recycling ({ max, idle = IDLE }: Recycle): RecycleOptions {
  return { idle, max: typeof max === 'number' ? { bridges: max, taps: max } : { bridges: max.bridges ?? 0, taps: max.taps ?? 0 } }
}

/** What is wrong with what a program without types may pass. */
export function complaints ({ max, idle }: Recycle): Issue[] {
  const issues: Issue[] = []
  const count = (path: string, value: unknown): void => { if (value !== undefined && !isWhole(value, MOST)) issues.push({ path, message: `not a whole number from 0 to ${String(MOST)}` }) }
  if (typeof max === 'object' && isObject(max)) { count('recycle.max.bridges', max.bridges); count('recycle.max.taps', max.taps) } else if (!isWhole(max, MOST)) issues.push({ path: 'recycle.max', message: `expected a whole number from 0 to ${String(MOST)}, or { bridges, taps }` })
  if (idle !== undefined && !isWhole(idle, LONGEST)) issues.push({ path: 'recycle.idle', message: 'not a whole number of milliseconds' })
  return issues
}

const isObject = (value: unknown): boolean => value !== null
const isWhole = (value: unknown, most: number): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
