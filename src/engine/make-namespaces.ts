/** Makes those of some namespaces that are not there: on record before one of them has a name, so that none outlives its process. */
import { InputError, NetwrightError } from '../errors.js'
import { upRequest } from '../kernel/link.js'
import { makeNetns, nameNetns, openNetns, type Netns } from '../kernel/netns.js'
import { numberNetns } from '../kernel/nsid.js'
import { call } from '../netlink/call.js'
import { openChannel } from '../netlink/channel.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import { locked, type Context } from './context.js'
import { each } from './each.js'
import type { Made } from './rig-book.js'
import type { Steps } from './steps.js'

export interface MakingNamespaces {
  /** The parent's. */
  readonly context: Context
  readonly step: Steps
  /** Writes down what is to be named next. */
  readonly write: (made: readonly Made[]) => Promise<void>
}

/** `ip netns add NAME; ip -n NAME link set lo up` for each that is missing. What has a name when it throws is on record. Throws NETWRIGHT_NAME_IN_USE where somebody was quicker, KernelError. */
export async function makeNamespaces (names: readonly string[], { context, step, write }: MakingNamespaces): Promise<void> {
  const missing: string[] = []
  await each(names, async (name) => { if (!await isThere(name)) missing.push(name) })
  if (missing.length === 0) return
  await step.before('make namespaces')
  const fresh: { readonly netns: Netns, readonly made: Made }[] = []
  try {
    await each(missing, async (name) => {
      const netns = await makeNetns(name)
      try {
        await raise(netns)
        fresh.push({ netns, made: { name, id: netns.id, nsid: await numberNetns(context.rtnl, netns) } })
      } catch (error) { netns.close(); throw error }
    })
    await step.before('write down the namespaces')
    await locked(context, 'make namespaces', undefined, async () => { await write(fresh.map(({ made }) => made)) })
    await step.before('name the namespaces')
    await each(fresh, async ({ netns }) => { await nameNetns(netns) })
  } finally { for (const { netns } of fresh) netns.close() }
}

async function isThere (name: string): Promise<boolean> {
  try { (await openNetns(name)).close(); return true } catch (error) {
    if (error instanceof NetwrightError && error.code === 'NETWRIGHT_NO_NAMESPACE') return false
    throw error
  }
}

/** Index 1 is the loopback's, in every namespace. */
async function raise (netns: Netns): Promise<void> {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: netns.fd })
  await call(channel, upRequest({ index: 1, name: 'lo' }, true))
}

/** A name as `ip netns` takes it. Throws NETWRIGHT_INVALID. */
export function nameOf<N extends string> (name: N, path: string): N {
  if (typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name) && Buffer.byteLength(name) <= 255) return name
  throw new InputError([{ path, message: `${JSON.stringify(name)} is not a name of a network namespace` }])
}
