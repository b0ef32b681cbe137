/** How long the event loop was held, tick by tick; run in a process of its own, so that nothing else of the benchmark counts. */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** Milliseconds since start: on a processor, and ready but waiting for one, of the main thread. Source: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat. */
export function schedule (): { readonly ran: number, readonly waited: number } {
  const [ran, waited] = readFileSync('/proc/self/schedstat', 'latin1').split(' ').map(Number)
  return { ran: (ran ?? 0) / 1e6, waited: (waited ?? 0) / 1e6 }
}

export interface Delay {
  /** The longest time between two ticks of a 1 ms timer, less that millisecond. */
  readonly longest: number
  /**
   * The longest for which something on the loop can have held it: as `longest`, but without the time for which the thread was ready and other
   * programs had the processors, and no more than the time outside of epoll_wait, since a loop that sleeps is held by nobody.
   */
  readonly held: number
  /** 99th percentile of the raw delay. */
  readonly p99: number
  /** The most that Node's own monitor saw; it counts from the end of the last tick. */
  readonly monitor: number
  /** Processor time of the main thread. */
  readonly ran: number
}

/** Measures while `work` runs. */
export async function delayWhile (work: () => Promise<void>): Promise<Delay> {
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  const ticks: { readonly delay: number, readonly held: number }[] = []
  const begin = schedule()
  let last = { at: performance.now(), active: performance.eventLoopUtilization().active, ...begin }
  const tick = (): void => {
    const now = { at: performance.now(), active: performance.eventLoopUtilization().active, ...schedule() }
    const delay = now.at - last.at - 1
    ticks.push({ delay, held: Math.min(delay - (now.waited - last.waited), now.active - last.active) })
    last = now
  }
  monitor.enable()
  const timer = setInterval(tick, 1)
  await work()
  await new Promise((resolve) => { setImmediate(resolve) })
  tick()
  clearInterval(timer)
  monitor.disable()
  const delays = ticks.map(({ delay }) => Math.max(0, delay)).sort((a, b) => a - b)
  return {
    longest: delays.at(-1) ?? 0, held: Math.max(0, ...ticks.map(({ held }) => held)), p99: delays[Math.floor(delays.length * 0.99)] ?? 0,
    monitor: monitor.max / 1e6, ran: schedule().ran - begin.ran,
  }
}
