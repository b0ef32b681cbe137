/**
 * Makes and stops networks out of a pool, and is killed before its nth effect: `node recycle-child.js '{"netns":…,"root":…,"step":…}'`.
 * Without a step it names all of them and comes to its end.
 */
import { openHost } from '../../src/engine/host.js'
import { isolated } from './recycle-work.js'

const { netns, root, step } = JSON.parse(process.argv[2] ?? '{}') as { netns: string, root: string, step?: number }
const seen: string[] = []
const hook = (name: string): void => {
  seen.push(name)
  if (seen.length === step) process.kill(process.pid, 'SIGKILL')
}
const host = await openHost({ netns, root, supervise: false, recycle: { max: 20 } }, { hook })
await host.pool.fill({ bridges: 2, taps: { count: 1 } })
for (let round = 0; round < 2; round++) {
  const networks = await host.create(isolated)
  await Promise.all(networks.map(async (network) => { await network.destroy() }))
}
await host.close()
if (step === undefined) console.log(seen.join('\n'))
