/** Destroying 100 nat networks with two TAPs each: until the names can be used again, and until the links are gone; and what a stranger has to wait meanwhile. */
import { fileURLToPath } from 'node:url'
import { must } from '../test/harness/command.js'
import { row, type Row } from './figures.js'
import { within } from './namespace.js'
import { TAPS } from './objects.js'
import { withWorker, type Worker } from './ours.js'
import { iproute, timed } from './peers.js'
import { model, proveEmpty, repeat } from './rig.js'

const COUNT = 100
/** Of what takes long, or is for information. */
const FEW_RUNS = 3
const child = fileURLToPath(new URL('child.js', import.meta.url))
const WHAT = `${COUNT} nat networks with ${TAPS} TAPs each`
/** What issue 3 asks for; ms is what everybody else may have to wait. */
const bounds = { free: 1 / 40, gone: 0.4, wait: 250 } as const

interface Times { readonly free: number[], readonly gone: number[], readonly wait: number[], readonly again: number[], readonly program: number[] }

/** Makes links in another namespace as long as `work` runs, and returns the longest that one took: a whole `ip link add`. */
async function longestWait (work: () => Promise<void>): Promise<number> {
  return await within(async (name) => {
    let longest = 0
    let over = false
    const stranger = (async () => {
      for (let i = 0; !over; i++) longest = Math.max(longest, await timed(async () => { await must('ip', ['-n', name, 'link', 'add', `s${String(i)}`, 'type', 'ifb']) }))
    })()
    try { await work() } finally { over = true; await stranger }
    return longest
  })
}

/** Nobody else is there. */
async function alone (worker: Worker, times: Times | undefined): Promise<void> {
  await within(async (netns) => {
    await worker.open({ netns })
    await worker.make({ count: COUNT, taps: true })
    const destroyed = await worker.destroy()
    const settled = await worker.settled()
    await worker.close()
    await proveEmpty(netns)
    times?.free.push(destroyed.ms)
    times?.gone.push(settled.end - destroyed.begin)
  })
}

/** Made by one program and destroyed by another, from spawn to exit. It waits until the links are gone. */
async function program (times: Times): Promise<void> {
  await within(async (netns) => {
    await must(process.execPath, [child, 'make', netns, String(COUNT)], { timeoutMs: 120_000 })
    const ms = await timed(async () => { await must(process.execPath, [child, 'destroy', netns], { timeoutMs: 120_000 }) })
    await proveEmpty(netns)
    times.program.push(ms)
  })
}

/** A stranger waits for RTNL; and the same names are used again at once. */
async function disturbed (worker: Worker, times: Times | undefined): Promise<void> {
  await within(async (netns) => {
    await worker.open({ netns })
    await worker.make({ count: COUNT, taps: true })
    const wait = await longestWait(async () => { await worker.destroy(); await worker.settled() })
    await worker.make({ count: COUNT, taps: true })
    await worker.destroy()
    const again = await worker.make({ count: COUNT, taps: true }, `make ${WHAT} while as many are deleted`)
    await worker.destroy()
    await worker.close()
    await proveEmpty(netns)
    times?.wait.push(wait)
    times?.again.push(again.ms)
  })
}

/** Beside `ip -batch`, which deletes the TAPs and then the bridges one by one. */
export async function destroy (runs: number): Promise<Row[]> {
  const peer = await iproute(await model(COUNT, true))
  const ours: Times = { free: [], gone: [], wait: [], again: [], program: [] }
  const theirs: number[] = []
  await withWorker(async (worker) => {
    await repeat(runs, async (counted) => {
      const times = counted ? ours : undefined
      await alone(worker, times)
      const { ms } = await within(async (netns) => { await peer.make(netns); return await peer.destroy(netns) })
      if (counted) theirs.push(ms)
      if (!counted || ours.wait.length >= FEW_RUNS) return
      await disturbed(worker, times)
      await program(ours)
    })
  })
  const beside = [peer.name, theirs] as const
  return [
    row({ row: `destroy ${WHAT}, cold, until names are free`, unit: 'ms', ours: ours.free, peer: beside, atMost: bounds.free, note: 'each by its own destroy(), all at once' }),
    row({ row: `destroy ${WHAT}, cold, until links are gone`, unit: 'ms', ours: ours.gone, peer: beside, atMost: bounds.gone }),
    row({ row: 'the same, a whole Node program from spawn to exit', unit: 'ms', ours: ours.program, peer: beside }),
    row({ row: 'meanwhile a stranger\'s slowest `ip link add` in another namespace', unit: 'ms', ours: ours.wait, atMost: bounds.wait, note: 'whole processes, from spawn to exit' }),
    row({ row: `make ${WHAT} while as many of the same names wait to be deleted`, unit: 'ms', ours: ours.again }),
  ]
}
