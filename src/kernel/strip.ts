/**
 * Links that are kept for the next network instead of being deleted. Stripping is what burying is: down, renamed, in a link group of its own, so that
 * a name is free at once and whoever comes after a crash deletes the group. What else the last network left is removed by `launder`, behind the scenes:
 * a port, too, leaves its bridge and goes down only there, since each is a wait for an RCU grace period or two.
 */
import { randomBytes } from 'node:crypto'
import { IFF_UP, link } from '../netlink/rtnl/link.js'
import type { Request } from '../netlink/request.js'
import { removeAddressRequest } from './addr.js'
import { downAnd, renamesLive, type Buried, type Burial } from './burial.js'
import { describe, type BridgeObject, type TapObject } from './object.js'

/** The name of a link in the pool: `nwp` and its index to base 36, which nobody else's link has; at most 9 bytes. */
export function poolName (index: number): string { return `nwp${index.toString(36)}` }

/** What the kernel gives a bridge that is not told otherwise; hundredths of a second. */
const FORWARD_DELAY = 1500

/** `ip addr del …`, then `ip link set NAME name nwp… group G alias '' down`, and for a bridge `type bridge stp_state 0 forward_delay 1500`. A port leaves its bridge likewise, or stays as it is: see `buryRequests`. */
export function stripRequests ({ link: { index, name, kind }, group, addresses, leaves }: Burial): Request[] {
  const bridge = kind === 'bridge'
  const change = { index, ifname: poolName(index), group, ifalias: '' }
  if (!bridge && !leaves && renamesLive) return [link.change(change, name)]
  return [
    ...addresses.map(removeAddressRequest),
    ...downAnd({ ...change, ...bridge ? { linkinfo: { kind: 'bridge', data: { forwardDelay: FORWARD_DELAY, stpState: 0 } } } : { master: 0 } }, name),
  ]
}

/** `ip link set nwp… down`, then `nomaster`: a port that was stripped as it was. In one message it would be up without its bridge for a moment. */
export function leaveRequests (index: number): Request[] {
  return [link.change({ index, flags: 0, change: IFF_UP }, poolName(index)), link.change({ index, master: 0 }, poolName(index))]
}

/** A MAC that is nobody's: locally administered, one address. A link in the pool has one, since a bridge keeps its own MAC in its forwarding database only when that changes. */
export function poolMac (): string {
  const [first = 0, ...rest] = randomBytes(6)
  return [first & 0xfc | 2, ...rest].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** A bridge that is made for the pool: `ip link add nwp… index N address MAC group G type bridge`. */
export function freshBridge ({ index }: Pick<Buried, 'index'>, group: number): Request[] {
  const name = poolName(index)
  return [link.create({ index, ifname: name, address: poolMac(), group, linkinfo: { kind: 'bridge' } }, name)]
}

/**
 * A TAP that is made for the pool, once `createTap` has made it: `ip link set nwp… group G`, then `address MAC`. The kernel tells nobody that a link which is
 * down got a group, only what comes after it: whoever watches the group (see yard.ts) hears of the address.
 */
export function freshTap ({ index }: Pick<Buried, 'index'>, group: number): Request[] {
  return [link.change({ index, group }, poolName(index)), link.change({ index, address: poolMac() }, poolName(index))]
}

/** `ip link set NAME addrgenmode MODE`. */
export function withMode (index: number, name: string, addrGenMode: number): Request { return link.change({ index, afSpec: { inet6: { addrGenMode } } }, name) }

/** ETH_DATA_LEN. */
const DEFAULT_MTU = 1500

/** What differs from `linkRequests` of a new bridge: by index, and in one message where the host has no IPv6 in the network. `addrGenMode`: that of a new link, where the kernel has IPv6. */
export function reviveBridge (bridge: BridgeObject, addrGenMode: number | undefined): Request[] {
  const { name, index, mac, mtu, group, stp, forwardDelay, alias } = bridge
  const up = { flags: IFF_UP, change: IFF_UP }
  // What it has already would not count as given to it.
  const before = mtu === DEFAULT_MTU ? [link.change({ index, mtu: DEFAULT_MTU + 1 }, describe(bridge))] : []
  const first = {
    index, ifname: name, address: mac, group, ifalias: alias, ...mtu === undefined ? {} : { mtu },
    linkinfo: { kind: 'bridge', data: { forwardDelay: Math.round(forwardDelay * 100), stpState: stp ? 1 : 0 } },
  }
  if (!bridge.ipv6 || addrGenMode === undefined) return [...before, link.change({ ...first, ...up }, describe(bridge))]
  // In one message it would go up before its mode is set.
  return [...before, link.change({ ...first, afSpec: { inet6: { addrGenMode } } }, describe(bridge)), link.change({ index, ...up }, describe(bridge))]
}

/** As `linkRequests` of a TAP, but for joining its bridge and going up: `ip link set nwp… name NAME address MAC mtu M group G`, then, for one without a bridge, `addrgenmode`. */
export function reviveTap (tap: TapObject, addrGenMode: number | undefined): Request[] {
  const { name, index, mac, mtu, group, master } = tap
  return [
    link.change({ index, ifname: name, address: mac, group, ...mtu === undefined ? {} : { mtu } }, describe(tap)),
    ...master !== undefined || addrGenMode === undefined ? [] : [withMode(index, describe(tap), addrGenMode)],
  ]
}
