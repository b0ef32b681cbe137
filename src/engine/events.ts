/** Tells every listener what happens; each has a queue of its own, bounded, and reads at its own pace. */
import type { HostEvent, NetworkInfo } from './api.js'

/** A listener that does not read loses what is older than this and is told so by a `resync`. */
const LONGEST = 4096

type Change = Exclude<HostEvent, { readonly kind: 'snapshot' | 'resync' }>

class Listener {
  readonly queue: (Change | 'lost')[] = []
  #wake: (() => void) | undefined

  push (event: Change | 'lost'): void {
    if (this.queue.length >= LONGEST) this.queue.splice(0, this.queue.length, 'lost')
    this.queue.push(event)
    this.#wake?.()
  }

  /** Resolves when there is something in the queue, or the signal aborts. */
  async wait (signal: AbortSignal): Promise<void> {
    if (this.queue.length > 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = (): void => { signal.removeEventListener('abort', done); this.#wake = undefined; resolve() }
      this.#wake = done
      signal.addEventListener('abort', done)
    })
  }
}

export class Events {
  readonly #listeners = new Set<Listener>()

  get heard (): boolean { return this.#listeners.size > 0 }

  tell (event: Change): void { for (const listener of this.#listeners) listener.push(event) }
  /** Something was missed: every listener gets a fresh look. */
  lost (): void { for (const listener of this.#listeners) listener.push('lost') }

  /** A snapshot first, then changes; ends when the signal aborts. */
  async * listen (look: () => Promise<readonly NetworkInfo[]>, signal: AbortSignal): AsyncGenerator<HostEvent, void, undefined> {
    const listener = new Listener()
    const over = (): boolean => signal.aborted
    this.#listeners.add(listener)
    try {
      yield { kind: 'snapshot', networks: await look() }
      while (!over()) {
        await listener.wait(signal)
        for (let event = listener.queue.shift(); event !== undefined && !over(); event = listener.queue.shift()) {
          yield event === 'lost' ? { kind: 'resync', networks: await look() } : event
        }
      }
    } finally { this.#listeners.delete(listener) }
  }
}
