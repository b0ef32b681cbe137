/** Our side of every row: a worker process that runs netwright, and what became of its event loop over all that was asked of it. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { HostOptions } from 'netwright'
import type { Delay } from './loop.js'
import type { Wanted } from './objects.js'
import type { Answer, Order } from './worker.js'

/** What the event loops of all workers went through, by the kind of work. */
export const delays = new Map<string, Delay[]>()

export class Worker {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>
  readonly pid: number

  /** A fresh process; nothing in it is compiled yet. */
  constructor () {
    this.#child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), { execArgv: ['--enable-source-maps'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.pid = this.#child.pid ?? -1
    this.#ended = once(this.#child, 'exit').then(([code, signal]: unknown[]) => { throw new Error(`the worker ended: ${String(code ?? signal)}`) })
    this.#ended.catch(() => undefined) // it is awaited with each order
  }

  /** Gives an order and waits for its end. `as` watches the event loop meanwhile, and puts what it saw down under this name. Throws what went wrong there. */
  async ask (order: Order, as?: string): Promise<Answer> {
    this.#child.send(as === undefined ? order : { ...order, watch: true })
    const [reply] = await Promise.race([once(this.#child, 'message'), this.#ended]) as [{ answered?: Answer, failed?: string }]
    if (reply.answered === undefined) throw new Error(`${order.verb}: ${reply.failed ?? 'no answer'}`)
    if (as !== undefined && reply.answered.delay !== undefined) delays.set(as, [...delays.get(as) ?? [], reply.answered.delay])
    return reply.answered
  }

  async open (options: HostOptions, as?: string): Promise<Answer> { return await this.ask({ verb: 'open', options }, as) }
  async make (wanted: Wanted, as?: string): Promise<Answer> { return await this.ask({ verb: 'make', wanted }, as) }
  async destroy (names?: readonly string[], as?: string): Promise<Answer> { return await this.ask({ verb: 'destroy', ...names === undefined ? {} : { names } }, as) }
  async settled (as?: string): Promise<Answer> { return await this.ask({ verb: 'settled' }, as) }
  async close (as?: string): Promise<Answer> { return await this.ask({ verb: 'close' }, as) }

  /** SIGKILL, and its end. */
  async kill (): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** A worker for as long as `work` runs. */
export async function withWorker<T> (work: (worker: Worker) => Promise<T>): Promise<T> {
  const worker = new Worker()
  try { return await work(worker) } finally { await worker.kill() }
}
