/** One more network in the firewall: the same elements as the engine adds for it, in one nft commit, and taken out again. Runs in the worker. */
import { open } from 'node:fs/promises'
import { nftBatch } from 'netwright/nft'
import { openChannel } from 'netwright/rtnl'
import { addMembers, readMembers, removeMembers, tableName, type Membership } from '../src/kernel/ruleset.js'

const NETLINK_NETFILTER = 12
const table = tableName('system')

/** A network that is not there: as `like`, with another bridge and another gateway. */
function oneMore (members: readonly Membership[], like: string): Membership[] {
  const own = members.filter(({ key }) => key.includes(like))
  const addresses = new Set(own.flatMap(({ set, key }) => set.startsWith('gate') ? [key[1]] : []))
  const swap = (value: string | number): string | number => value === like ? 'nbmore' : addresses.has(value) ? '10.200.0.1' : value
  return members.filter((member) => own.includes(member) || (member.set.startsWith('gw') && addresses.has(member.key[0]))).map((member) => ({ ...member, key: member.key.map(swap) }))
}

/** Where one more is committed: beside the network of the bridge `like`. */
export interface Side { readonly netns: string, readonly like: string }

async function prepared ({ netns, like }: Side): Promise<{ readonly channel: Awaited<ReturnType<typeof openChannel>>, readonly members: readonly Membership[], readonly ms: number[] }> {
  const file = await open(`/run/netns/${netns}`, 'r')
  try {
    const channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: file.fd })
    const members = oneMore(await readMembers(channel, table), like)
    if (members.length < 4) throw new Error(`${like} has ${members.length} elements in ${table}: that is no network`)
    return { channel, members, ms: [] }
  } finally { await file.close() }
}

/**
 * Commits it and takes it back so often; the medians in milliseconds of the commits, from the call until the kernel's answer was read. The sides take turns
 * in one process, or the heap and the compiled code of two would be compared.
 */
export async function commits (sides: readonly Side[], times: number): Promise<number[]> {
  const all = await Promise.all(sides.map(prepared))
  for (let i = 0; i < times; i++) {
    for (const { channel, members, ms } of i % 2 === 0 ? all : all.toReversed()) {
      const begin = performance.now()
      await nftBatch(channel, addMembers(table, members))
      ms.push(performance.now() - begin)
      await nftBatch(channel, removeMembers(table, members))
    }
  }
  for (const { channel } of all) await channel.close()
  return all.map(({ ms }) => ms.sort((a, b) => a - b)[ms.length >> 1] ?? Number.NaN)
}
