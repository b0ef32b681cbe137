/**
 * The program in which netwright is measured: a process with nothing else in it, so that what the benchmark itself does (starting programs, reading
 * their output) holds no event loop that counts. It takes orders from its parent, one at a time, and answers how long each took. See ours.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { profiled } from './profile.js'
import { openHost, type Host, type HostOptions, type Network } from 'netwright'
import { commits, type Side } from './commit.js'
import { drive, holding, type Holding, type Lanes } from './lanes.js'
import { schedule, watchLoop, type Delay } from './loop.js'
import { batch, type Wanted } from './objects.js'

/** What can be asked for. `watch`: with an eye on the event loop, which costs a hundredth. */
export type Order = { readonly watch?: boolean } & (
  | { readonly verb: 'open', readonly options: HostOptions }
  /** `each`: by a call of its own, all at once. */
  | { readonly verb: 'make', readonly wanted: Wanted, readonly each?: boolean }
  /** TAPs of the first network that was made. */
  | { readonly verb: 'attach' | 'detach', readonly count: number, readonly each: boolean }
  /** All that were made here, at once, or those named. */
  | { readonly verb: 'destroy', readonly names?: readonly string[] }
  /** `destroyAll`: whoever made them. */
  | { readonly verb: 'destroyAll' | 'settled' | 'close' | 'list' | 'holding' }
  | { readonly verb: 'commit', readonly sides: readonly Side[], readonly times: number }
  | { readonly verb: 'drive', readonly lanes: Lanes }
  /** Makes and destroys the same batch without pause; how many networks a second. */
  | { readonly verb: 'cycle', readonly wanted: Wanted, readonly seconds: number }
  /** As `make` or `destroy`, but tells what the time was spent on. */
  | { readonly verb: 'profile', readonly wanted?: Wanted }
  | { readonly verb: 'sleep', readonly ms: number }
)

/** `begin` and `end` are of CLOCK_MONOTONIC, milliseconds: the same clock in every process. `cpu`: milliseconds of the main thread, `all`: of the process. */
export interface Answer { readonly ms: number, readonly begin: number, readonly end: number, readonly cpu: number, readonly all: number, readonly value?: number, readonly values?: readonly number[], readonly stats?: Holding, readonly lines?: readonly string[], readonly delay?: Delay }

let host: Host | undefined
/** What was made here. */
const handles = new Map<string, Network>()

function opened (): Host {
  if (host === undefined) throw new Error('no host is open')
  return host
}

async function make (wanted: Wanted, each = false): Promise<void> {
  const items = batch(wanted)
  const made = each ? await Promise.all(items.map(async (item) => await opened().create(item))) : await opened().create(items)
  for (const network of made) handles.set(network.name, network)
}

/** `each`: by a call of its own, all at once; else in one transaction. */
async function plug (verb: 'attach' | 'detach', count: number, each: boolean): Promise<void> {
  const [network] = handles.values()
  if (network === undefined) throw new Error('no network was made')
  const devs = Array.from({ length: count }, (_, i) => `more${i}`)
  if (each) await Promise.all(devs.map(async (dev) => await (verb === 'attach' ? network.attach({ kind: 'tap', dev, fds: false }) : network.detach(dev))))
  else await opened().transaction((tx) => { for (const dev of devs) if (verb === 'attach') tx.attach(network.name, { kind: 'tap', dev, fds: false }); else tx.detach(network.name, dev) })
}

/** All at once, each by its own call, as a program does that knows nothing of batches. */
async function destroy (names: readonly string[]): Promise<void> {
  await Promise.all(names.map(async (name) => {
    await handles.get(name)?.destroy()
    handles.delete(name)
  }))
}

async function destroyAll (): Promise<void> {
  const host = opened()
  const networks: Network[] = []
  for (const { name } of await host.networks()) networks.push(await host.network(name))
  await Promise.all(networks.map(async (network) => { await network.destroy() }))
}

async function cycle (wanted: Wanted, seconds: number): Promise<number> {
  const begin = performance.now()
  let count = 0
  while (performance.now() - begin < seconds * 1000) {
    await make(wanted)
    await destroy([...handles.keys()])
    count += wanted.count
  }
  return count / ((performance.now() - begin) / 1000)
}

async function obey (order: Order): Promise<number | { readonly values: readonly number[] } | Holding | string[] | undefined> {
  switch (order.verb) {
    case 'open': host = await openHost(order.options); return undefined
    case 'make': await make(order.wanted, order.each); return undefined
    case 'attach': case 'detach': await plug(order.verb, order.count, order.each); return undefined
    case 'destroy': await destroy(order.names ?? [...handles.keys()]); return undefined
    case 'destroyAll': await destroyAll(); return undefined
    case 'settled': await opened().settled(); return undefined
    case 'close': await host?.close(); host = undefined; return undefined
    case 'list': return (await opened().networks()).length
    case 'commit': return { values: await commits(order.sides, order.times) }
    case 'holding': return await holding()
    case 'drive': await drive(opened(), order.lanes); return undefined
    case 'cycle': return await cycle(order.wanted, order.seconds)
    case 'profile': return await profiled(async () => { const { wanted } = order; await (wanted === undefined ? destroy([...handles.keys()]) : make(wanted)) })
    case 'sleep': await sleep(order.ms); return undefined
  }
}

const clock = (): number => Number(process.hrtime.bigint()) / 1e6

async function answer (order: Order): Promise<Answer> {
  const { ran } = schedule()
  const all = process.cpuUsage()
  const watched = order.watch === true ? watchLoop() : undefined
  const begin = clock()
  const value = await obey(order)
  const end = clock()
  const delay = watched?.()
  const { user, system } = process.cpuUsage(all)
  return { ms: end - begin, begin, end, cpu: schedule().ran - ran, all: (user + system) / 1000, ...typeof value === 'number' ? { value } : value === undefined ? {} : Array.isArray(value) ? { lines: value } : 'values' in value ? value : { stats: value }, ...delay === undefined ? {} : { delay } }
}

process.on('message', (order: Order) => {
  answer(order).then((answered) => process.send?.({ answered }), (error: unknown) => process.send?.({ failed: error instanceof Error ? error.stack ?? error.message : String(error) }))
})
process.on('disconnect', () => { process.exit(0) })
