/**
 * The soak: 20,000 networks made and destroyed, eight at a time, one in ten with DHCP, one in five with two TAPs; nothing may have grown at the end.
 * scripts/bench --soak [--cycles N] [--recycle]. Prints progress and a summary; fails where something has grown.
 */
import { readdir } from 'node:fs/promises'
import { exec, json } from '../test/harness/command.js'
import { soakLanes, type Holding } from './lanes.js'
import { fresh, gone, inside } from './namespace.js'
import { TAPS } from './objects.js'
import { withWorker, type Worker } from './ours.js'
import { recycling } from './recycle.js'

/** Bytes that memory may differ by. */
const SLACK = 10 << 20
const PART = 500

/** All that must not grow: of the process, of the namespace, of the machine's processes, and files. */
interface Inventory extends Holding { readonly links: number, readonly rules: number, readonly processes: number, readonly files: number }

async function count (directory: string): Promise<number> {
  return (await readdir(directory, { recursive: true }).catch(() => [])).length
}

async function inventory (worker: Worker, netns: string, root: string): Promise<Inventory> {
  const { stats } = await worker.ask({ verb: 'holding' })
  if (stats === undefined) throw new Error('the worker does not know what it holds')
  return {
    ...stats, links: (await json('ip', ['-n', netns, '-j', 'link']) as unknown[]).length, rules: (await inside(netns, 'nft', 'list', 'ruleset')).split('\n').filter((line) => line.trim() !== '').length,
    processes: (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).length, files: await count(root) + await count('/run/netwright'),
  }
}

const mega = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MB`

/** With a pool there are as many links, each with a record, as were in use at once, which chance decides. After `close` there is none. */
const POOLED = soakLanes.concurrency * (1 + TAPS)

/** What has grown, in words. */
function growth (before: Inventory, after: Inventory, recycle: boolean): string[] {
  const allowed = { links: recycle ? POOLED : 0, rules: 0, processes: 0, fds: 0, threads: 0, files: recycle ? POOLED : 0 }
  const counts = (['links', 'rules', 'processes', 'fds', 'threads', 'files'] as const).flatMap((what) => after[what] > before[what] + allowed[what] ? [`${what}: ${before[what]} → ${after[what]}`] : [])
  const bytes = (['heap', 'rss'] as const).flatMap((what) => after[what] - before[what] > SLACK ? [`${what}: ${mega(before[what])} → ${mega(after[what])}`] : [])
  return [...counts, ...bytes]
}

export interface Soaked { readonly before: Inventory, readonly after: Inventory, readonly grown: readonly string[], readonly seconds: number, readonly cycles: number }

/** A tenth of the cycles comes first and is not compared: caches fill, code is compiled, the heap finds its size. */
async function soaked (cycles: number, recycle: boolean, say: (line: string) => void): Promise<Soaked> {
  const netns = await fresh()
  const root = '/run/nw-bench-root'
  try {
    return await withWorker(async (worker) => {
      await worker.open(recycle ? recycling({ netns, root }) : { netns, root })
      const drive = async (first: number, some: number): Promise<void> => { await worker.ask({ verb: 'drive', lanes: { ...soakLanes, first, cycles: some } }) }
      await drive(0, Math.max(PART / 10, Math.round(cycles / 10)))
      await worker.settled()
      const before = await inventory(worker, netns, root)
      const begin = performance.now()
      for (let done = 0; done < cycles; done += PART) {
        await drive(done, Math.min(PART, cycles - done))
        const ran = (performance.now() - begin) / 1000
        say(`soak: ${Math.min(cycles, done + PART)} of ${cycles} networks, ${((done + PART) / ran).toFixed(0)} a second`)
      }
      const seconds = (performance.now() - begin) / 1000
      await worker.settled()
      const after = await inventory(worker, netns, root)
      await worker.close()
      const left = (await json('ip', ['-n', netns, '-j', 'link']) as { ifname: string }[]).map(({ ifname }) => ifname).filter((name) => name !== 'lo')
      const grown = [...growth(before, after, recycle), ...left.length > 0 ? [`links after close: ${left.join(' ')}`] : []]
      if ((await exec('pgrep', ['-x', 'dnsmasq'])).code === 0) grown.push('a dnsmasq runs after close')
      return { before, after, grown, seconds, cycles }
    })
  } finally { await gone(netns) }
}

/** Resolves with the exit code. */
export async function soak (cycles: number, recycle: boolean): Promise<number> {
  const { before, after, grown, seconds } = await soaked(cycles, recycle, (line) => { process.stderr.write(`${line}\n`) })
  const words = (['links', 'rules', 'processes', 'fds', 'threads', 'files'] as const).map((what) => `${what} ${before[what]} → ${after[what]}`)
  process.stdout.write(`${cycles} networks made and destroyed in ${seconds.toFixed(0)} s${recycle ? ', recycling' : ''}: ${words.join(', ')}, heap ${mega(before.heap)} → ${mega(after.heap)}, resident ${mega(before.rss)} → ${mega(after.rss)}\n`)
  process.stdout.write(`${JSON.stringify({ soak: cycles, recycle, seconds, before, after, grown })}\n`)
  if (grown.length > 0) process.stderr.write(`bench: the soak has left something: ${grown.join('; ')}\n`)
  return grown.length > 0 ? 1 : 0
}
