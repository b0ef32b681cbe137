/** Makes and removes one network more, at several numbers of networks, with marks that strace sees: `node constant-worker.js '{"netns":…,"root":…,"counts":[10,300]}'`. */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHost } from '../../src/engine/host.js'
import type { NetworkInput } from '../../src/index.js'

interface Work { readonly netns: string, readonly root: string, readonly counts: readonly number[] }
const { netns, root, counts } = JSON.parse(process.argv[2] ?? '{}') as Work
const mark = (text: string): void => { writeSync(2, `MARK ${text}\n`) }
/** What follows a change by itself (news of files that changed) counts, too: nothing is waited for. */
const rest = async (): Promise<void> => { await sleep(50) }

const given = (i: number): NetworkInput => ({ name: `n${String(i)}`, bridge: { name: `b${String(i)}` }, dns: { enable: false }, forward: { mode: 'nat' }, subnet: `10.${String(100 + (i >> 8))}.${String(i & 255)}.0/24` })
const auto = (i: number): NetworkInput => ({ name: `n${String(i)}`, dns: { enable: false }, forward: { mode: 'nat' }, subnet: 'auto/24' })

const host = await openHost({ netns, root })

async function round (kind: string, count: number, work: () => Promise<void>): Promise<void> {
  await rest()
  mark(`${kind} ${String(count)}`)
  await work()
  await rest()
  mark('rest')
  await host.settled()
}

let made = 0
for (const count of counts) {
  for (; made < count; made++) await host.create(made % 2 === 0 ? given(made) : auto(made))
  for (const [kind, spec] of [['given', { ...given(1), name: 'more', bridge: { name: 'brmore' }, subnet: '10.99.0.0/24' }], ['auto', { ...auto(1), name: 'other' }]] as const) {
    // The first one may find something to read.
    for (const which of ['first', kind]) {
      await round(`make ${which}`, count, async () => { await host.create(spec) })
      await round(`remove ${which}`, count, async () => { await (await host.network(spec.name)).destroy() })
    }
  }
  await round('attach', count, async () => { await (await host.network('n3')).attach({ kind: 'tap', dev: 'tap3', fds: false }) })
  await round('detach', count, async () => { await (await host.network('n3')).detach('tap3') })
}
mark('end')
await Promise.all((await host.networks()).map(async ({ name }) => { await (await host.network(name)).destroy() }))
await host.close()
