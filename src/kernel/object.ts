/** What netwright makes in the kernel, as plain data. A network expands into these; a plan is a list of them; the journal stores them. */

/** Every link of ours carries its owner's link group, so that a group can be read and (later) deleted as one. */
interface LinkCommon {
  readonly name: string
  /** Chosen by us before the link is made, so that one send can make it and use it. */
  readonly index: number
  readonly mac: string
  readonly mtu?: number
  /** IFLA_GROUP, never 0. */
  readonly group: number
}

/** `ip link add NAME index N address MAC group G type bridge …` */
export interface BridgeObject extends LinkCommon {
  readonly type: 'bridge'
  readonly stp: boolean
  /** Seconds. */
  readonly forwardDelay: number
  /** False: IPv6 address generation off (`ip link set dev NAME addrgenmode none`), so not even a link-local address. */
  readonly ipv6: boolean
  /** IFLA_IFALIAS: a hint for people, never a proof. */
  readonly alias: string
}
/** A persistent TAP, or one that lives as long as its descriptors. `mac` is the host side's. */
export interface TapObject extends LinkCommon { readonly type: 'tap', readonly master?: number, readonly queues: number, readonly vnetHdr: boolean, readonly persist: boolean, readonly uid: number, readonly gid: number }
/** A veth pair; the peer is made inside another namespace. `mac` is the host side's. */
export interface VethObject extends LinkCommon {
  readonly type: 'veth'
  readonly master?: number
  /** `netns` is how to find the namespace again: path, and inode to know it by. */
  readonly peer: { readonly name: string, readonly mac: string, readonly netns: { readonly path: string, readonly inode: string } }
}
/** A macvtap on a device that is not ours. `mac` is the guest's, as the link is the guest's end. Never a port of a bridge. */
export interface MacvtapObject extends LinkCommon {
  readonly type: 'macvtap'
  readonly device: { readonly name: string, readonly index: number }
  readonly mode: 'vepa' | 'bridge' | 'private' | 'passthru'
  readonly queues: number
  readonly vnetHdr: boolean
}
export type LinkObject = BridgeObject | TapObject | VethObject | MacvtapObject

/** `ip addr add ADDRESS/PREFIX brd BROADCAST dev DEV`; IPv6 with nodad. */
export interface AddressObject { readonly type: 'address', readonly dev: string, readonly index: number, readonly address: string, readonly prefix: number }
/** `ip route add DESTINATION via GATEWAY dev DEV metric METRIC`. */
export interface RouteObject { readonly type: 'route', readonly dev: string, readonly index: number, readonly destination: string, readonly gateway: string, readonly metric: number }
/** A file below /proc/sys/net. */
export interface SysctlObject { readonly type: 'sysctl', readonly path: string, readonly value: string }
/** One element of a set or map of the constant firewall table; see ruleset.ts. */
export interface MemberObject { readonly type: 'member', readonly set: string, readonly key: readonly (string | number)[], readonly data?: readonly (string | number)[] }


/** One rule of a network's chain. Addresses are of one family, in canonical text, prefixes of whole networks. */
export interface FilterRule {
  readonly action: 'allow' | 'deny' | 'drop'
  /** Which rule of the definition this is a part of, from 0: one with addresses of both families is two. */
  readonly of: number
  /** Missing: both. */
  readonly family?: 4 | 6
  readonly protocol?: string
  /** Destination ports, first and last of each range, in order. */
  readonly ports?: readonly (readonly [number, number])[]
  readonly from?: readonly string[]
  readonly to?: readonly string[]
  /** What lines in the kernel's log begin with. */
  readonly log?: string
  readonly comment?: string
}
/** A chain of one network's rules in the firewall table, `in-BRIDGE` or `out-BRIDGE`; see filter-chain.ts. */
export interface ChainObject { readonly type: 'chain', readonly name: string, readonly direction: 'in' | 'out', readonly rules: readonly FilterRule[] }

export type KernelObject = LinkObject | AddressObject | RouteObject | SysctlObject | MemberObject | ChainObject

/** For messages: `bridge virbr1`, `address 192.168.123.1/24 on virbr1`. */
export function describe (object: KernelObject): string {
  switch (object.type) {
    case 'bridge': case 'tap': case 'veth': case 'macvtap': return `${object.type} ${object.name}`
    case 'address': return `address ${object.address}/${String(object.prefix)} on ${object.dev}`
    case 'route': return `route ${object.destination} via ${object.gateway} on ${object.dev}`
    case 'sysctl': return `sysctl ${object.path}`
    case 'member': return `element ${object.key.join(' . ')} of set ${object.set}`
    case 'chain': return `chain ${object.name}`
    default: return object satisfies never
  }
}
