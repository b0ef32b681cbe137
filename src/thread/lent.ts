/** Things that one thread lends to the other, in words. */
import type { PoolSize } from '../engine/api.js'

export type HandleKind = 'host' | 'namespace' | 'network' | 'domain' | 'port' | 'trial' | 'rig' | 'stream'

/** A handle: its number, what it is, what it says of itself. */
export interface Lent { readonly on: number, readonly of: HandleKind, readonly data: object }

/** What `checkDesired` has made: it need not be checked again. */
export interface Checked { readonly of: 'checked', readonly data: object }

/** What the engine's thread lets a caller ask for from the start. */
export interface EngineRoot {
  /** `logger`: the number of the caller's. */
  openHost (options: unknown, logger: number | undefined): Promise<object>
  /** Answers. */
  ready (): void
  /** Which tracing channels somebody listens to. */
  listen (channels: readonly string[]): void
}

/** What a caller lets the engine's thread tell. */
export interface CallerRoot {
  /** A host keeps so many links. */
  pool (on: number, size: PoolSize): void
  /** The process is wanted, or no longer, although nobody waits for an answer. */
  busy (busy: boolean): void
  /** An event of a tracing channel. */
  trace (channel: string, stage: string, id: number, context: object): void
}
