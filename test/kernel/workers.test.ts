/** Hosts in worker threads, which may be terminated at any moment: what they had open goes with them, and the next host finishes what they were at. */
import { test } from 'uvu'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import type { Order } from './workers-main.js'

const program = started(new URL('workers-main.js', import.meta.url))

const CRASHES = 4

/** Node 20 aborts where a worker is terminated in the very moment in which it calls a function of `fs`, whoever calls it: src/node_file.cc asserts that it could still make an object. */
const isNodesOwn = (error: unknown): boolean => error instanceof Error && /node_file\.cc[^]*Assertion failed: \(req_wrap_async\) != nullptr/.test(error.message)

for (const lifetime of ['unlimited', 'process'] as const) {
  kernelTest(test, `workers: terminated in the middle of a change, lifetime ${lifetime}; locks and descriptors are free, and the next host leaves nothing`, async ({ ns, tmp }) => {
    const root = join(tmp, 'root')
    await mkdir(root, { mode: 0o711 })
    const run = async (): Promise<void> => {
      await must(process.execPath, ['--enable-source-maps', program, JSON.stringify({ netns: ns.path, root, lifetime, rounds: 8 } satisfies Order)], { env: { NODE_V8_COVERAGE: '' }, timeoutMs: 180_000 })
    }
    // The next run in the same place also finds what the crash left.
    for (let tries = 1; ; tries++) {
      try { await run(); return } catch (error) { if (tries === CRASHES || !isNodesOwn(error)) throw error }
    }
  }, { needs: ['dnsmasq', 'tun'] })
}

test.run()
