/** Links as netwright makes, changes and removes them. Reading is in link-state.ts. */
import { randomInt } from 'node:crypto'
import { IFF_UP, IN6_ADDR_GEN_MODE_NONE, link } from '../netlink/rtnl/link.js'
import { macvlanMode } from '../netlink/rtnl/kind/macvlan.js'
import type { Request } from '../netlink/request.js'
import { describe, type BridgeObject, type LinkObject, type MacvtapObject, type TapObject, type VethObject } from './object.js'

/** What a request depends on beside the object. */
export interface Surroundings {
  /** Open descriptor of the namespace of a veth's peer. */
  readonly peerNetns?: number
  /** False on a kernel without IPv6 (`ipv6.disable=1`), which refuses its settings (EAFNOSUPPORT). Default true. */
  readonly ipv6?: boolean
}

/** Below it a link has no IPv6, and its settings are refused. Source: include/uapi/linux/ipv6.h, IPV6_MIN_MTU. */
const IPV6_MIN_MTU = 1280
/** ETH_DATA_LEN: the MTU of an Ethernet-like link that was not told otherwise. */
const DEFAULT_MTU = 1500
const UP = { flags: IFF_UP, change: IFF_UP } as const
const DOWN = { flags: 0, change: IFF_UP } as const

/**
 * The requests that make a link, to be sent in this order in one datagram; with the index chosen, addresses of it may follow in the same one.
 * A TAP must be there already (`createTap`): these finish it. Each either creates with EXCL or changes by index, so that no stranger's link is touched.
 * EEXIST where the name or the index is taken: `readLink` by name tells which.
 */
export function linkRequests (object: LinkObject, surroundings: Surroundings = {}): { readonly create: Request[] } {
  switch (object.type) {
    case 'bridge': return { create: bridgeRequests(object, surroundings) }
    case 'tap': case 'veth': return { create: [...preparedPort(object, surroundings), joinRequest(object)] }
    case 'macvtap': return { create: macvtapRequests(object, surroundings) }
    default: return object satisfies never
  }
}

/** As `linkRequests`, but for the last step of a port: it is no port of its bridge yet, and down. */
export function preparingRequests (object: LinkObject, surroundings: Surroundings = {}): Request[] {
  if (object.type === 'macvtap') return macvtapRequests(object, surroundings) // it joins nothing
  return object.type === 'bridge' ? bridgeRequests(object, surroundings) : preparedPort(object, surroundings)
}

/** `ip link set NAME master BRIDGE up`: the last step of `linkRequests` for a port. */
export function joinRequest (port: TapObject | VethObject): Request {
  return link.change({ index: port.index, ...port.master === undefined ? {} : { master: port.master }, ...UP }, describe(port))
}

/** `ip link set dev NAME addrgenmode none`: no link-local address, so no neighbour discovery of the host's in the guests' network. */
function withoutIpv6 (mtu: number | undefined, { ipv6 = true }: Surroundings): { afSpec?: { inet6: { addrGenMode: number } } } {
  return ipv6 && (mtu ?? DEFAULT_MTU) >= IPV6_MIN_MTU ? { afSpec: { inet6: { addrGenMode: IN6_ADDR_GEN_MODE_NONE } } } : {}
}

/**
 * `ip link add NAME index N address MAC group G type bridge stp_state S forward_delay D`, down, then `ip link set NAME mtu M addrgenmode none
 * alias TEXT`, since the kernel takes neither AF_SPEC nor an alias while it creates, then `ip link set NAME up`: in one message it would
 * go up first, and make its link-local address.
 */
function bridgeRequests (bridge: BridgeObject, surroundings: Surroundings): Request[] {
  const { name, index, mac, mtu, group, stp, forwardDelay, alias } = bridge
  // An MTU that is changed to is kept; one given at creation, or equal to what was before, follows the lowest of the ports.
  // Source: net/bridge/br_device.c, br_change_mtu(), BROPT_MTU_SET_BY_USER.
  const before = mtu === DEFAULT_MTU ? { mtu: DEFAULT_MTU + 1 } : {}
  return [
    link.create({
      index, ifname: name, address: mac, group, ...before,
      // Hundredths of a second. Delay first, then STP: while STP is off any delay is taken, and STP raises it to 2 s by itself.
      linkinfo: { kind: 'bridge', data: { forwardDelay: Math.round(forwardDelay * 100), stpState: stp ? 1 : 0 } },
    }, describe(bridge)),
    link.change({ index, ...mtu === undefined ? {} : { mtu }, ifalias: alias, ...bridge.ipv6 ? {} : withoutIpv6(mtu, surroundings) }, describe(bridge)),
    link.change({ index, ...UP }, describe(bridge)),
  ]
}

