/** Making and destroying networks without end, for the soak and its short form among the tests. Runs in the process that is measured. */
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Host } from 'netwright'
import { engineHeap } from './engine-heap.js'
import { specs, TAPS } from './objects.js'

export interface Lanes {
  /** The number of the first cycle: each has a name, a bridge and a subnet of its own, used again after some thousand. */
  readonly first: number
  readonly cycles: number
  /** So many are under way at once. */
  readonly concurrency: number
  /** Every so many-th has DHCP. */
  readonly served: number
  /** Every so many-th has two TAPs. */
  readonly tapped: number
}

/** As issue 3 asks for. */
export const soakLanes: Omit<Lanes, 'first' | 'cycles'> = { concurrency: 8, served: 10, tapped: 5 }

/** Subnets 10.64.0.0/24 to 10.191.255.0/24 are there; names are used again long before. */
const NAMES = 4000

async function cycle (host: Host, i: number, { served, tapped }: Lanes): Promise<void> {
  const [spec] = specs({ count: 1, first: i % NAMES, dhcp: i % served === 0 })
  if (spec === undefined) return
  const network = await host.create(spec)
  if (i % tapped === 0) for (let j = 0; j < TAPS; j++) await network.attach({ kind: 'tap', fds: false })
  await network.destroy()
}

/** All cycles, `concurrency` at a time. */
export async function drive (host: Host, lanes: Lanes): Promise<void> {
  let next = lanes.first
  const end = lanes.first + lanes.cycles
  await Promise.all(Array.from({ length: lanes.concurrency }, async () => {
    while (next < end) await cycle(host, next++, lanes)
  }))
}

/** What must not grow in a process. Bytes after collecting garbage; `heap`: of the thread that asks and of netwright's own. */
export interface Holding { readonly fds: number, readonly threads: number, readonly heap: number, readonly rss: number }

/** Collects garbage, in a process that was not started for it, too. */
function collect (): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
}

export async function holding (): Promise<Holding> {
  const engine = await engineHeap()
  for (let i = 0; i < 3; i++) { collect(); await sleep(20) }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { fds: (await readdir('/proc/self/fd')).length, threads: (await readdir('/proc/self/task')).length, heap: heapUsed + external + engine, rss }
}
