/** Networks that run by the records, but whose bridge somebody else has deleted, renamed or replaced. Only reads. */
import { located, NetwrightError } from '../errors.js'
import { readEach } from '../kernel/link-state.js'
import type { Context } from './context.js'
import type { NetworkRecord } from './record.js'
import { aboutNetwork } from './work.js'

/** Which of these networks have lost their bridge. `ip link show dev BRIDGE`. */
export async function lost (context: Pick<Context, 'rtnl'>, networks: readonly NetworkRecord[]): Promise<ReadonlySet<NetworkRecord>> {
  const links = await readEach(context.rtnl, networks.map(({ bridge: { index } }) => ({ index })))
  return new Set(networks.filter(({ bridge }, i) => links[i]?.name !== bridge.name || links[i].kind !== 'bridge'))
}

/** Throws NETWRIGHT_INACTIVE, naming the first that has lost its bridge: it can neither change nor take a port. */
export async function whole (context: Pick<Context, 'rtnl'>, networks: readonly NetworkRecord[]): Promise<void> {
  const [one] = await lost(context, networks)
  if (one === undefined) return
  const { definition: { name }, bridge } = one
  throw located(new NetwrightError('NETWRIGHT_INACTIVE', `network ${name} has lost its bridge ${bridge.name}: somebody has deleted or renamed it`, { remedy: `netwright net-destroy ${name}, and start it again` }), aboutNetwork(name, undefined))
}
