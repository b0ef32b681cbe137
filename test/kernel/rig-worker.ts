/**
 * A process with a rig: `node rig-worker.js '{"netns":…,"root":…,"rig":{…}}'`. Says `ready` when it stands. `step`: is killed before that step, the
 * `at`th time it comes; with `drop` it drops the rig after it stands; with `lifetime` it is watched over.
 */
import { openHost } from '../../src/engine/host.js'
import type { RigInput } from '../../src/index.js'

export interface RigWork { readonly netns: string, readonly root: string, readonly rig: RigInput, readonly step?: string, readonly drop?: boolean, readonly lifetime?: 'process' }

const { netns, root, rig: input, step, drop = false, lifetime } = JSON.parse(process.argv[2] ?? '{}') as RigWork
const armed = { now: !drop }
const hook = (name: string): void => { if (armed.now && name === step) process.kill(process.pid, 'SIGKILL') }
const host = await openHost({ netns, root, ...lifetime === undefined ? {} : { lifetime } }, { hook })
const rig = await host.rig(input)
console.log('ready')
if (drop) {
  armed.now = true
  await rig.drop()
  await host.close()
} else await new Promise(() => { setInterval(() => undefined, 1_000_000) })
