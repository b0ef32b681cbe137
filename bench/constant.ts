/** Network number 1,000 beside network number 10: packets, nft, making, destroying, memory. Two namespaces stand at once and take turns. */
import { row, type Row } from './figures.js'
import { fresh, gone } from './namespace.js'
import { withWorker, type Worker } from './ours.js'
import { packetsPerSecond, pave, unpave } from './traffic.js'

const FEW = 10
const MANY = 1000
/** What issue 3 asks for. */
const bounds = { packets: 0.9, commit: 1.2, one: 1.2, heap: 30 } as const
/** Commits a run, and networks made singly a run. */
const COMMITS = 50
const SINGLY = 7
const PACKET_RUNS = 7

interface Stand { readonly netns: string, readonly worker: Worker, readonly count: number, readonly packets: number[], readonly commit: number[], readonly make: number[], readonly destroy: number[] }

const stand = (worker: Worker, netns: string, count: number): Stand => ({ netns, worker, count, packets: [], commit: [], make: [], destroy: [] })

/** One more network, made and destroyed; what waits to be deleted is gone before the next. */
async function singly ({ worker, count, make, destroy }: Stand, counted: boolean): Promise<void> {
  const as = `one network more, beside ${count}`
  const made = await worker.make({ count: 1, first: count }, as)
  const destroyed = await worker.destroy([`net${count}`], as)
  await worker.settled()
  if (!counted) return
  make.push(made.ms)
  destroy.push(destroyed.ms)
}

async function measured (few: Stand, many: Stand, runs: number): Promise<void> {
  const both = [few, many] as const
  for (let i = 0; i <= runs * SINGLY; i++) for (const one of both) await singly(one, i > 2)
  for (let run = 0; run <= runs; run++) {
    const { values = [] } = await few.worker.ask({ verb: 'commit', sides: both.map(({ netns, count }) => ({ netns, like: `nb${count - 1}` })), times: COMMITS })
    if (run > 0) for (const [i, { commit }] of both.entries()) commit.push(values[i] ?? Number.NaN)
  }
  const roads = [await pave(few.netns, FEW - 1), await pave(many.netns, MANY - 1)] as const
  for (let run = 0; run <= PACKET_RUNS; run++) {
    for (const [i, one] of both.entries()) {
      const road = roads[i]
      const rate = road === undefined ? Number.NaN : await packetsPerSecond(road)
      if (run > 0) one.packets.push(rate)
    }
  }
  for (const road of roads) await unpave(road)
}

/** Kilobytes a network that the process holds while networks run. */
async function heapOf (worker: Worker, before: number, count: number): Promise<number> {
  return (await heap(worker) - before) / count / 1000
}

/** Bytes of live objects. */
async function heap (worker: Worker): Promise<number> { return (await worker.ask({ verb: 'holding' })).stats?.heap ?? Number.NaN }

export async function constant (runs: number): Promise<Row[]> {
  return await withWorker(async (one) => await withWorker(async (other) => {
    const [few, many] = [stand(one, await fresh(), FEW), stand(other, await fresh(), MANY)]
    await few.worker.open({ netns: few.netns })
    await few.worker.make({ count: FEW })
    await many.worker.open({ netns: many.netns })
    // What is loaded and compiled once is no network's: a first one pays for it.
    await many.worker.make({ count: 1, first: MANY })
    await many.worker.destroy()
    await many.worker.settled()
    const empty = await heap(many.worker)
    const batch = await many.worker.make({ count: MANY }, `make ${MANY} in one batch`)
    const kept = await heapOf(many.worker, empty, MANY)
    await measured(few, many, runs)
    const destroyed = await many.worker.destroy(undefined, `destroy ${MANY}`)
    await many.worker.settled(`destroy ${MANY}`)
    for (const { worker, netns } of [few, many]) { await worker.close(); await gone(netns) }
    const against = `network ${FEW}`
    return [
      row({ row: `UDP packets/s through NAT, ${MANY} networks`, unit: 'packets/s', ours: many.packets, peer: [`${FEW} networks`, few.packets], atLeast: bounds.packets, note: `64-byte packets of 32 flows through the last network; the same program for both, taking turns` }),
      row({ row: `one more network committed to nft at ${MANY}`, unit: 'ms', ours: many.commit, peer: [`at ${FEW}`, few.commit], atMost: bounds.commit, note: `each figure the median of ${COMMITS} commits; both by one process, taking turns` }),
      row({ row: `network ${MANY}, made singly`, unit: 'ms', ours: many.make, peer: [against, few.make], atMost: bounds.one }),
      row({ row: `network ${MANY}, destroyed singly`, unit: 'ms', ours: many.destroy, peer: [against, few.destroy], atMost: bounds.one, note: 'until the name is free' }),
      row({ row: `make ${MANY} nat networks in one batch`, unit: 'ms', ours: [batch.ms] }),
      row({ row: `destroy ${MANY} nat networks, until names are free`, unit: 'ms', ours: [destroyed.ms] }),
      row({ row: 'heap per running network', unit: 'kB/network', ours: [kept], atMost: bounds.heap, note: `of ${MANY}, after three collections` }),
    ]
  }))
}
