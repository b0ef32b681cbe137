/** What netwright is measured beside: iproute2 with nft, and the floor in C. Times are milliseconds of the whole programs. Files lie below the sandbox's own /run and go with it. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { must } from '../test/harness/command.js'
import { Writer } from '../src/bytes/writer.js'
import { addressRequest } from '../src/kernel/addr.js'
import { linkRequests } from '../src/kernel/link.js'
import type { AddressObject, BridgeObject } from '../src/kernel/object.js'
import { NLM_F_ACK } from '../src/netlink/header.js'
import { frame, type Request } from '../src/netlink/request.js'
import { inside } from './namespace.js'
import { essence, ipBatch, ipBatchDelete, nftDelete, picture, type Picture } from './objects.js'

export async function timed (work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Makes and deletes what a picture shows. */
export interface Peer { make (netns: string): Promise<number>, destroy (netns: string): Promise<number> }

/** `ip -batch` and `nft -f`, one process each for all networks: nobody can be quicker with these tools. */
export async function iproute (shown: Picture): Promise<Peer> {
  const directory = await mkdtemp('/run/nw-bench-')
  const file = async (name: string, text: string): Promise<string> => { await writeFile(join(directory, name), `${text}\n`); return join(directory, name) }
  const [links, rules, noLinks, noRules] = [await file('links', ipBatch(shown)), await file('rules', shown.rules), await file('no-links', ipBatchDelete(shown)), await file('no-rules', nftDelete(shown))]
  const wanted = essence(shown)
  return {
    make: async (netns) => {
      const ms = await timed(async () => {
        await must('ip', ['-n', netns, '-batch', links], { timeoutMs: 120_000 })
        await inside(netns, 'nft', '-f', rules)
        await inside(netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
      })
      const made = essence(await picture(netns))
      const different = wanted.findIndex((text, i) => text !== made[i])
      if (different >= 0) throw new Error(`ip and nft made something else than netwright:\n${wanted[different] ?? ''}\n${made[different] ?? ''}`)
      return ms
    },
    destroy: async (netns) => await timed(async () => {
      await must('ip', ['-n', netns, '-batch', noLinks], { timeoutMs: 120_000 })
      await inside(netns, 'nft', '-f', noRules)
      await inside(netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=0')
    }),
  }
}

/** Requests for links and addresses as the engine sends them. */
export function linksAndAddresses ({ bridges }: Picture): Request[] {
  return bridges.flatMap(({ link, addresses }, i) => {
    const bridge: BridgeObject = { type: 'bridge', name: link.ifname, index: 5000 + i, mac: link.address, group: Number(link.group), stp: false, forwardDelay: 0, ipv6: false, alias: link.ifalias ?? '' }
    const objects = addresses.map(({ local, prefixlen }): AddressObject => ({ type: 'address', dev: bridge.name, index: bridge.index, address: local, prefix: prefixlen }))
    return [...linkRequests(bridge).create, ...objects.map(addressRequest)]
  })
}

/** Compiles the floor; each run sends the same messages in one sendmsg and returns the milliseconds inside the kernel. */
export async function floor (requests: readonly Request[]): Promise<(netns: string) => Promise<number>> {
  const directory = await mkdtemp('/run/nw-bench-')
  const program = join(directory, 'floor')
  await must('cc', ['-O2', '-Wall', '-o', program, fileURLToPath(new URL('../../bench/floor.c', import.meta.url))])
  const w = new Writer()
  for (const [i, request] of requests.entries()) frame(w, request, i + 1, NLM_F_ACK)
  await writeFile(join(directory, 'messages'), w.take())
  return async (netns) => Number(await inside(netns, program, join(directory, 'messages'), String(requests.length))) / 1e6
}
