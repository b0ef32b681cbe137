/** The floor: the kernel's own time for the same messages, sent by a C program. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writer } from '../src/bytes/writer.js'
import { addressRequest } from '../src/kernel/addr.js'
import { linkRequests } from '../src/kernel/link.js'
import type { AddressObject, BridgeObject } from '../src/kernel/object.js'
import { NLM_F_ACK } from '../src/netlink/header.js'
import { frame, type Request } from '../src/netlink/request.js'
import { compiled } from './compile.js'
import { inside } from './namespace.js'
import type { Picture } from './objects.js'

/** Requests for bridges and addresses as the engine sends them. */
export function linksAndAddresses ({ bridges }: Picture): Request[] {
  return bridges.flatMap(({ link, addresses }, i) => {
    const bridge: BridgeObject = { type: 'bridge', name: link.ifname, index: 5000 + i, mac: link.address, group: Number(link.group), stp: false, forwardDelay: 0, ipv6: false, alias: link.ifalias ?? '' }
    const objects = addresses.map(({ local, prefixlen }): AddressObject => ({ type: 'address', dev: bridge.name, index: bridge.index, address: local, prefix: prefixlen }))
    return [...linkRequests(bridge).create, ...objects.map(addressRequest)]
  })
}

/** Compiles the floor; each run sends the same messages in one sendmsg and returns the milliseconds inside the kernel. */
export async function floor (requests: readonly Request[]): Promise<(netns: string) => Promise<number>> {
  const program = await compiled('floor')
  const messages = join(await mkdtemp('/run/nw-bench-'), 'messages')
  const w = new Writer()
  for (const [i, request] of requests.entries()) frame(w, request, i + 1, NLM_F_ACK)
  await writeFile(messages, w.take())
  return async (netns) => Number(await inside(netns, program, messages, String(requests.length))) / 1e6
}
