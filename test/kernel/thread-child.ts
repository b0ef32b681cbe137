/** Programs with hosts on a thread of their own: `node thread-child.js '{"netns":…,"root":…,"order":…}'`; says on standard output what became of it. */
import { execFileSync } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { NetwrightError, openHost, type Host, type NetworkInput } from '../../src/index.js'

export interface Order {
  readonly netns: string
  readonly root: string
  /** `terminate`: the thread is ended in the middle of a change. `unclosed`: a host that keeps no process alive is not closed. `idle`: one that does is asked for nothing. `parts`: of a handle only a part is kept. */
  readonly order: 'terminate' | 'unclosed' | 'idle' | 'parts'
}

const { netns, root, order } = JSON.parse(process.argv[2] ?? '{}') as Order
const COUNT = 60
const spec = (i: number): NetworkInput => ({ name: `net${String(i)}`, forward: 'nat', subnet: `10.61.${String(i)}.0/24`, bridge: `nwb${String(i)}`, dns: { enable: false } })
const say = (line: string): void => { process.stdout.write(`${line}\n`) }
const outcome = async (work: Promise<unknown>): Promise<string> => await work.then(() => 'done', (error: unknown) => error instanceof NetwrightError ? error.code : String(error))

async function terminate (): Promise<void> {
  const threads: Worker[] = []
  subscribe('worker_threads', (message) => { threads.push((message as { readonly worker: Worker }).worker) })
  const host = await openHost({ netns, root })
  const making = outcome(host.create(Array.from({ length: COUNT }, (_, i) => spec(i))))
  for (let look = 0; look < 2_000 && !execFileSync('ip', ['-n', netns.split('/').at(-1) ?? '', '-o', 'link'], { encoding: 'utf8' }).includes('nwb'); look++) await sleep(1)
  await threads[0]?.terminate()
  say(`create ${await making}, networks ${await outcome(host.networks())}, close ${await outcome(host.close())}`)
  await using next = await openHost({ netns, root })
  say(`then ${String((await next.networks()).length)} networks`)
  for (const { name } of await next.networks()) await (await next.network(name)).destroy()
  await next.settled()
}

/** Nothing of the caller's keeps the process alive. */
async function unclosed (): Promise<void> {
  const host = await openHost({ netns, root, supervise: false })
  const networks = await host.create([0, 1, 2].map((i) => ({ network: spec(i), ports: [{ kind: 'tap' as const }] })))
  await Promise.all(networks.map(async (network) => { await network.destroy() }))
  say('destroyed')
}

async function idle (): Promise<void> {
  const host: Host = await openHost({ netns, root })
  setTimeout(() => { say('still there'); void host.close().then(() => { say('closed') }) }, 700).unref()
}

/** Garbage is collected, and what that tells the other thread has arrived. */
async function parts (): Promise<void> {
  await using host = await openHost({ netns, root })
  await host.create(spec(0))
  const { leases } = await host.network('net0')
  for (let i = 0; i < 20; i++) {
    globalThis.gc?.()
    await host.networks()
  }
  say(`${String((await leases.list()).length)} leases`)
  await (await host.network('net0')).destroy()
}

const programs: Readonly<Record<Order['order'], () => Promise<void>>> = { terminate, unclosed, idle, parts }
await programs[order]()
