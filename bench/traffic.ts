/** UDP packets a second through the NAT of one network: sender behind its bridge, receiver behind the uplink. */
import { background, json, must } from '../test/harness/command.js'
import { compiled } from './compile.js'
import { internet, joinGuest, OUTSIDE, ROUTER } from './objects.js'
import { fresh, gone } from './namespace.js'

const PORT = 9999
const FLOWS = 32
const MS = 1000

/** A guest on network `i` of `netns`, and an "internet". */
export interface Road { readonly netns: string, readonly at: string, readonly outside: string, readonly i: number }

export async function pave (netns: string, i: number): Promise<Road> {
  const [outside, at] = [await fresh(), await fresh()]
  await internet(netns, outside)
  await joinGuest(netns, at, i)
  return { netns, at, outside, i }
}

export async function unpave ({ at, outside }: Road): Promise<void> { await gone(at); await gone(outside) }

async function arrived (outside: string): Promise<number> {
  const [link] = await json('ip', ['-n', outside, '-s', '-j', 'link', 'show', 'dev', 'eth0']) as { stats64: { rx: { packets: number } } }[]
  return link?.stats64.rx.packets ?? Number.NaN
}

/** Packets that reached the other side in a second; throws where they did not come from the router's own address. */
export async function packetsPerSecond ({ netns, at, outside, i }: Road): Promise<number> {
  const program = await compiled('udp')
  const receiver = background('ip', ['netns', 'exec', outside, program, 'receive', String(PORT)])
  try {
    await receiver.until(/ready/)
    const before = await arrived(outside)
    const sent = JSON.parse(await must('ip', ['netns', 'exec', at, program, 'send', OUTSIDE, String(PORT), String(FLOWS), String(MS)])) as { ns: number }
    const came = await arrived(outside) - before
    await receiver.stop()
    const { packets, from } = JSON.parse(/^\{.*\}$/m.exec(receiver.output())?.[0] ?? '{}') as { packets?: number, from?: string }
    if (from !== ROUTER || packets === undefined || packets === 0) throw new Error(`network ${i} of ${netns}: the packets were not masqueraded: ${receiver.output()}`)
    return came / (sent.ns / 1e9)
  } finally { await receiver.stop() }
}
