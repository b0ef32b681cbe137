/** How much is kept, and for how long. */
import type { Issue } from '../errors.js'
import type { Recycle } from './api.js'

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
