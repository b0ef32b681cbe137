/** What a host has done so far and what it waited for: counted always, since it costs nothing that can be measured. */
import type { DnsmasqTrace, Operation } from '../diagnostics.js'
import { channels, traced } from '../tracing.js'
import { Tally } from '../netlink/tally.js'
import { now, slices } from '../netlink/breathe.js'

/** How often, and how long altogether and at most, in milliseconds. */
export interface Counted { readonly count: number, readonly failed: number, readonly totalMs: number, readonly longestMs: number }

/** A host so far. */
export interface Diagnostics {
  /** Calls of the public interface that have ended. */
  readonly operations: Readonly<Partial<Record<Operation, Counted>>>
  /** What was asked of the kernel. `workedMs` on a processor, `waitedMs` without one (RTNL; a busy machine); `queuedMs` behind our own earlier requests. */
  readonly kernel: { readonly exchanges: number, readonly workedMs: number, readonly waitedMs: number, readonly longestWaitMs: number, readonly queuedMs: number, readonly longestQueueMs: number }
  /** The locks of the namespace and of the definitions, which all processes share: how long we waited for them. */
  readonly lock: Counted
  /** The event loop of the thread that works for the host, all hosts' together: how long our longest piece of work held it, among those that are cut into slices. */
  readonly loop: { readonly slices: number, readonly longestMs: number }
  /** dnsmasq processes: those started, until they answered. */
  readonly dnsmasq: Counted & { readonly running: number }
  /** JavaScript's memory on that thread, all hosts' together, garbage included. */
  readonly heapBytes: number
  readonly networks: number
  readonly ports: number
  /** Links that are out of use and not yet deleted. */
  readonly graves: number
  /** Subnets whose last network's connections are still tracked. */
  readonly connections: number
}

/** What a call is about. */
export interface Doing { readonly operation: Operation, readonly names?: () => readonly string[] }

class Count {
  count = 0
  failed = 0
  totalMs = 0
  longestMs = 0

  async time<T> (work: () => Promise<T>): Promise<T> {
    const since = now()
    let done = false
    try {
      const result = await work()
      done = true
      return result
    } finally { this.add(now() - since, done) }
  }

  add (ms: number, done = true): void {
    this.count++
    if (!done) this.failed++
    this.totalMs += ms
    this.longestMs = Math.max(this.longestMs, ms)
  }

  get snapshot (): Counted { return { count: this.count, failed: this.failed, totalMs: this.totalMs, longestMs: this.longestMs } }
}

export class Tallies {
  /** Of the channels of a host. */
  readonly kernel = new Tally()
  readonly #operations = new Map<Operation, Count>()
  readonly #locks = new Count()
  readonly #dnsmasq = new Count()
  readonly #of: { readonly owner: string, readonly netns: string }

  constructor (of: { readonly owner: string, readonly netns: string }) { this.#of = of }

  /** Runs a call of the public interface; one that is about nothing that is counted is only run. */
  async operation<T> (doing: Doing | undefined, work: () => Promise<T>): Promise<T> {
    if (doing === undefined) return await work()
    const { operation, names = () => [] } = doing
    const count = this.#operations.get(operation) ?? new Count()
    this.#operations.set(operation, count)
    return await count.time(async () => await traced(channels.operation, () => { const all = names(); return { operation, ...this.#of, names: all, count: all.length } }, work))
  }

  /** Takes a lock. */
  async lock<T> (take: () => Promise<T>): Promise<T> { return await this.#locks.time(take) }

  /** Starts a dnsmasq, until it answers. */
  async dnsmasq<T extends { readonly pid: number }> (network: string, start: () => Promise<T>): Promise<T> {
    return await this.#dnsmasq.time(async () => await traced(channels.dnsmasq, (): DnsmasqTrace => ({ owner: this.#of.owner, network }), async (trace) => {
      const running = await start()
      if (trace !== undefined) trace.pid = running.pid
      return running
    }))
  }

  /** As plain data, with what is there now. */
  snapshot (now: Pick<Diagnostics, 'networks' | 'ports' | 'graves' | 'connections' | 'heapBytes'> & { readonly dnsmasq: number }): Diagnostics {
    const { requests, spentMs, workMs, longestIdleMs, queueMs, longestQueueMs } = this.kernel
    const { dnsmasq, ...rest } = now
    return {
      operations: Object.fromEntries([...this.#operations].map(([operation, count]) => [operation, count.snapshot])),
      kernel: { exchanges: requests, workedMs: workMs, waitedMs: Math.max(0, spentMs - workMs), longestWaitMs: longestIdleMs, queuedMs: queueMs, longestQueueMs },
      lock: this.#locks.snapshot, loop: { ...slices }, dnsmasq: { ...this.#dnsmasq.snapshot, running: dnsmasq }, ...rest,
    }
  }
}
