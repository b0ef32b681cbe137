/** Makes networks, destroys them all, and is killed before a step: `node graves-worker.js '{"netns":…,"root":…,"step":…,"networks":[…]}'`. `twice`: before its second time. */
import { openHost } from '../../src/engine/host.js'
import type { NetworkInput } from '../../src/index.js'

const { netns, root, step, networks } = JSON.parse(process.argv[2] ?? '{}') as { netns: string, root: string, step: string, networks: NetworkInput[] }
let at = Infinity
const hook = (name: string): void => { if (name === step.replace(/ twice$/, '') && --at === 0) process.kill(process.pid, 'SIGKILL') }
const host = await openHost({ netns, root, supervise: false }, { hook })
const made = await host.create(networks)
at = step.endsWith(' twice') ? 2 : 1
await Promise.all(made.map(async (network) => { await network.destroy() }))
await host.close()
