/** Makes and removes one network more, at several numbers of networks, with marks that strace sees: `node constant-worker.js '{"netns":…,"root":…,"counts":[10,300]}'`. */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHost } from '../../src/engine/host.js'
import type { Host, NetworkInput } from '../../src/index.js'

interface Work { readonly netns: string, readonly root: string, readonly counts: readonly number[] }
const { netns, root, counts } = JSON.parse(process.argv[2] ?? '{}') as Work
const mark = (text: string): void => { writeSync(2, `MARK ${text}\n`) }
/** What follows a change (news of files that changed) is part of its cost. */
const quiet = async (): Promise<void> => { await sleep(60) }

const given = (i: number): NetworkInput => ({ name: `n${String(i)}`, bridge: { name: `b${String(i)}` }, dns: { enable: false }, forward: { mode: 'nat' }, subnet: `10.${String(100 + (i >> 8))}.${String(i & 255)}.0/24` })
const auto = (i: number): NetworkInput => ({ name: `n${String(i)}`, dns: { enable: false }, forward: { mode: 'nat' }, subnet: 'auto/24' })

async function measure (host: Host, count: number, kind: string, spec: (i: number) => NetworkInput): Promise<void> {
  // Twice: the first one may find something to read.
  for (const round of ['warm', kind]) {
    await host.settled()
    await quiet()
    mark(`make ${round} ${String(count)}`)
    const net = await host.create(spec(50_000))
    await quiet()
    mark(`remove ${round} ${String(count)}`)
    await net.destroy()
    await quiet()
    mark(`settle ${round} ${String(count)}`)
    await host.settled()
    await quiet()
    mark('rest')
  }
}

const host = await openHost({ netns, root })
let made = 0
for (const count of counts) {
  for (; made < count; made++) await host.create(made % 2 === 0 ? given(made) : auto(made))
  await measure(host, count, 'given', (i) => ({ ...given(i), subnet: '10.99.0.0/24' }))
  await measure(host, count, 'auto', auto)
  const net = await host.network('n3')
  await quiet()
  mark(`attach tap ${String(count)}`)
  const port = await net.attach({ kind: 'tap', fds: false })
  await quiet()
  mark(`detach tap ${String(count)}`)
  await port.detach()
  await quiet()
  mark('rest')
}
mark('end')
await Promise.all((await host.networks()).map(async ({ name }) => { await (await host.network(name)).destroy() }))
await host.close()
