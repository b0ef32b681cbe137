/** The floor: the kernel's own time for the same messages, sent by a C program. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writer } from '../src/bytes/writer.js'
import { addressRequest } from '../src/kernel/addr.js'
import { linkRequests } from '../src/kernel/link.js'
import type { AddressObject, BridgeObject, TapObject } from '../src/kernel/object.js'
import { NLM_F_ACK } from '../src/netlink/header.js'
import { frame, type Request } from '../src/netlink/request.js'
import { compiled } from './compile.js'
import { inside } from './namespace.js'
import type { Picture } from './objects.js'

const FIRST_BRIDGE = 5000
const FIRST_TAP = 50_000

/** Requests for bridges, addresses and TAPs as the engine sends them. The TAPs must have been made. */
export function linkMessages ({ bridges, taps }: Picture): Request[] {
  const masters = new Map(bridges.map(({ link }, i) => [link.ifname, FIRST_BRIDGE + i]))
  return [
    ...bridges.flatMap(({ link, addresses }, i) => {
      const bridge: BridgeObject = { type: 'bridge', name: link.ifname, index: FIRST_BRIDGE + i, mac: link.address, group: Number(link.group), stp: false, forwardDelay: 0, ipv6: false, alias: link.ifalias ?? '' }
      const objects = addresses.map(({ local, prefixlen }): AddressObject => ({ type: 'address', dev: bridge.name, index: bridge.index, address: local, prefix: prefixlen }))
      return [...linkRequests(bridge).create, ...objects.map(addressRequest)]
    }),
    ...taps.flatMap((link, i) => {
      const master = masters.get(link.master ?? '')
      const tap: TapObject = { type: 'tap', name: link.ifname, index: FIRST_TAP + i, mac: link.address, group: Number(link.group), queues: 1, vnetHdr: false, persist: true, uid: -1, gid: -1, ...master === undefined ? {} : { master } }
      return linkRequests(tap).create
    }),
  ]
}

/** Milliseconds: all of it, of that making TAPs, of that closing their descriptors. */
export interface Floor { readonly ms: number, readonly taps: number, readonly closing: number }

/** Compiles the floor; each run makes the TAPs, sends the same messages in one sendmsg and returns what the kernel took. */
export async function floor (requests: readonly Request[], taps: Picture['taps'] = []): Promise<(netns: string) => Promise<Floor>> {
  const program = await compiled('floor')
  const directory = await mkdtemp('/run/nw-bench-')
  const [messages, list] = [join(directory, 'messages'), join(directory, 'taps')]
  await writeFile(list, taps.map(({ ifname }, i) => `${ifname} ${FIRST_TAP + i}\n`).join(''))
  const w = new Writer()
  for (const [i, request] of requests.entries()) frame(w, request, i + 1, NLM_F_ACK)
  await writeFile(messages, w.take())
  return async (netns) => {
    const [ms = NaN, making = NaN, closing = NaN] = (await inside(netns, program, messages, String(requests.length), list)).split(' ').map((text) => Number(text) / 1e6)
    return { ms, taps: making, closing }
  }
}
