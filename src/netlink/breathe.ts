/** Lets the event loop turn inside long pure work: our user's daemon must not notice a batch of hundreds, or a dump of thousands. */
import { setImmediate } from 'node:timers/promises'

/** Resolves after everything that is due has run: the loop has turned once. */
export async function turn (): Promise<void> { await setImmediate() }

/** How many slices long work was cut into, in this process, and how long the longest of them held the event loop. */
export const slices = { slices: 0, longestMs: 0 }

/**
 * A pacer: `await pace()` in a loop yields once two milliseconds were used since the last yield. It returns undefined where there is nothing to wait for.
 * `pure`: nothing else is waited for in the loop, so what lies between two yields held the event loop.
 */
export function pacer (milliseconds = 2, pure = false): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    const held = performance.now() - since
    if (held < milliseconds) return undefined
    if (pure) {
      slices.slices++
      slices.longestMs = Math.max(slices.longestMs, held)
    }
    return setImmediate().then(() => { since = performance.now() })
  }
}

/** `items.map(work)`, in slices. */
export async function mapSlowly<T, U> (items: readonly T[], work: (item: T, index: number) => U): Promise<U[]> {
  const pace = pacer(undefined, true)
  const results: U[] = []
  for (const [index, item] of items.entries()) {
    results.push(work(item, index))
    const rest = pace()
    if (rest !== undefined) await rest
  }
  return results
}
