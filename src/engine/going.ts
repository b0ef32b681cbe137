/** What a host is at. Closing waits for it: the numbers of closed descriptors are soon somebody else's, another namespace's at worst. */
export class Going {
  readonly #going = new Set<Promise<unknown>>()

  /** Runs `work`, which `ended` waits for. Throws what it throws. */
  async during<T> (work: () => Promise<T>): Promise<T> {
    const going = work()
    this.#going.add(going)
    try { return await going } finally { this.#going.delete(going) }
  }

  /** Resolves when nothing is going on any more, however it ends. */
  async ended (): Promise<void> {
    while (this.#going.size > 0) await Promise.allSettled(this.#going)
  }
}
