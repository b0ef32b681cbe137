/** The link of a network or a port, as the kernel has it: what state it is in, and setting it up or down. */
import { InputError, NetwrightError } from '../errors.js'
import { requireCapabilities } from '../kernel/host.js'
import { upRequest } from '../kernel/link.js'
import { isOurs, readLink, type LinkState } from '../kernel/link-state.js'
import type { LinkObject } from '../kernel/object.js'
import { call } from '../netlink/call.js'
import { locked, type Context } from './context.js'
import type { LinkCondition, PortState } from './port-api.js'
import type { PortRecord } from './record.js'

/** Throws NETWRIGHT_NOT_FOUND where the link is gone, or is not ours any more. */
async function ours ({ rtnl }: Pick<Context, 'rtnl'>, link: LinkObject): Promise<LinkState> {
  const state = await readLink(rtnl, { index: link.index })
  if (state === undefined || !isOurs(state, link)) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `${link.name} is gone`)
  return state
}

function conditionOf ({ name, up, carrier, mac, mtu }: LinkState): LinkCondition {
  return { dev: name, link: up ? 'up' : 'down', carrier, mac, mtu }
}

/** Of a network's bridge. */
export async function bridgeCondition (context: Pick<Context, 'rtnl'>, bridge: LinkObject): Promise<LinkCondition> { return conditionOf(await ours(context, bridge)) }

/** `ip link show DEV`, `bridge link show dev DEV`. */
export async function portState (context: Pick<Context, 'rtnl'>, { link }: PortRecord): Promise<PortState> {
  const state = await ours(context, link)
  return { ...conditionOf(state), attached: isAttached(state, link), ...state.port === undefined ? {} : { forwarding: state.port.state } }
}

const isAttached = ({ master }: LinkState, { type }: LinkObject): boolean => type === 'macvtap' || (master !== undefined && master !== 0)

/** Programs without types pass anything. */
const WORDS: readonly string[] = ['up', 'down']

/** `ip link set DEV up|down`. Under the lock: nobody detaches it meanwhile, and puts its link to another use. */
export async function setLink (context: Context, { network, link }: PortRecord, to: 'up' | 'down', signal: AbortSignal | undefined): Promise<void> {
  if (!WORDS.includes(to)) throw new InputError([{ path: 'link', message: `${JSON.stringify(to)} is neither up nor down` }])
  requireCapabilities('network')
  await locked(context, `set the link of ${link.name} ${to}`, signal, async () => {
    const state = await ours(context, link)
    if (!isAttached(state, link)) throw new NetwrightError('NETWRIGHT_INACTIVE', `network '${network}' is not active, and its ports are down`, { remedy: `netwright net-start ${network}` })
    await call(context.rtnl, upRequest(state, to === 'up'))
  })
}
