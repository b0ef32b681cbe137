/** Recycling: destroyed networks go into the pool, and the next ones come out of it. */
import type { HostOptions } from 'netwright'
import { row, type Row } from './figures.js'
import { within } from './namespace.js'
import { TAPS } from './objects.js'
import { withWorker, type Worker } from './ours.js'
import { iproute } from './peers.js'
import { model, prove, proveEmpty, repeat, withInternet } from './rig.js'
import type { Holding } from './lanes.js'

const COUNT = 100
const WHAT = `${COUNT} nat networks with ${TAPS} TAPs each`
const SECONDS = 30
/** iproute2 takes eight seconds to delete them. */
const MOST_RUNS = 3
/** What issue 3 asks for. */
const bounds = { destroy: 1 / 40, close: 1.1, rate: 300 } as const
/** Bytes that memory may grow by meanwhile. */
const SLACK = 10 << 20

/** Options of a host with a pool for all that these rows make, which is kept while they run. */
export function recycling (options: HostOptions): HostOptions & { readonly recycle: { readonly max: number, readonly idle: number } } {
  return { ...options, recycle: { max: COUNT * (1 + TAPS), idle: 600_000 } }
}

interface Times { readonly make: number[], readonly destroy: number[], readonly close: number[], readonly cold: number[] }

/** Made cold, destroyed into the pool, made out of it, destroyed again, closed. */
async function pooled (worker: Worker, times: Times | undefined): Promise<void> {
  await withInternet(async (netns) => {
    await worker.open(recycling({ netns }))
    await worker.make({ count: COUNT, taps: true })
    await worker.destroy(undefined, `recycle ${WHAT}`)
    const made = await worker.make({ count: COUNT, taps: true }, `make ${WHAT}, recycled`)
    await prove(netns, COUNT)
    const destroyed = await worker.destroy(undefined, `recycle ${WHAT}`)
    await worker.settled()
    const closed = await worker.close(`close with ${COUNT} pooled`)
    await proveEmpty(netns)
    times?.make.push(made.ms)
    times?.destroy.push(destroyed.ms)
    times?.close.push(closed.ms)
  })
}

/** Destroyed cold, until links are gone. */
async function cold (worker: Worker, times: Times | undefined): Promise<void> {
  await within(async (netns) => {
    await worker.open({ netns })
    await worker.make({ count: COUNT, taps: true })
    const { begin } = await worker.destroy()
    const { end } = await worker.settled()
    await worker.close()
    times?.cold.push(end - begin)
  })
}

interface Loop { readonly rate: number, readonly before: Holding, readonly after: Holding }

/** Without pause. */
async function endless (seconds: number): Promise<Loop> {
  return await within(async (netns) => await withWorker(async (worker) => {
    await worker.open(recycling({ netns }))
    const wanted = { count: COUNT, taps: true }
    await worker.ask({ verb: 'cycle', wanted, seconds: Math.min(5, seconds) })
    await worker.settled()
    const { stats: before } = await worker.ask({ verb: 'holding' })
    const { value } = await worker.ask({ verb: 'cycle', wanted, seconds }, `make and destroy ${WHAT} for ${seconds} s, recycling`)
    await worker.settled()
    const { stats: after } = await worker.ask({ verb: 'holding' })
    await worker.close()
    await proveEmpty(netns)
    if (value === undefined || before === undefined || after === undefined) throw new Error('the worker does not say how it went')
    return { rate: value, before, after }
  }))
}

export async function recycle (runs: number): Promise<Row[]> {
  const peer = await iproute(await model(COUNT, true))
  const times: Times = { make: [], destroy: [], close: [], cold: [] }
  const theirs: { readonly make: number[], readonly destroy: number[] } = { make: [], destroy: [] }
  await withWorker(async (worker) => await withWorker(async (other) => {
    await repeat(Math.min(runs, MOST_RUNS), async (counted) => {
      await pooled(worker, counted ? times : undefined)
      await cold(other, counted ? times : undefined)
      const [made, destroyed] = await within(async (netns) => [await peer.make(netns), await peer.destroy(netns)])
      if (counted && made !== undefined && destroyed !== undefined) { theirs.make.push(made.ms); theirs.destroy.push(destroyed.ms) }
    })
  }))
  const seconds = runs > 1 ? SECONDS : 5
  const { rate, before, after } = await endless(seconds)
  return [
    row({ row: `destroy ${WHAT}, recycling`, unit: 'ms', ours: times.destroy, peer: [peer.name, theirs.destroy], atMost: bounds.destroy, note: 'each by its own destroy(), all at once' }),
    row({ row: `make ${WHAT}, recycled`, unit: 'ms', ours: times.make, peer: [peer.name, theirs.make] }),
    row({ row: `host.close() with ${COUNT} pooled networks, until links and names are gone`, unit: 'ms', ours: times.close, peer: ['destroy, cold, until links are gone', times.cold], atMost: bounds.close }),
    row({ row: `make and destroy without pause for ${seconds} s, recycling`, unit: 'networks/s', ours: [rate], atLeast: bounds.rate, note: `batches of ${WHAT}` }),
    row({ row: 'meanwhile growth of descriptors', unit: 'fds', ours: [after.fds - before.fds], atMost: 0 }),
    row({ row: 'meanwhile growth of memory, heap', unit: 'kB', ours: [(after.heap - before.heap) / 1000], atMost: SLACK / 1000, note: `resident: ${((after.rss - before.rss) / 1000).toFixed(0)} kB; no link is left after close()` }),
  ]
}
