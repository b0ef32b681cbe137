/** What a pool has handed out: `out` until it is known to have moved, `lent` from when a journal names it. */
import type { Stocked } from './source.js'

export class Loans<E> {
  /** By what was handed out. */
  readonly #taken = new WeakMap<Stocked, E>()
  /** Handed out, and not known to have moved. */
  readonly #out = new Set<E>()
  /** Named by a journal, and not known to have left the pool's groups. */
  readonly #lent = new Set<E>()

  /** Something is out. */
  get any (): boolean { return this.#out.size > 0 }

  hand (stocked: Stocked, entry: E): void {
    this.#taken.set(stocked, entry)
    this.#out.add(entry)
  }

  /** A journal names them now. */
  used (links: readonly Stocked[]): void { for (const entry of this.#of(links)) this.#lent.add(entry) }

  /** They have left their groups: ends their loans. */
  moved (links: readonly Stocked[]): readonly E[] {
    const moved = this.#of(links)
    for (const entry of moved) { this.#lent.delete(entry); this.#out.delete(entry) }
    return moved
  }

  /** No journal names them: ends the loans of those of which that is true. */
  back (links: readonly Stocked[]): readonly E[] {
    const back = this.#of(links).filter((entry) => !this.#lent.has(entry))
    for (const entry of back) this.#out.delete(entry)
    return back
  }

  /** Ends the loans of all that a journal has named and of which nobody has said that they moved. */
  recall (): readonly E[] {
    const lent = [...this.#lent]
    this.#lent.clear()
    for (const entry of lent) this.#out.delete(entry)
    return lent
  }

  /** Whoever clears away what is left has them. */
  forget (): void { this.#lent.clear() }

  #of (links: readonly Stocked[]): E[] { return links.flatMap((one) => this.#taken.get(one) ?? []) }
}
