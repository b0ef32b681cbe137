/** A map that says when something comes or goes. */
export class HeardMap<K, V> extends Map<K, V> {
  readonly #changed: () => void

  constructor (changed: () => void) {
    super()
    this.#changed = changed
  }

  override set (key: K, value: V): this {
    super.set(key, value)
    this.#changed()
    return this
  }

  override delete (key: K): boolean {
    const was = super.delete(key)
    if (was) this.#changed()
    return was
  }

  override clear (): void {
    super.clear()
    this.#changed()
  }
}
