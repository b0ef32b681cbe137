/**
 * Terminates workers in the middle of what they do and looks at what that leaves, in a process of its own, since Node itself leaves a file open whose opening was
 * under way: `node workers-main.js '{"netns":…,"root":…,"lifetime":…,"rounds":…}'`. Exits 0 where each next host could clear up and nothing of ours stayed open.
 */
import { readdir, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import { openHost } from '../../src/index.js'
import { eventually } from './bed.js'

export interface Order { readonly netns: string, readonly root: string, readonly lifetime: 'process' | 'unlimited', readonly rounds: number }

const indexFile = new URL('../../src/index.js', import.meta.url).href

/** Opens a host and makes and destroys networks, some with DHCP, without an end; posts `ready` after the first. */
const script = `
  const { parentPort, workerData: { netns, root, lifetime, index } } = require('node:worker_threads')
  import(index).then(async ({ openHost }) => {
    const host = await openHost({ netns, root, lifetime })
    for (let i = 0; ; i++) {
      const network = await host.create({ name: 'net' + i % 3, forward: 'nat', subnet: '10.60.' + i % 3 + '.0/24', ...i % 4 === 0 ? { dhcp: true } : { dns: { enable: false } } })
      await network.attach({ kind: 'tap', fds: false })
      if (i === 0) parentPort.postMessage('ready')
      await network.destroy()
    }
  })`

/** What this process has open of namespaces, processes and TAPs. That a lock is free shows when the next host takes it. */
async function held (): Promise<string[]> {
  const links = await Promise.all((await readdir('/proc/self/fd')).map(async (fd) => await readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return links.filter((link) => /^net:|pidfd|^\/dev\/net\/tun/.test(link)).sort()
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order
const place = { netns: order.netns, root: order.root }
const before = await held()
for (let round = 0; round < order.rounds; round++) {
  const worker = new Worker(script, { eval: true, workerData: { ...place, lifetime: order.lifetime, index: indexFile } })
  await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject) })
  await sleep(round * 4)
  await worker.terminate()
  const host = await openHost({ ...place, lockTimeout: 30_000, supervise: false })
  for (const { name } of await host.networks()) if (order.lifetime === 'unlimited') await (await host.network(name)).destroy()
  assert.equal(await host.networks(), [])
  await (await host.create({ name: 'next', forward: 'nat', subnet: '10.60.9.0/24', dns: { enable: false } })).destroy()
  await host.close()
  await eventually(`the end of ${(await held()).join()}`, async () => (await held()).join() === before.join() ? true : undefined)
}
