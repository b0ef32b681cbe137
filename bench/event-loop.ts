/** The event loop: while a stranger holds RTNL for seconds, and during all that the other rows have asked for. */
import { row, type Row } from './figures.js'
import { hold, prepareHold } from './holder.js'
import { percentile, type Delay } from './loop.js'
import { fresh, gone, within } from './namespace.js'
import { delays, withWorker, type Worker } from './ours.js'

const COUNT = 100
/** A stranger holds for two seconds, and each verb waits for him. */
const MOST_RUNS = 3
/** What issue 3 asks for, milliseconds. */
const bounds = { longest: 10, p99: 5 } as const
const HELD = 'a stranger holds RTNL'
const IDLE = 'a program that sleeps'

/** Begins to hold, and gives the worker its order at once. Resolves with the milliseconds for which RTNL was held. */
async function whileHeld (order: (as: string) => Promise<unknown>, as: string): Promise<number> {
  const stranger = await fresh()
  await prepareHold(stranger)
  const held = hold(stranger)
  await order(as)
  const ms = await held
  await gone(stranger)
  return ms
}

async function held (worker: Worker): Promise<number[]> {
  return await within(async (netns) => {
    await worker.open({ netns })
    const holds = [
      await whileHeld(async (as) => await worker.make({ count: COUNT, taps: true }, as), `make while ${HELD}`),
      await whileHeld(async (as) => await worker.make({ count: 1, first: COUNT, dhcp: true }, as), `make one with DHCP while ${HELD}`),
      await whileHeld(async (as) => await worker.destroy(undefined, as), `destroy while ${HELD}`),
    ]
    await whileHeld(async () => await worker.ask({ verb: 'sleep', ms: holds[0] ?? 1000 }, IDLE), IDLE)
    await worker.settled()
    await worker.close()
    return holds
  })
}

const all = (matches: (as: string) => boolean): Delay[] => [...delays].flatMap(([as, seen]) => matches(as) ? seen : [])

/** The kind of work with the longest. */
function worst (of: (delay: Delay) => number, matches: (as: string) => boolean): { readonly as: string, readonly ms: number } {
  const found = [...delays].filter(([as]) => matches(as)).map(([as, seen]) => ({ as, ms: Math.max(...seen.map(of)) })).sort((a, b) => b.ms - a.ms)
  return found[0] ?? { as: 'nothing', ms: Number.NaN }
}

/** After all others: their loops were watched. */
export async function eventLoop (runs: number): Promise<Row[]> {
  const holds: number[] = []
  // A fresh process each time, so nothing is compiled beforehand.
  for (let run = 0; run < Math.min(runs, MOST_RUNS); run++) holds.push(...await withWorker(held))
  const strange = (as: string): boolean => as.includes(HELD)
  const any = (as: string): boolean => as !== IDLE
  const longest = worst(({ held: ms }) => ms, any)
  const clock = worst(({ longest: ms }) => ms, any)
  return [
    row({ row: `longest event-loop delay while another process holds RTNL for seconds`, unit: 'ms', ours: all(strange).map(({ held: ms }) => ms), atMost: bounds.longest, note: `held for ${(holds.reduce((sum, ms) => sum + ms, 0) / holds.length / 1000).toFixed(1)} s on average; without the time for which the loop slept, or was ready but other programs had the processors` }),
    row({ row: 'longest event-loop delay during all of the above', unit: 'ms', ours: [longest.ms], atMost: bounds.longest, note: `of ${all(any).length} pieces of work; the longest while: ${longest.as}` }),
    row({ row: 'the same, as the clock saw it', unit: 'ms', ours: [clock.ms], peer: [IDLE, all((as) => as === IDLE).map(({ longest: ms }) => ms)], note: `while: ${clock.as}` }),
    row({ row: 'its 99th percentile over all, as the clock saw it', unit: 'ms', ours: [percentile(all(any), 0.99)], atMost: bounds.p99 }),
    ...[...delays].map(([as, seen]) => row({ row: `event loop: ${as}`, unit: 'ms', ours: seen.map(({ held: ms }) => ms), note: `99th percentile as the clock saw it ${percentile(seen, 0.99).toFixed(1)} ms` })),
  ]
}
