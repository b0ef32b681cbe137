/** How long the event loop was held, tick by tick; run in a process of its own, so that nothing else of the benchmark counts. */
import { openSync, readSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

/** Milliseconds since start: on a processor, and ready but waiting for one, of the main thread. Source: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat. */
export function schedule (): { readonly ran: number, readonly waited: number } {
  file ??= openSync('/proc/self/schedstat', 'r')
  const [ran, waited] = buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0)).split(' ').map(Number)
  return { ran: (ran ?? 0) / 1e6, waited: (waited ?? 0) / 1e6 }
}
let file: number | undefined
const buffer = Buffer.alloc(128)

export interface Delay {
  /** The longest time between two ticks of a 1 ms timer, less that millisecond. */
  readonly longest: number
  /**
   * The longest for which something on the loop can have held it: as `longest`, but without the time for which the thread was ready and other
   * programs had the processors, and no more than the time outside of epoll_wait, since a loop that sleeps is held by nobody.
   */
  readonly held: number
  /** How many ticks were late by so many tenths of a millisecond, as the clock saw it: [tenths, ticks]. For percentiles over many runs. */
  readonly late: readonly (readonly [tenths: number, ticks: number])[]
}

/** Watches from now until the end is asked for. */
export function watchLoop (): () => Delay {
  const late = new Map<number, number>()
  let longest = 0
  let held = 0
  // The watcher's own reading is outside of the time it watches: whoever gets the processor just then would else be taken for something on the loop.
  const mark = (): { at: number, active: number, waited: number } => {
    const { waited } = schedule()
    return { active: performance.eventLoopUtilization().active, waited, at: performance.now() }
  }
  let last = mark()
  const tick = (): void => {
    const at = performance.now()
    const { active } = performance.eventLoopUtilization()
    const { waited } = schedule()
    const delay = Math.max(0, at - last.at - 1)
    const tenths = Math.ceil(delay * 10)
    late.set(tenths, (late.get(tenths) ?? 0) + 1)
    longest = Math.max(longest, delay)
    held = Math.max(held, Math.min(delay - (waited - last.waited), active - last.active))
    last = mark()
  }
  const timer = setInterval(tick, 1)
  return () => {
    tick()
    clearInterval(timer)
    return { longest, held, late: [...late] }
  }
}

/** The part of all ticks that were late by no more: 0.99 is the 99th percentile, in milliseconds. */
export function percentile (delays: readonly Delay[], part: number): number {
  const all = new Map<number, number>()
  for (const { late } of delays) for (const [tenths, ticks] of late) all.set(tenths, (all.get(tenths) ?? 0) + ticks)
  let left = part * [...all.values()].reduce((sum, ticks) => sum + ticks, 0)
  for (const [tenths, ticks] of [...all].sort(([a], [b]) => a - b)) {
    left -= ticks
    if (left <= 0) return tenths / 10
  }
  return 0
}
