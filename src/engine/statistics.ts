/** What networks and ports have carried since they were made: of a link that was used before, what the kernel has counted since then. */
import { NetwrightError } from '../errors.js'
import { countersIn } from '../kernel/count.js'
import { since, type Counters } from '../kernel/counters.js'
import { glance } from '../kernel/glance.js'
import type { BridgeObject } from '../kernel/object.js'
import { getEach } from '../netlink/call.js'
import { link } from '../netlink/rtnl/link.js'
import type { Context } from './context.js'
import type { Entry } from './inventory.js'
import type { NetworkRecord, PortRecord } from './record.js'

/** Of the network's bridge, or of the port whose host side has that name. Throws NETWRIGHT_INACTIVE, NETWRIGHT_NOT_FOUND. */
export async function statistics (context: Pick<Context, 'rtnl' | 'group'>, { name, running, ports }: Entry, dev: string | undefined): Promise<Counters> {
  return await counted(context, name, dev === undefined ? bridgeOf(name, running) : portOf(name, ports, dev))
}

/** Throws NETWRIGHT_NOT_FOUND where its link is gone. */
export async function portStatistics (context: Pick<Context, 'rtnl' | 'group'>, { network, link, baseline }: PortRecord): Promise<Counters> {
  return await counted(context, network, { ...link, baseline })
}

async function counted ({ rtnl, group }: Pick<Context, 'rtnl' | 'group'>, name: string, one: Counted): Promise<Counters> {
  const [answer] = await getEach(rtnl, [link.get({ index: one.index }, one.name)])
  const message = answer?.replies.find(({ type }) => type === link.types.new)
  if (message === undefined || glance(message.payload).group !== group) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name}: ${one.name} is gone`, answer?.error === undefined ? {} : { cause: answer.error })
  return since(countersIn(message.payload), one.baseline)
}

interface Counted { readonly name: string, readonly index: number, readonly baseline: Counters | undefined }

/** Throws NETWRIGHT_INACTIVE. */
export function bridgeOf (name: string, running: NetworkRecord | undefined): BridgeObject & { readonly baseline: Counters | undefined } {
  if (running === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network '${name}' is not active`, { remedy: `netwright net-start ${name}` })
  return { ...running.bridge, baseline: running.baseline }
}

function portOf (name: string, ports: readonly PortRecord[], dev: string): Counted {
  const port = ports.find(({ link: { name: host } }) => host === dev)
  if (port === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} has no port ${dev}`)
  return { ...port.link, baseline: port.baseline }
}
