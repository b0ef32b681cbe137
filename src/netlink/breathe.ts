/**
 * Lets the event loop turn inside long pure work: our user's daemon must not notice a batch of hundreds, or a dump of thousands. However much of ours is under
 * way at the same time, it takes one portion of a turn together; whoever has used it up gets the next one after all others that wait.
 */
import { setImmediate } from 'node:timers'
import { setImmediate as turned } from 'node:timers/promises'

/** Programs that are tested mock what is global. */
const { queueMicrotask } = globalThis

/** Resolves after everything that is due has run: the loop has turned once. */
export async function turn (): Promise<void> { await turned() }

/** How many slices long work was cut into, in this process, and how long the longest of them held the event loop. */
export const slices = { slices: 0, longestMs: 0 }

/** Milliseconds. */
const PORTION = 2

/** Milliseconds of CLOCK_MONOTONIC. The global `performance` would load Node's perf_hooks, which takes a command line longer than its work. */
export function now (): number { return Number(process.hrtime.bigint()) / 1e6 }

/** When work of ours began in this turn of the loop; undefined where none has. */
let began: number | undefined
/** First come, first served. */
const waiting: (() => void)[] = []

function begin (): number {
  if (began !== undefined) return began
  setImmediate(() => { began = undefined })
  return began = now()
}

let serving = false

/** Whoever waited longest goes on; where he leaves some of the turn, the next one does. */
function serve (): void {
  begin()
  waiting.shift()?.()
  // Behind what that one does now.
  queueMicrotask(() => {
    if (waiting.length === 0) serving = false
    else if (now() - begin() < PORTION) serve()
    else setImmediate(serve)
  })
}

function wait (resolve: () => void): void {
  waiting.push(resolve)
  if (serving) return
  serving = true
  setImmediate(serve)
}

/** A pacer: `await pace()` in a loop yields once two milliseconds of this turn were used. It returns undefined where there is nothing to wait for. */
export function pacer (milliseconds = PORTION): () => Promise<void> | undefined {
  begin()
  return () => {
    const held = now() - begin()
    if (held < milliseconds) return undefined
    slices.slices++
    slices.longestMs = Math.max(slices.longestMs, held)
    return new Promise(wait)
  }
}

/** `items.map(work)`, in slices. */
export async function mapSlowly<T, U> (items: readonly T[], work: (item: T, index: number) => U): Promise<U[]> {
  const pace = pacer()
  const results: U[] = []
  for (const item of items) {
    const rest = pace()
    if (rest !== undefined) await rest
    results.push(work(item, results.length))
  }
  return results
}
