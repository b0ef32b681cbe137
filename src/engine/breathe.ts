/** Lets the event loop turn inside long pure work: our user's daemon must not notice a batch of hundreds. */
import { setImmediate } from 'node:timers/promises'

/** A pacer: `await pace()` in a loop yields once two milliseconds were used since the last yield. */
export function pacer (milliseconds = 2): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < milliseconds) return undefined
    return setImmediate().then(() => { since = performance.now() })
  }
}
