/** What the routing tables say about single addresses: look-ups, however many routes there are. */
import { constants } from 'node:os'
import { mapSlowly } from '../netlink/breathe.js'
import { getEach } from '../netlink/call.js'
import { AF_INET, AF_INET6 } from '../netlink/rtnl/addr.js'
import { route, RTM_F_FIB_MATCH } from '../netlink/rtnl/route.js'
import type { Transport } from '../netlink/transport.js'

/** The route that an address is reached by. `prefix` is the route's, 0 for a default route; `dev` an index, where it has a device. */
export interface Reached { readonly prefix: number, readonly dev?: number }

/** `ip route get fibmatch ADDRESS` for each, in order; undefined where no route leads there. Throws KernelError. */
export async function lookUp (transport: Transport, addresses: readonly string[]): Promise<readonly (Reached | undefined)[]> {
  const requests = await mapSlowly(addresses, (address) => {
    const six = address.includes(':')
    return route.get({ family: six ? AF_INET6 : AF_INET, dst: address, dstLen: six ? 128 : 32, flags: RTM_F_FIB_MATCH }, address)
  })
  return await mapSlowly(await getEach(transport, requests, constants.errno.ENETUNREACH), ({ replies: [reply] }) => {
    if (reply === undefined) return undefined
    const { dstLen = 0, oif } = route.decode(reply)
    return { prefix: dstLen, ...oif === undefined ? {} : { dev: oif } }
  })
}
