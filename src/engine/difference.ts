/**
 * The smallest set of requests that changes a running network from one record to another. Pure.
 *
 *     first      what comes: link options, addresses, routes; guests lose nothing by it
 *     last       what goes, after the firewall was committed and dnsmasq serves the new definition
 *
 * Each request may find its work done already: the same requests, from `after` to `before`, put back what a dead process left half-way.
 */
import { addressRequest, removeAddressRequest } from '../kernel/addr.js'
import type { Surroundings } from '../kernel/link.js'
import { effectiveDelay } from '../kernel/link-state.js'
import { describe, type AddressObject, type BridgeObject, type MemberObject, type RouteObject, type SysctlObject } from '../kernel/object.js'
import { removeRouteRequest, routeRequest } from '../kernel/route.js'
import { memberKey } from '../kernel/ruleset.js'
import type { Request } from '../netlink/request.js'
import { IN6_ADDR_GEN_MODE_NONE, link } from '../netlink/rtnl/link.js'
import { chainDifference, type ChainDifference } from './chains.js'
import type { NetworkRecord, PortRecord } from './record.js'

/** A request, and the refusals that only say that it is done already. */
export interface Tolerant { readonly request: Request, readonly unless: readonly string[] }

export interface Difference {
  readonly first: readonly Tolerant[]
  /** Files to be written after `first`. */
  readonly sysctls: readonly SysctlObject[]
  /** The bridge's own link-local address: the kernel makes it when told so by a file, and somebody must remove it. */
  readonly linkLocal: 'stays' | 'comes' | 'goes'
  readonly added: readonly MemberObject[]
  readonly removed: readonly MemberObject[]
  readonly chains: ChainDifference
  readonly last: readonly Tolerant[]
  /** Families for which the host need not forward any more. */
  readonly released: boolean
}

/** `ports` are those that the network has. Throws RangeError where the two are not of one bridge. */
export function difference (before: NetworkRecord, after: NetworkRecord, ports: readonly PortRecord[], surroundings: Surroundings): Difference {
  if (before.bridge.index !== after.bridge.index || before.bridge.name !== after.bridge.name) throw new RangeError(`${describe(before.bridge)} and ${describe(after.bridge)} are two bridges`)
  const addresses = addressDifference(before.addresses, after.addresses)
  const routes = routeDifference(before.routes, after.routes)
  const [old, fresh] = [keyed(before.members), keyed(after.members)]
  const linkLocal = linkLocalOf(before.bridge, after.bridge, surroundings)
  return {
    first: [...bridgeDifference(before.bridge, after.bridge, linkLocal), ...sizes(before.bridge, after.bridge, ports), ...addresses.first, ...routes.first],
    sysctls: sysctlsOf(before, after, linkLocal),
    linkLocal,
    added: [...fresh].flatMap(([key, member]) => old.has(key) ? [] : [member]),
    removed: [...old].flatMap(([key, member]) => fresh.has(key) ? [] : [member]),
    chains: chainDifference(before.chains, after.chains),
    last: [...routes.last, ...addresses.last, ...addresses.last.length === 0 ? [] : again(after)],
    released: (before.forwarding.ipv4 && !after.forwarding.ipv4) || (before.forwarding.ipv6 && !after.forwarding.ipv6),
  }
}

/** Whether there is nothing to do in the kernel. */
export function isNothing ({ first, sysctls, linkLocal, added, removed, chains, last, released }: Difference): boolean {
  return chains.added.length + chains.changed.length + chains.removed.length + first.length + sysctls.length + added.length + removed.length + last.length === 0 && linkLocal === 'stays' && !released
}

/** An element of a map is another one where its value is. */
const keyed = (members: readonly MemberObject[]): Map<string, MemberObject> => new Map(members.map((member) => [member.data === undefined ? memberKey(member) : `${memberKey(member)} ${member.data.join(' ')}`, member]))

const must = (request: Request): Tolerant => ({ request, unless: [] })
const unlessThere = (request: Request): Tolerant => ({ request, unless: ['EEXIST'] })
/** An address is EADDRNOTAVAIL, a route ESRCH, where it is gone. */
const unlessGone = (request: Request): Tolerant => ({ request, unless: ['EADDRNOTAVAIL', 'ESRCH'] })

const DEFAULT_MTU = 1500
/** Below it a link has no IPv6. Source: include/uapi/linux/ipv6.h. */
const IPV6_MIN_MTU = 1280

/** `ip link set NAME address MAC`, `ip link set NAME mtu M`, `ip link set NAME type bridge stp_state S forward_delay D`. */
function bridgeDifference (before: BridgeObject, after: BridgeObject, linkLocal: Difference['linkLocal']): Tolerant[] {
  const { index, mac, stp, forwardDelay } = after
  const change = (message: Omit<Parameters<typeof link.change>[0], 'index'>): Tolerant => must(link.change({ index, ...message }, describe(after)))
  const data = (options: { readonly stpState?: number, readonly forwardDelay?: number }): Tolerant => change({ linkinfo: { kind: 'bridge', data: options } })
  // Hundredths of a second. With STP the kernel takes 2 to 30 s only, so STP ends before the delay changes, and the delay comes with it.
  const delay = Math.round(effectiveDelay(stp, forwardDelay) * 100)
  const timed = before.stp !== stp || before.forwardDelay !== forwardDelay
  return [
    ...before.mac === mac ? [] : [change({ address: mac })],
    ...sizeOf(before) === sizeOf(after) ? [] : [change({ mtu: sizeOf(after) })],
    ...!timed ? [] : stp ? [data({ forwardDelay: delay, stpState: 1 })] : [data({ stpState: 0 }), data({ forwardDelay: delay })],
    ...linkLocal === 'goes' ? [change({ afSpec: { inet6: { addrGenMode: IN6_ADDR_GEN_MODE_NONE } } })] : [],
  ]
}

