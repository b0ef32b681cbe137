/** How long the kernel was waited for, over one channel or several. Times are milliseconds. */

/** What one exchange took. */
export interface Taken { readonly queueMs: number, readonly waitMs: number, readonly spentMs: number, readonly workMs: number }

export class Tally {
  requests = 0
  /** In sendmsg, where the kernel works or makes us wait. */
  totalMs = 0
  longestMs = 0
  /** In the kernel altogether, with the reading of answers, and how much of it on a processor. */
  spentMs = 0
  workMs = 0
  /** The longest time that one exchange was in the kernel without a processor. */
  longestIdleMs = 0
  /** Until the channel's thread came to it. */
  queueMs = 0
  longestQueueMs = 0

  add ({ queueMs, waitMs, spentMs, workMs }: Taken): void {
    this.requests++
    this.totalMs += waitMs
    this.longestMs = Math.max(this.longestMs, waitMs)
    this.spentMs += spentMs
    this.workMs += workMs
    this.longestIdleMs = Math.max(this.longestIdleMs, spentMs - workMs)
    this.queueMs += queueMs
    this.longestQueueMs = Math.max(this.longestQueueMs, queueMs)
  }
}
