/** Waits for what the kernel does with a link in its own time: no sleep, no polling, but netlink's own news. */
import { dumpLinks, monitor, type LinkMessage } from 'netwright/rtnl'
import type { Place } from './stage.js'

async function find ({ rtnl }: Place, ifname: string): Promise<LinkMessage & { readonly index: number }> {
  const found = (await dumpLinks(rtnl)).find((each) => each.ifname === ifname)
  if (found?.index === undefined) throw new Error(`there is no link ${ifname}`)
  return { ...found, index: found.index }
}

/** The index of a link by its name. */
export async function indexOf (place: Place, ifname: string): Promise<number> { return (await find(place, ifname)).index }

/** Resolves when the link is as wanted, now or later. `ip monitor link`. */
export async function awaitLink (place: Place, ifname: string, wanted: (link: LinkMessage) => boolean, signal: AbortSignal): Promise<void> {
  const events = monitor({ netns: place.fd, groups: ['link'], signal })
  try {
    await events.ready
    while (!wanted(await find(place, ifname))) if ((await events.next()).done === true) break
    signal.throwIfAborted()
  } finally { await events[Symbol.asyncDispose]() }
}

/** include/uapi/linux/if_bridge.h, BR_STATE_FORWARDING. */
const FORWARDING = 3

/** Whether the bridge lets the port's traffic through. `bridge -d link show`: state forwarding. */
export function forwards ({ linkinfo }: LinkMessage): boolean {
  const data = linkinfo?.slaveData
  return data !== undefined && 'state' in data && data.state === FORWARDING
}
