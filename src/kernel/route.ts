/** Routes: made, removed, read. Whether a network collides with them is in conflict.ts. */
import { mapSlowly } from '../netlink/breathe.js'
import { AF_INET, AF_INET6 } from '../netlink/rtnl/addr.js'
import { dumpRoutes, route, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTN_UNICAST, type RouteMessage } from '../netlink/rtnl/route.js'
import type { Request } from '../netlink/request.js'
import type { Transport } from '../netlink/transport.js'
import { network, parseCidr } from '../values/cidr.js'
import { parseIp } from '../values/ip.js'
import { describe, type RouteObject } from './object.js'

/**
 * rtm_protocol of our routes: a hint for people (`ip route show proto 78`) and for routing daemons, most of which leave alone what they
 * do not know. `N`; in nobody's list (include/uapi/linux/rtnetlink.h, iproute2's rt_protos). libvirt uses `boot`, which network scripts flush.
 */
export const PROTOCOL = 78

/** `ip route add DESTINATION via GATEWAY dev DEV metric METRIC proto 78`. EEXIST where the same is there, ENETUNREACH where the gateway is not on the link. */
export function routeRequest (object: RouteObject): Request {
  return route.create(routeMessage(object), describe(object))
}

/** `ip route del …`, exactly this one. ESRCH where it is gone. */
export function removeRouteRequest (object: RouteObject): Request { return route.remove(routeMessage(object), describe(object)) }

function routeMessage ({ destination, gateway, index, metric }: RouteObject): RouteMessage {
  const { address, prefix } = network(parseCidr(destination))
  return {
    family: address.includes(':') ? AF_INET6 : AF_INET, dstLen: prefix, shortTable: RT_TABLE_MAIN, protocol: PROTOCOL, type: RTN_UNICAST,
    ...prefix === 0 ? {} : { dst: address }, oif: index, gateway: parseIp(gateway), priority: metric,
  }
}

/** rtm_type, as iproute2 writes it. Source: include/uapi/linux/rtnetlink.h, RTN_*. */
export const routeTypes = ['unspec', 'unicast', 'local', 'broadcast', 'anycast', 'multicast', 'blackhole', 'unreachable', 'prohibit', 'throw', 'nat', 'xresolve'] as const
export type RouteType = typeof routeTypes[number]

/** `ip route show table all`. A route with several ways is several of these. */
export interface RouteState {
  /** `192.168.122.0/24`; default routes are `0.0.0.0/0` and `::/0`. */
  readonly destination: string
  /** Index of the device; blackholes and their like have none. */
  readonly dev?: number
  readonly gateway?: string
  readonly table: number
  readonly type: RouteType
  /** rtm_protocol: 2 kernel, 3 boot, 4 static, 9 router advertisement, 16 DHCP. */
  readonly protocol: number
  readonly metric: number
}

/** Every table's routes of both families; `local: false` leaves out table local, the host's own addresses. One dump a family. Throws KernelError. */
export async function readRoutes (transport: Transport, { local = true }: { readonly local?: boolean } = {}): Promise<RouteState[]> {
  const states: RouteState[][] = []
  for (const family of [AF_INET, AF_INET6]) {
    states.push(...await mapSlowly(await dumpRoutes(transport, { family }), (message) => local || tableOf(message) !== RT_TABLE_LOCAL ? routeStates(message) : []))
  }
  return states.flat()
}

function tableOf (message: RouteMessage): number { return message.table ?? message.shortTable ?? RT_TABLE_MAIN }

function routeStates (message: RouteMessage): RouteState[] {
  const { dst, dstLen = 0, family, oif, gateway, multipath, via, type = 0, protocol = 0, priority = 0 } = message
  const whole = {
    destination: `${dst ?? (family === AF_INET6 ? '::' : '0.0.0.0')}/${String(dstLen)}`,
    table: tableOf(message), type: routeTypes[type] ?? 'unspec', protocol, metric: priority,
  }
  const ways = multipath === undefined ? [{ ifindex: oif, gateway, via }] : multipath
  return ways.map((way) => {
    const next = way.gateway ?? way.via?.address
    return { ...whole, ...way.ifindex === undefined ? {} : { dev: way.ifindex }, ...next === undefined ? {} : { gateway: next } }
  })
}
