/** The guests' sides of veth pairs: up, with an address and a default route, each in its own namespace. */
import { located, NetwrightError } from '../errors.js'
import { addressRequest } from '../kernel/addr.js'
import { upRequest } from '../kernel/link.js'
import { readLink } from '../kernel/link-state.js'
import type { Netns } from '../kernel/netns.js'
import { send } from '../netlink/call.js'
import { openChannel } from '../netlink/channel.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import type { Request } from '../netlink/request.js'
import { AF_INET } from '../netlink/rtnl/addr.js'
import { route } from '../netlink/rtnl/route.js'
import type { Transport } from '../netlink/transport.js'
import type { ComingPort } from './coming-port.js'
import type { Context } from './context.js'
import { guestSubnet } from './port.js'
import { settled } from './sending.js'

/** How many namespaces are worked in at once: each takes a thread and a socket for that time. */
const AT_ONCE = 4

/** Throws NETWRIGHT_NO_NAMESPACE where a guest's side is gone, KernelError; each says which port it is about. */
export async function furnishGuests (context: Context, ports: readonly ComingPort[]): Promise<void> {
  const rooms = new Map<Netns, ComingPort[]>()
  for (const port of ports) {
    if (port.guest === undefined) continue
    const room = rooms.get(port.guest)
    if (room === undefined) rooms.set(port.guest, [port])
    else room.push(port)
  }
  const queue = rooms.entries()
  let failed: { readonly error: unknown } | undefined
  const worker = async (): Promise<void> => {
    for (const [guest, inside] of queue) {
      if (failed !== undefined) return
      try { await furnish(context, guest, inside) } catch (error) { failed ??= { error } }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, rooms.size) }, worker))
  if (failed !== undefined) throw failed.error
}

async function furnish (context: Context, guest: Netns, ports: readonly ComingPort[]): Promise<void> {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: guest.fd })
  for (const port of ports) {
    try {
      for (const outcome of await send(channel, await requestsFor(channel, guest, port))) settled(outcome, context)
    } catch (error) { throw located(error, port.about) }
  }
}

/** `ip link set NAME up`, `ip addr add ADDRESS/PREFIX dev NAME`, `ip route add default via GATEWAY`. */
async function requestsFor (channel: Transport, guest: Netns, { record, input, network: { definition } }: ComingPort): Promise<Request[]> {
  const { link, ip, prefix } = record
  if (link.type !== 'veth' || input.kind !== 'veth') return []
  const { name } = link.peer
  const state = await readLink(channel, { name })
  if (state === undefined) throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `the guest side ${name} is gone from ${guest.path}`)
  const requests = [upRequest(state, true)]
  if (ip !== undefined && prefix !== undefined) requests.push(addressRequest({ type: 'address', dev: name, index: state.index, address: ip, prefix }))
  const gateway = guestSubnet(definition)?.ip.address
  if (input.defaultRoute !== true || gateway === undefined) return requests
  return [...requests, route.create({ family: AF_INET, table: 254, protocol: 4, scope: 0, type: 1, oif: state.index, gateway }, `default via ${gateway}`)]
}
