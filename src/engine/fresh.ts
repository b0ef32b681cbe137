/** Links made for the pool, in groups of a grave from the beginning. */
import { indexes } from '../kernel/link.js'
import { freshBridge, freshTap, poolName } from '../kernel/strip.js'
import type { TapObject } from '../kernel/object.js'
import { createTap } from '../kernel/tap.js'
import { send } from '../netlink/call.js'
import { native } from '../netlink/native.js'
import type { Request } from '../netlink/request.js'
import type { Grave } from './graves.js'
import type { Means } from './measure.js'
import { tapOf } from './shape.js'

const index = indexes()

/** Makes so many links of that shape: down, called `nwp…`. Where it fails, the sexton gets what was made. Throws KernelError. */
export async function freshLinks (shape: string, count: number, means: Means): Promise<Grave> {
  const { graves, sexton, rtnl } = means
  const tap = tapOf(shape)
  const kind = tap === undefined ? 'bridge' as const : 'tun' as const
  const links = Array.from({ length: count }, () => index.next()).map((one) => ({ index: one, name: poolName(one), kind }))
  const grave = await graves.dig(links)
  try {
    const sites = grave.plots.flatMap(({ group, links: some }) => some.map((link) => ({ link, group })))
    if (tap === undefined) await sent(rtnl, sites.flatMap(({ link, group }) => freshBridge(link, group)))
    else for (const { link, group } of sites) await makeTap({ ...tap, name: link.name, index: link.index, group, mac: '' }, means)
    return grave
  } catch (error) {
    sexton.take([grave])
    throw error
  }
}

/** Persistent only once it is in its group: whoever is killed before leaves none. */
async function makeTap (tap: TapObject, { rtnl, netns }: Means): Promise<void> {
  const { fds } = await createTap(netns, { ...tap, persist: false })
  try {
    await sent(rtnl, freshTap(tap, tap.group))
    if (fds[0] !== undefined) await native().tapKeep(fds[0])
  } finally { await Promise.all(fds.map(async (fd) => { await native().closeAsync(fd) })) }
}

/** Sends, and throws the first refusal. */
export async function sent (transport: Means['rtnl'], requests: readonly Request[]): Promise<void> {
  for (const { error } of await send(transport, requests)) if (error !== undefined) throw error
}
