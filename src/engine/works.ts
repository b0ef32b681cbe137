/** What the handles of one host share. */
import type { Context } from './context.js'
import type { Daemons } from './daemons.js'
import type { Events } from './events.js'
import type { Doing } from './tallies.js'

export interface Works {
  readonly context: Context
  readonly daemons: Daemons
  readonly events: Events
  readonly closed: boolean
  /** Aborted by `host.close()`. */
  readonly end: AbortSignal
  /** Throws NETWRIGHT_CLOSED after `host.close()`. */
  open (): void
  /** Runs a verb: `open`, and `host.close()` waits for its end. `doing`: what it is counted and told as. */
  during<T> (work: () => Promise<T>, doing?: Doing): Promise<T>
  /** After a change of ours: whoever listens is told, and watching follows. */
  refresh (): Promise<void>
}
