/** Opening a host after its process was killed: while 500 networks ran, and while 500 were being made. */
import { must } from '../test/harness/command.js'
import { row, type Row } from './figures.js'
import { within } from './namespace.js'
import { Worker, withWorker } from './ours.js'
import { prove, proveEmpty } from './rig.js'
import { internet } from './objects.js'

const COUNT = 500
/** One in ten has DHCP. */
const SERVED = 50
/** Tearing 500 bridges down takes the kernel ten seconds. */
const MOST_RUNS = 3
/** What issue 3 asks for: milliseconds. */
const BOUND = 2000

interface Times { readonly running: number[], readonly making: number[], readonly settled: number[] }

const options = (netns: string): { readonly netns: string, readonly root: string } => ({ netns, root: `/run/nw-bench-${netns}` })

/** Ready is when the list has been read, too. */
async function opened (worker: Worker, netns: string, as: string): Promise<{ readonly ms: number, readonly count: number }> {
  const { begin } = await worker.open(options(netns), as)
  const { end, value = -1 } = await worker.ask({ verb: 'list' }, as)
  return { ms: end - begin, count: value }
}

/** Killed while they run. */
async function running (times: Times | undefined): Promise<void> {
  await within(async (netns) => await within(async (outside) => {
    await internet(netns, outside)
    await withWorker(async (victim) => {
      await victim.open(options(netns))
      await victim.make({ count: COUNT - SERVED })
      await victim.make({ count: SERVED, first: COUNT - SERVED, dhcp: true })
    })
    await withWorker(async (worker) => {
      const { ms, count } = await opened(worker, netns, `reopen with ${COUNT} networks`)
      if (count !== COUNT) throw new Error(`${count} of ${COUNT} networks are known after kill -9`)
      times?.running.push(ms)
      await prove(netns, COUNT / 10)
      await worker.ask({ verb: 'destroyAll' }, `destroy ${COUNT} that another process made`)
      const settled = await worker.settled()
      times?.settled.push(settled.ms)
      await worker.close()
    })
  }))
}

/** Killed in the middle of making them: whoever comes next undoes it all. */
async function making (times: Times | undefined): Promise<void> {
  await within(async (netns) => {
    const victim = new Worker()
    await victim.open(options(netns))
    const half = victim.make({ count: COUNT }).catch(() => undefined)
    for (let links = 0; links < COUNT / 3;) links = (await must('ip', ['-n', netns, '-br', 'link'])).split('\n').length
    await victim.kill()
    await half
    await withWorker(async (worker) => {
      const { ms: ready, count } = await opened(worker, netns, `reopen after ${COUNT} were half made`)
      if (count !== 0) throw new Error(`${count} networks stand of a batch of ${COUNT} that was killed`)
      times?.making.push(ready)
      await worker.settled()
      await worker.close()
      await proveEmpty(netns)
    })
  })
}

export async function reopen (runs: number): Promise<Row[]> {
  const times: Times = { running: [], making: [], settled: [] }
  for (let run = 0; run < Math.min(runs, MOST_RUNS); run++) { await running(times); await making(times) }
  return [
    row({ row: `reopen after kill -9 with ${COUNT} networks, until ready`, unit: 'ms', ours: times.running, atMost: BOUND, note: `one in ten with DHCP; a fresh process; until networks() has answered` }),
    row({ row: `reopen after kill -9 while ${COUNT} were being made, until ready`, unit: 'ms', ours: times.making, atMost: BOUND, note: 'all of them are undone' }),
  ]
}
