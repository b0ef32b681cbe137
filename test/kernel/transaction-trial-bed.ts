/** What the tests of transactions on trial stand on. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openHost, type CommittedOnTrial, type Host, type TransactionTrialOptions } from '../../src/index.js'
import { background, type Background } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { settle, type Snapshot } from '../harness/snapshot.js'
import { state } from '../faults/state.js'
import { eventually } from './bed.js'
import { pidsOf } from './lifetime-bed.js'
import { everything, standing } from './transaction-trial-work.js'
import type { Order } from './transaction-trial-worker.js'

const worker = fileURLToPath(new URL('transaction-trial-worker.js', import.meta.url))
export const env = { NODE_V8_COVERAGE: '' } // of a process that is killed nothing is written
const needs = { needs: ['dnsmasq', 'nft', 'tun'] }

/** Waits until there is no watcher, and none that has become its program. */
export async function unwatched (): Promise<void> {
  await eventually('the end of the watcher', async () => (await pidsOf('netwright-reaper')).length + (await pidsOf('engine/reap.js')).length === 0 ? true : undefined)
}

export interface Stand {
  readonly host: Host
  readonly guest: string
  readonly before: Snapshot
  /** `everything` on trial. */
  attempt (options?: Partial<TransactionTrialOptions>): Promise<CommittedOnTrial>
  /** Somebody else of the same owner. */
  other (): Promise<Host>
  look (): Promise<Snapshot>
  /** Nobody is at it any more, and all is as it was. */
  back (what: string): Promise<void>
  /** One that dies, with the steps that it has said. */
  worker (order: Partial<Order>): Background
}

const workers = new Set<Background>()

/** A test with networks that run; all that it leaves are they. */
export function trial (name: string, body: (stand: Stand, context: KernelTest) => Promise<void>): void {
  kernelTest(test, `transaction on trial: ${name}`, async (context) => {
    const { ns, tmp } = context
    const place = { netns: ns.name, guest: (await ns.add()).name, root: join(tmp, 'root') }
    const other = async (): Promise<Host> => await openHost({ netns: ns.path, root: place.root, supervise: false, lockTimeout: 60_000 })
    const host = await other()
    try {
      await standing(host)
      await host.settled()
      // Empty directories say nothing.
      const look = async (): Promise<Snapshot> => new Map([...await state(place)].map(([heading, lines]) => [heading, lines.filter((line) => !line.endsWith('/'))]))
      const before = await look()
      await body({
        host, guest: place.guest, before, other, look,
        attempt: async (options = {}) => await host.transaction(everything(place), { confirmWithin: 60, probe: 'none', ...options }),
        back: async (what) => {
          await host.settled().catch(() => undefined)
          await unwatched()
          assert.equal((await settle(before, look)).slice(0, 8), [], what)
        },
        worker: (order) => {
          const one = background(process.execPath, [worker, JSON.stringify({ ...place, netns: ns.path, confirmWithin: 60, ...order } satisfies Order)], { env })
          workers.add(one)
          return one
        },
      }, context)
    } finally {
      for (const one of workers) await one.stop('SIGKILL')
      workers.clear()
      await host.close()
      const last = await other()
      for (const one of await last.networks()) await (await last.network(one.name)).destroy()
      for (const one of await last.networks()) await (await last.network(one.name)).undefine()
      await last.close()
    }
  }, needs)
}