const sizeOf = ({ mtu }: BridgeObject): number => mtu ?? DEFAULT_MTU

/** `ip link set PORT mtu M`. */
function sizes (before: BridgeObject, after: BridgeObject, ports: readonly PortRecord[]): Tolerant[] {
  if (sizeOf(before) === sizeOf(after)) return []
  return ports.map(({ link: { index, name } }) => ({ request: link.change({ index, mtu: sizeOf(after) }, name), unless: ['ENODEV'] }))
}

const grows = (before: BridgeObject, after: BridgeObject): boolean => sizeOf(before) < IPV6_MIN_MTU && sizeOf(after) >= IPV6_MIN_MTU

/** With an MTU that IPv6 can use, a bridge gets IPv6 from the kernel as every link does: with an address of its own. */
function linkLocalOf (before: BridgeObject, after: BridgeObject, { ipv6 = true }: Surroundings): Difference['linkLocal'] {
  if (!ipv6 || sizeOf(after) < IPV6_MIN_MTU) return 'stays'
  if (grows(before, after)) return after.ipv6 ? 'comes' : 'goes'
  return before.ipv6 === after.ipv6 ? 'stays' : after.ipv6 ? 'comes' : 'goes'
}

/** `sysctl -w net.ipv6.conf.NAME.addr_gen_mode=0`: unlike the attribute, the file makes the address at once. Source: net/ipv6/addrconf.c, addrconf_sysctl_addr_gen_mode(). */
function sysctlsOf (before: NetworkRecord, after: NetworkRecord, linkLocal: Difference['linkLocal']): SysctlObject[] {
  const old = new Map(before.sysctls.map(({ path, value }) => [path, value]))
  const kept = new Set(after.sysctls.map(({ path }) => path))
  // What a network has only sometimes (route_localnet) is 0 otherwise.
  const gone = before.sysctls.filter(({ path }) => !kept.has(path)).map((one) => ({ ...one, value: '0' }))
  const changed = [...after.sysctls.filter(({ path, value }) => grows(before.bridge, after.bridge) || old.get(path) !== value), ...gone]
  return linkLocal === 'comes' ? [...changed, { type: 'sysctl', path: `/proc/sys/net/ipv6/conf/${after.bridge.name}/addr_gen_mode`, value: '0' }] : changed
}

const addressKey = ({ address, prefix }: AddressObject): string => `${address}/${String(prefix)}`

/** An IPv6 address is there once, whatever its prefix; of IPv4 both stand for a moment. */
function addressDifference (before: readonly AddressObject[], after: readonly AddressObject[]): { readonly first: Tolerant[], readonly last: Tolerant[] } {
  const [old, fresh] = [new Set(before.map(addressKey)), new Set(after.map(addressKey))]
  const coming = after.filter((one) => !old.has(addressKey(one)))
  const going = before.filter((one) => !fresh.has(addressKey(one)))
  const inTheWay = new Set(going.filter(({ address }) => address.includes(':') && coming.some((one) => one.address === address)))
  return {
    first: coming.flatMap((one) => [...[...inTheWay].filter(({ address }) => address === one.address).map((other) => unlessGone(removeAddressRequest(other))), unlessThere(addressRequest(one))]),
    last: going.filter((one) => !inTheWay.has(one)).map((one) => unlessGone(removeAddressRequest(one))),
  }
}

/** Of one destination and metric there is one route in a table. */
const routeKey = ({ destination, metric }: RouteObject): string => `${destination} ${String(metric)}`

function routeDifference (before: readonly RouteObject[], after: readonly RouteObject[]): { readonly first: Tolerant[], readonly last: Tolerant[] } {
  const old = new Map(before.map((one) => [routeKey(one), one]))
  const fresh = new Set(after.map(routeKey))
  const first = after.flatMap((one) => {
    const other = old.get(routeKey(one))
    if (other?.gateway === one.gateway) return []
    return [...other === undefined ? [] : [unlessGone(removeRouteRequest(other))], unlessThere(routeRequest(one))]
  })
  return { first, last: before.filter((one) => !fresh.has(routeKey(one))).map((one) => unlessGone(removeRouteRequest(one))) }
}

/** With the first address of a subnet the kernel removes the others of it (promote_secondaries is off by default), and with the last one of a link its routes. Source: net/ipv4/devinet.c, __inet_del_ifa(). */
function again ({ addresses, routes }: NetworkRecord): Tolerant[] {
  return [...addresses.map((one) => unlessThere(addressRequest(one))), ...routes.map((one) => unlessThere(routeRequest(one)))]
}
