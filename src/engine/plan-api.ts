/** The public face of plans: what `host.plan` and `host.apply` take and return. Plain data. */
import type { Options } from './api.js'
import type { Change } from './change.js'

export interface PlanOptions extends Options {
  /** Where the wants come from, for instance the path of their file: recorded with what is made, durably. At most 4096 characters. */
  readonly source?: string
  /** Remove what was made from the same source and is not named any more. Networks of other sources, or made by hand, are never touched. Needs `source`. */
  readonly prune?: boolean
  /** Remove everything that is named, whoever made it. What is gone already is no error. */
  readonly remove?: boolean
}

/** What would change, in order, and what it rests on. Plain JSON: it can be kept, shown and applied later, as long as the host has not changed. */
export interface Plan {
  readonly version: 1
  readonly owner: string
  readonly source?: string
  readonly prune: boolean
  /** The networks that were looked at. */
  readonly networks: readonly string[]
  /** What these networks were like: another one refuses the plan. */
  readonly fingerprint: string
  readonly changes: readonly Change[]
  /** What would undo them, in order. */
  readonly inverse: readonly Change[]
}

/** How far it is. */
export interface Progress {
  /** Changes that are done, and all of them. */
  readonly done: number
  readonly total: number
  /** What is being done; undefined at the end. */
  readonly change?: Change
}

export interface ApplyOptions extends PlanOptions {
  /** Called before each change or group of changes, and at the end. */
  readonly progress?: (progress: Progress) => void
}
