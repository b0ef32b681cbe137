/** Functions of callers that are told how it goes. What they throw ends the work; what they return nobody waits for. */

/** Those on another thread, which answer with a promise. */
const distant = new WeakSet<object>()

/** Marks a function that is called on another thread: it returns a promise of what becomes of it there. */
export function fromAfar<F extends (...args: never[]) => Promise<unknown>> (far: F): F {
  distant.add(far)
  return far
}

export class Telling<T> {
  readonly #listener: ((what: T) => unknown) | undefined
  readonly #answers: Promise<void>[] = []
  #thrown: { readonly error: unknown } | undefined

  constructor (listener: ((what: T) => unknown) | undefined) { this.#listener = listener }

  /** Throws what the listener throws, or has thrown the last time. */
  tell (what: T): void {
    this.#check()
    const listener = this.#listener
    const answer = listener?.(what)
    if (listener !== undefined && distant.has(listener)) this.#answers.push(Promise.resolve(answer).then(() => undefined, (error: unknown) => { this.#thrown ??= { error } }))
  }

  /** All of it has been heard. Throws what the listener has thrown. */
  async heard (): Promise<void> {
    await Promise.all(this.#answers.splice(0))
    this.#check()
  }

  #check (): void { if (this.#thrown !== undefined) throw this.#thrown.error }
}
