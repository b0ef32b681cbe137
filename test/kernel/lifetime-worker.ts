/**
 * A host whose networks end with it: `node lifetime-worker.js '{"netns":…,"root":…,"count":…}'`. Says `ready` when all stands, then comes to its end.
 * `step`: it is killed before that step, of its starts or (with `destroy`) of its stops.
 */
import { openHost } from '../../src/engine/host.js'
import type { NetworkInput } from '../../src/index.js'

export interface Life {
  readonly netns: string
  readonly root: string
  /** Networks, every tenth with DHCP, every fifth with a TAP. */
  readonly count: number
  /** Attach a TAP to this network, which somebody else made. */
  readonly guestOf?: string
  /** Start this stored network. */
  readonly stored?: string
  readonly step?: string
  readonly destroy?: boolean
  readonly end: 'wait' | 'abort' | 'exit' | 'throw' | 'close'
}

const life = JSON.parse(process.argv[2] ?? '{}') as Life
const spec = (i: number): NetworkInput => ({ name: `net${String(i)}`, forward: 'nat', subnet: `10.60.${String(i)}.0/24`, bridge: `nwb${String(i)}`, ...i % 10 === 0 ? { dhcp: true } : { dns: { enable: false } } })
const host = await openHost({ netns: life.netns, root: life.root, lifetime: 'process' }, { hook: (step) => { if (step === life.step) process.kill(process.pid, 'SIGKILL') } })
const networks = await host.create(Array.from({ length: life.count }, (_, i) => spec(i)))
for (const [i, network] of networks.entries()) if (i % 5 === 0) await network.attach({ kind: 'tap', fds: i % 2 === 0 })
if (life.guestOf !== undefined) await (await host.network(life.guestOf)).attach({ kind: 'tap', fds: false, dev: 'theirs' })
if (life.stored !== undefined) await (await host.network(life.stored)).start()
process.stdout.write('ready\n')
if (life.destroy === true) await Promise.all(networks.map(async (network) => { await network.destroy() }))
if (life.end === 'wait') setInterval(() => undefined, 1_000)
if (life.end === 'abort') process.abort()
if (life.end === 'exit') process.exit(0)
if (life.end === 'throw') throw new Error('as programs do')
await (life.end === 'close' ? host.close() : new Promise(() => undefined))