function preparedPort (port: TapObject | VethObject, surroundings: Surroundings): Request[] {
  return port.type === 'tap' ? [tapRequest(port, surroundings)] : vethRequests(port, surroundings)
}

/** `ip link set NAME address MAC mtu M group G addrgenmode none`. */
function tapRequest (tap: TapObject, surroundings: Surroundings): Request {
  const { index, mac, mtu, group, master } = tap
  return link.change({ index, address: mac, ...mtu === undefined ? {} : { mtu }, group, ...master === undefined ? {} : withoutIpv6(mtu, surroundings) }, describe(tap))
}

/** `ip link add NAME index N address MAC group G type veth peer name PEER address MAC netns NS`, then `ip link set NAME addrgenmode none`. */
function vethRequests (veth: VethObject, surroundings: Surroundings): Request[] {
  const { name, index, mac, mtu, group, master, peer } = veth
  const { peerNetns } = surroundings
  if (peerNetns === undefined) throw new RangeError(`${describe(veth)}: the peer's namespace is not open`)
  const size = mtu === undefined ? {} : { mtu }
  return [
    link.create({
      index, ifname: name, address: mac, group, ...size,
      linkinfo: { kind: 'veth', data: { peer: { ifname: peer.name, address: peer.mac, netNsFd: peerNetns, ...size } } },
    }, describe(veth)),
    ...master === undefined ? [] : [link.change({ index, ...withoutIpv6(mtu, surroundings) }, describe(veth))],
  ]
}

/** `ip link add link DEV name NAME index N address MAC mtu M group G type macvtap mode MODE`, then `addrgenmode none`, then up. In mode passthru it has the device's own MAC, which giving it would set. */
function macvtapRequests (macvtap: MacvtapObject, surroundings: Surroundings): Request[] {
  const { name, index, mac, mtu, group, device, mode } = macvtap
  return [
    link.create({
      index, ifname: name, link: device.index, group, ...mode === 'passthru' ? {} : { address: mac }, ...mtu === undefined ? {} : { mtu },
      linkinfo: { kind: 'macvtap', data: { mode: macvlanMode[mode] } },
    }, describe(macvtap)),
    link.change({ index, ...withoutIpv6(mtu, surroundings) }, describe(macvtap)),
    link.change({ index, ...UP }, describe(macvtap)),
  ]
}

/** Just enough to change a link that is known to be ours, and to name it in errors. */
export interface Known { readonly name: string, readonly index: number }

/** `ip link set NAME master BRIDGE up`: a port comes back to its bridge. */
export function attachRequest ({ name, index }: Known, master: number): Request { return link.change({ index, master, ...UP }, name) }

/** `ip link set NAME nomaster down`: a port waits for its bridge. */
export function detachRequest ({ name, index }: Known): Request { return link.change({ index, master: 0, ...DOWN }, name) }

/** `ip link set NAME up`, `ip link set NAME down`. */
export function upRequest ({ name, index }: Known, up: boolean): Request { return link.change({ index, ...up ? UP : DOWN }, name) }

/** `ip link del NAME`, by index. A bridge's ports stay, without master. ENODEV where it is gone. Deleting a TAP so also ends one that is open. */
export function removeRequest ({ name, index }: Known): Request { return link.remove({ index }, name) }

/** Hands out indexes for links to be made. */
export interface Indexes { next (): number }

/** Indexes that the kernel chooses itself start at 1 and never come near. */
const FIRST = 0x1000_0000
const LAST = 0x7fff_ffff

/** A source of indexes from a random place on: two processes hardly ever choose alike, and when they do, the kernel says EEXIST (EBUSY for a TAP) and the next one is taken. */
export function indexes (): Indexes {
  let last: number | undefined
  return { next: () => {
    // Not before somebody asks: who only looks needs no cryptography.
    last ??= randomInt(FIRST, LAST + 1)
    last = last === LAST ? FIRST : last + 1
    return last
  } }
}
