/** The public face of changes on trial: what `host.transaction` returns with `confirmWithin`. */
import type { Committed, Options } from './api.js'

/** What a probe may use. */
export interface ProbeContext {
  /** Aborted when there is no more time. */
  readonly signal: AbortSignal
}

/** A change that is on trial: a process of its own takes it back when we die, or do not take it back in time. Disposing it takes it back unless it is kept. */
export interface OnTrial extends AsyncDisposable {
  /** Seconds. */
  readonly confirmWithin: number
  /** Keeps it. Throws NETWRIGHT_UNCONFIRMED where it was taken back already. */
  confirm (options?: Options): Promise<void>
  /** Takes it back now. */
  takeBack (): Promise<void>
  /** Resolves when it is decided, by whomever. Throws NETWRIGHT_UNDO_INCOMPLETE where not all could be taken back. */
  readonly outcome: Promise<'kept' | 'taken back'>
}

/** Throws, or returns false, where the transaction must be taken back. It gets what was made. */
export type TransactionProbe = (context: ProbeContext & Committed) => unknown

export interface TransactionTrialOptions extends Options {
  /** Seconds. What is not confirmed by then is taken back; 0: it is kept as soon as the probe is content. Default 0. */
  readonly confirmWithin?: number
  /** Looked at once everything stands; one that fails takes it back. Default: every gateway that answered before answers ARP or NDP, and the ssh connection that we came by (SSH_CONNECTION) lives. */
  readonly probe?: TransactionProbe | 'none'
}

/** What a transaction made, on trial. Once it is taken back the handles name nothing, and descriptors of ports lead nowhere. */
export interface CommittedOnTrial extends Committed, OnTrial {}
