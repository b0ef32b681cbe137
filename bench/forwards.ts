/** A packet through one of 10,000 forwarded ports beside one of 10: two namespaces stand at once and take turns. */
import { background, json, must } from '../test/harness/command.js'
import { compiled } from './compile.js'
import { row, type Row } from './figures.js'
import { fresh, gone } from './namespace.js'
import { FORWARD_BASE, FORWARD_PORT, ROUTER } from './objects.js'
import { withWorker, type Worker } from './ours.js'
import { pave, unpave, type Road } from './traffic.js'

/** A definition has at most 5,000, so two networks share them. */
const NETWORKS = 2
const FEW = 10
const MANY = 10_000
/** What issue 4 asks for: flat. */
const AT_LEAST = 0.9
const RUNS = 7
/** Flows of one sender; each begins by a look-up in the map. */
const FLOWS = 32
const MS = 1000
/** Senders one after another, each with as many flows as it can have: what they cost is their first packets. */
const SENDERS = 12
const MOST_FLOWS = 256

const last = (count: number): number => FORWARD_BASE + count - 1

async function arrived (at: string): Promise<number> {
  const [link] = await json('ip', ['-n', at, '-s', '-j', 'link', 'show', 'dev', 'eth0']) as { stats64: { rx: { packets: number } } }[]
  return link?.stats64.rx.packets ?? Number.NaN
}

/** Packets a second from outside through the last forwarded port to the guest; throws where none came. */
async function packets ({ at, outside }: Road, count: number): Promise<number> {
  const program = await compiled('udp')
  const receiver = background('ip', ['netns', 'exec', at, program, 'receive', String(FORWARD_PORT + count / NETWORKS - 1)])
  try {
    await receiver.until(/ready/)
    const before = await arrived(at)
    const sent = JSON.parse(await must('ip', ['netns', 'exec', outside, program, 'send', ROUTER, String(last(count)), String(FLOWS), String(MS)])) as { ns: number }
    const came = await arrived(at) - before
    await receiver.stop()
    const { packets: read = 0 } = JSON.parse(/^\{.*\}$/m.exec(receiver.output())?.[0] ?? '{}') as { packets?: number }
    if (read === 0) throw new Error(`nothing came through ${ROUTER}:${last(count)}: ${receiver.output()}`)
    return came / (sent.ns / 1e9)
  } finally { await receiver.stop() }
}

/** The same of connections that have just begun. */
async function beginnings ({ outside }: Road, count: number): Promise<number> {
  const program = await compiled('udp')
  let [sent, ns] = [0, 0]
  for (let i = 0; i < SENDERS; i++) {
    // One round over all flows: 64 packets each, of which the first is looked up.
    const said = JSON.parse(await must('ip', ['netns', 'exec', outside, program, 'send', ROUTER, String(last(count)), String(MOST_FLOWS), '20'])) as { packets: number, ns: number }
    sent += said.packets
    ns += said.ns
  }
  return sent / (ns / 1e9)
}

interface Stand { readonly netns: string, readonly worker: Worker, readonly count: number, readonly flowing: number[], readonly begun: number[] }

export async function forwards (runs: number): Promise<Row[]> {
  return await withWorker(async (one) => await withWorker(async (other) => {
    const stands: readonly Stand[] = [{ netns: await fresh(), worker: one, count: FEW, flowing: [], begun: [] }, { netns: await fresh(), worker: other, count: MANY, flowing: [], begun: [] }]
    const roads: Road[] = []
    for (const { worker, netns, count } of stands) {
      await worker.open({ netns })
      await worker.make({ count: NETWORKS, forwards: count })
      roads.push(await pave(netns, NETWORKS - 1))
    }
    for (let run = 0; run <= Math.max(runs, RUNS); run++) {
      for (const [i, { count, flowing, begun }] of stands.entries()) {
        const road = roads[i]
        if (road === undefined) continue
        const [rate, first] = [await packets(road, count), await beginnings(road, count)]
        if (run === 0) continue
        flowing.push(rate)
        begun.push(first)
      }
    }
    for (const road of roads) await unpave(road)
    for (const { worker, netns } of stands) { await worker.destroy(); await worker.settled(); await worker.close(); await gone(netns) }
    const [few, many] = stands
    const peer = (pick: (stand: Stand) => readonly number[]): [string, readonly number[]] => [`${FEW} forwards`, few === undefined ? [] : pick(few)]
    return [
      row({ row: `UDP packets/s through a forwarded port, ${MANY} forwards`, unit: 'packets/s', ours: many?.flowing ?? [], peer: peer(({ flowing }) => flowing), atLeast: AT_LEAST, note: `64-byte packets of ${FLOWS} flows from outside to a guest, by the last port; the same program for both, taking turns` }),
      row({ row: `UDP packets/s of new flows through a forwarded port, ${MANY} forwards`, unit: 'packets/s', ours: many?.begun ?? [], peer: peer(({ begun }) => begun), atLeast: AT_LEAST, note: `${SENDERS} programs a run, each of ${MOST_FLOWS} flows that have just begun: only a flow's first packet is looked up in the map` }),
    ]
  }))
}
