/** What one side lets the other have for one call, as long as it runs. */

export class Scope {
  readonly things: number[] = []
  readonly origins: number[] = []
  readonly #signals: { readonly id: number, readonly heeded: Heeded }[] = []

  heed (id: number, heeded: Heeded): void {
    heeded.ids.add(id)
    this.#signals.push({ id, heeded })
  }

  /** The numbers of its signals, and those that nobody heeds any more. */
  leave (): { readonly ids: readonly number[], readonly over: readonly Heeded[] } {
    const left = this.#signals.splice(0)
    for (const { id, heeded } of left) heeded.ids.delete(id)
    return { ids: left.map(({ id }) => id), over: [...new Set(left.map(({ heeded }) => heeded))].filter(({ ids }) => ids.size === 0) }
  }
}

/** A signal of ours that calls were made with. Thousands may share one: it has one listener. */
export class Heeded {
  readonly signal: AbortSignal
  /** One for each call. */
  readonly ids = new Set<number>()
  /** Of its reason. */
  readonly scope = new Scope()
  readonly #aborted: (heeded: Heeded) => void

  constructor (signal: AbortSignal, aborted: (heeded: Heeded) => void) {
    this.signal = signal
    this.#aborted = aborted
    signal.addEventListener('abort', this, { once: true })
  }

  handleEvent (): void { this.#aborted(this) }
  end (): void { this.signal.removeEventListener('abort', this) }
}
