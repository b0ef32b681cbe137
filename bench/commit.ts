/** One more network in the firewall: the same elements as the engine adds for it, in one nft commit, and taken out again. Runs in the worker. */
import { open } from 'node:fs/promises'
import { nftBatch } from 'netwright/nft'
import { openChannel } from 'netwright/rtnl'
import { addMembers, readMembers, removeMembers, tableName, type Membership } from '../src/kernel/ruleset.js'

const NETLINK_NETFILTER = 12

/** A network that is not there: as `like`, with another bridge and another gateway. */
function oneMore (members: readonly Membership[], like: string): Membership[] {
  const own = members.filter(({ key }) => key.includes(like))
  const addresses = new Set(own.flatMap(({ set, key }) => set.startsWith('gate') ? [key[1]] : []))
  const swap = (value: string | number): string | number => value === like ? 'nbmore' : addresses.has(value) ? '10.200.0.1' : value
  return members.filter((member) => own.includes(member) || (member.set.startsWith('gw') && addresses.has(member.key[0]))).map((member) => ({ ...member, key: member.key.map(swap) }))
}

/** Commits it and takes it back so often; the median in milliseconds of the commits, from the call until the kernel's answer was read. */
export async function commits (netns: string, like: string, times: number): Promise<number> {
  const file = await open(`/run/netns/${netns}`, 'r')
  try {
    await using channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: file.fd })
    const table = tableName('system')
    const members = oneMore(await readMembers(channel, table), like)
    if (members.length < 4) throw new Error(`${like} has ${members.length} elements in ${table}: that is no network`)
    const all: number[] = []
    for (let i = 0; i < times; i++) {
      const begin = performance.now()
      await nftBatch(channel, addMembers(table, members))
      all.push(performance.now() - begin)
      await nftBatch(channel, removeMembers(table, members))
    }
    return all.sort((a, b) => a - b)[all.length >> 1] ?? Number.NaN
  } finally { await file.close() }
}
