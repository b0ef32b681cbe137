/** Keeps one dnsmasq running: starts it again when it ends, with patience. Source for the limits: issue 2; as systemd's StartLimit. */
import { isError, ProcessError } from '../errors.js'
import type { Exit, Running } from './running.js'

export interface Supervised {
  /** Starts it anew; rejects where it does not become ready. */
  start (signal: AbortSignal): Promise<Running>
  /** It is down, or a start of it has failed. */
  degraded (lastLines: readonly string[]): void
  /** It is back. */
  recovered (running: Running): void
}

const FIRST_MS = 100
const LONGEST_MS = 30_000
const STARTS = { most: 6, withinMs: 60_000 }

/** Watches a running dnsmasq until `stop` or `release`. Its timers do not keep the event loop alive. */
export class Supervisor {
  readonly #on: Supervised
  readonly #end = new AbortController()
  #over = false
  /** When it was started, monotonic milliseconds; of the last minute only. */
  #starts: number[] = []
  #delay = FIRST_MS
  #timer: NodeJS.Timeout | undefined
  #current: Running | undefined
  #starting: Promise<void> | undefined

  /** `running` undefined: it is down already, and is started at once. */
  constructor (on: Supervised, running: Running | undefined) {
    this.#on = on
    if (running === undefined) this.#later(0)
    else {
      this.#starts.push(performance.now())
      this.#follow(running)
    }
  }

  /** The process at the moment; undefined while it is down. */
  get running (): Running | undefined { return this.#current }

  /** Ends the watching and the process; resolves when it is gone. Twice is fine. */
  async stop (): Promise<void> {
    this.#end.abort(new Error('the network stops'))
    const current = await this.#halt()
    await current?.stop()
  }

  /** Ends the watching; the process goes on without us. One that is being started is waited for. */
  async release (): Promise<void> {
    const current = await this.#halt()
    current?.release()
  }

  async #halt (): Promise<Running | undefined> {
    this.#over = true
    clearTimeout(this.#timer)
    await this.#starting
    const current = this.#current
    this.#current = undefined
    return current
  }

  #follow (running: Running): void {
    this.#current = running
    const since = performance.now()
    running.exited.then(
      (exit) => { this.#ended(exit, performance.now() - since) },
      (error: unknown) => { this.#on.degraded([`its end cannot be seen: ${String(error)}`]) },
    )
  }

  #ended (exit: Exit, livedMs: number): void {
    if (this.#over) return
    this.#current = undefined
    if (livedMs > STARTS.withinMs) this.#delay = FIRST_MS
    this.#on.degraded(exit.lastLines)
    this.#later(this.#delay)
  }

  /** After the back-off, and not before the last minute has room for one more start. */
  #later (delayMs: number): void {
    const now = performance.now()
    this.#starts = this.#starts.filter((at) => at > now - STARTS.withinMs)
    const full = this.#starts.length < STARTS.most ? 0 : (this.#starts[0] ?? now) + STARTS.withinMs - now
    this.#timer = setTimeout(() => { this.#starting = this.#again() }, Math.max(delayMs, full)).unref()
  }

  async #again (): Promise<void> {
    this.#starts.push(performance.now())
    this.#delay = Math.min(this.#delay * 2, LONGEST_MS)
    try {
      const running = await this.#on.start(this.#end.signal)
      this.#follow(running)
      if (!this.#over) this.#on.recovered(running)
    } catch (error) {
      if (this.#over) return
      this.#on.degraded(error instanceof ProcessError && error.lastLines.length > 0 ? error.lastLines : [isError(error) ? error.message : String(error)])
      this.#later(this.#delay)
    }
  }
}
