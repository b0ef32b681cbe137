/** Making networks: beside `ip -batch` with `nft -f` and other peers, and in whole programs. 100 nat networks with two TAPs each, as in issue 3. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { must } from '../test/harness/command.js'
import { cni, netavark } from './containers.js'
import { row, type Row } from './figures.js'
import { floor, linkMessages, type Floor } from './floor.js'
import { within } from './namespace.js'
import { specs, TAPS } from './objects.js'
import { withWorker, type Worker } from './ours.js'
import { iproute, netlink, pyroute2, timed, type Missing, type Peer, type PeerTime } from './peers.js'
import { model, prove, proveEmpty, repeat, withInternet } from './rig.js'

const COUNT = 100
/** netavark and the CNI plugin take half a minute for a run. */
const FEW = 1
/** What issue 3 asks for. */
const bounds = { make: 0.8, cpu: 0.15 } as const
const WHAT = `${COUNT} nat networks with ${TAPS} TAPs each`
const child = fileURLToPath(new URL('child.js', import.meta.url))
const cli = fileURLToPath(new URL('../bundle/cli/main.js', import.meta.url))

interface Times { readonly make: number[], readonly free: number[], readonly gone: number[], readonly cpu: number[], readonly all: number[], readonly program: number[] }

async function oursOnce (worker: Worker, times: Times | undefined): Promise<void> {
  await withInternet(async (netns) => {
    await worker.open({ netns })
    // The run that is not counted is the one in which nothing is compiled yet: its event loop is the one to be watched.
    const made = await worker.make({ count: COUNT, taps: true }, times === undefined ? `make ${WHAT}` : undefined)
    await prove(netns, COUNT)
    const destroyed = await worker.destroy(undefined, `destroy ${WHAT}`)
    const settled = await worker.settled(`delete the links of ${WHAT}`)
    await worker.close()
    await proveEmpty(netns)
    times?.make.push(made.ms)
    times?.cpu.push(made.cpu / COUNT)
    times?.all.push(made.all / COUNT)
    times?.free.push(destroyed.ms)
    times?.gone.push(settled.end - destroyed.begin)
  })
}

/** The same as a program of its own, from spawn to exit. */
async function programOnce (times: Times | undefined): Promise<void> {
  const ms = await within(async (netns) => await timed(async () => { await must(process.execPath, [child, 'make', netns, String(COUNT)], { timeoutMs: 120_000 }) }))
  times?.program.push(ms)
}

/** What making and destroying spend their time on, for RESULTS.md. */
export const details: { readonly what: string, readonly lines: readonly string[] }[] = []

async function explain (worker: Worker): Promise<void> {
  await within(async (netns) => {
    await worker.open({ netns, thread: false }) // the profiler sees the thread that it runs on
    const made = await worker.ask({ verb: 'profile', wanted: { count: COUNT, taps: true } })
    const destroyed = await worker.ask({ verb: 'profile' })
    await worker.close()
    details.push({ what: `make ${WHAT}`, lines: made.lines ?? [] }, { what: `destroy ${WHAT}, until names are free`, lines: destroyed.lines ?? [] })
  })
}

interface PeerTimes { readonly make: PeerTime[], readonly destroy: PeerTime[] }

interface What { readonly nat: boolean, readonly destroy: boolean }

async function theirsOnce (peer: Peer, times: PeerTimes | undefined, { nat, destroy }: What): Promise<void> {
  await withInternet(async (netns) => {
    const made = await peer.make(netns)
    if (nat) await prove(netns, COUNT)
    times?.make.push(made)
    if (!destroy) return // the namespace takes them with it
    const destroyed = await peer.destroy(netns)
    times?.destroy.push(destroyed)
  })
}

/** The row beside `ip -batch`, with the main thread's time and a whole program. */
export async function make (runs: number): Promise<Row[]> {
  const shown = await model(COUNT, true)
  const peer = await iproute(shown)
  const c = await floor(linkMessages(shown), shown.taps)
  const ours: Times = { make: [], free: [], gone: [], cpu: [], all: [], program: [] }
  const theirs: PeerTimes = { make: [], destroy: [] }
  const floored: Floor[] = []
  await withWorker(async (worker) => {
    await repeat(runs, async (counted) => {
      await oursOnce(worker, counted ? ours : undefined)
      await theirsOnce(peer, counted ? theirs : undefined, { nat: true, destroy: false })
      await programOnce(counted ? ours : undefined)
      const least = await within(c)
      if (counted) floored.push(least)
    })
    await explain(worker)
  })
  const beside = [peer.name, theirs.make.map(({ ms }) => ms)] as const
  return [
    row({ row: `make ${WHAT}, in process`, unit: 'ms', ours: ours.make, peer: beside, atMost: bounds.make, note: 'in one create() of a batch; a process that has done it once before' }),
    row({ row: 'the same, a whole Node program from spawn to exit', unit: 'ms', ours: ours.program, peer: beside }),
    row({ row: 'the same, beside the kernel\'s own time for its links', unit: 'ms', ours: ours.make, peer: ['C floor', floored.map(({ ms }) => ms)], note: 'TAPs, links and addresses only: no rules, no sysctls, no journal, no checks' }),
    row({ row: 'of the floor, the making of TAPs', unit: 'ms', ours: floored.map(({ taps }) => taps), note: 'the C program\'s, not ours: open, TUNSETIFF, TUNSETPERSIST, close' }),
    row({ row: 'of that, the closing of their descriptors', unit: 'ms', ours: floored.map(({ closing }) => closing), note: 'the C program\'s: each waits for an RCU grace period while it holds RTNL' }),
    row({ row: 'the least that these tools could reach: the floor beside ip -batch + nft -f', unit: 'ms', ours: floored.map(({ ms }) => ms), peer: beside, note: 'no program that makes these links one after the other can be quicker than this ratio' }),
    row({ row: 'main-thread CPU, making', unit: 'ms/network', ours: ours.cpu, atMost: bounds.cpu, note: 'of the thread that calls' }),
    row({ row: 'the same of the whole process', unit: 'ms/network', ours: ours.all, note: 'with netwright\'s own thread, those that wait for the kernel, and what the kernel does on them' }),
  ]
}

interface Candidate { readonly peer: Peer | Missing, readonly times: PeerTimes, readonly nat: boolean, readonly warm: boolean }

/** The other peers, for information. */
export async function peers (): Promise<Row[]> {
  const shown = await model(COUNT, true)
  const all: readonly Candidate[] = [
    ...[await pyroute2(shown), await netlink(shown)].map((peer) => ({ peer, times: { make: [], destroy: [] }, nat: true, warm: true })),
    ...[await netavark(COUNT), await cni(COUNT)].map((peer) => ({ peer, times: { make: [], destroy: [] }, nat: false, warm: false })),
  ]
  const ours: Times = { make: [], free: [], gone: [], cpu: [], all: [], program: [] }
  await withWorker(async (worker) => {
    await repeat(FEW, async (counted) => {
      await oursOnce(worker, counted ? ours : undefined)
      for (const { peer, times, nat, warm } of all) {
        if (!('missing' in peer) && (counted || warm)) await theirsOnce(peer, counted ? times : undefined, { nat, destroy: true })
      }
    })
  })
  const rowsOf = (verb: 'make' | 'destroy', mine: readonly number[], end: string): Row[] => all.map(({ peer, times }) => {
    const whole = times[verb].map(({ ms }) => ms)
    const within = times[verb].flatMap(({ within: own }) => own ?? [])
    const what = `${verb} ${WHAT}${end}`
    if ('missing' in peer) return { row: `${what}, beside ${peer.name}`, unit: 'ms', missing: peer.missing }
    const note = within.length > 0 ? { note: `without the start of its process: ${(within.reduce((sum, ms) => sum + ms, 0) / within.length).toFixed(0)} ms on average` } : {}
    return row({ row: `${what}, beside ${peer.name}`, unit: 'ms', ours: mine, peer: [peer.name, whole], ...note })
  })
  return [...rowsOf('make', ours.make, ''), ...rowsOf('destroy', ours.gone, ', until links are gone')]
}

/** The command line, one `net-create` a network. */
export async function processes (runs: number): Promise<Row[]> {
  const lines: number[] = []
  const directory = await mkdtemp('/run/nw-bench-')
  const files = await Promise.all(specs({ count: COUNT }).map(async (spec, i) => {
    const path = `${directory}/${i}.json`
    await writeFile(path, JSON.stringify(spec))
    return path
  }))
  const input = files.map((file) => `net-create ${file}\n`).join('')
  await repeat(Math.min(runs, FEW), async (counted) => {
    const ms = await within(async (netns) => await timed(async () => { await must(process.execPath, [cli, '--netns', netns], { input, timeoutMs: 120_000 }) }))
    if (counted) lines.push(ms)
  })
  return [row({ row: `netwright, ${COUNT} net-create on standard input, spawn to exit`, unit: 'ms', ours: lines, note: 'without TAPs; one by one: each is locked, journaled and committed by itself' })]
}
