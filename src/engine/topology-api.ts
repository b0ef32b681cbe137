/** What stands, as plain data: what `host.topology()` resolves with. Nodes first, then the edges between them; both are named as people name them. */
import type { ForwardMode } from '../network/spec.js'

export type Family = 'ipv4' | 'ipv6'

/** All of it at one moment. `ip -d addr`, `ip route`, `bridge link`, `nft list ruleset` and `virsh net-list --all`, as far as networks are concerned. */
export interface Topology {
  readonly host: TopologyHost
  readonly uplinks: readonly TopologyUplink[]
  /** Sorted by name, inactive ones too. */
  readonly networks: readonly TopologyNetwork[]
  /** Rulesets of others that drop what none of their rules accepts. Missing where this process may not read them. */
  readonly filters?: readonly TopologyFilter[]
  readonly edges: readonly TopologyEdge[]
}

export interface TopologyHost {
  /** The machine's name. */
  readonly name: string
  readonly owner: string
  /** The namespace, where it is another than the process's own: its name or its path. */
  readonly netns?: string
}

/** A device by which the host reaches the outside: it has a default route, a network's `forward dev` names it, or a macvtap is on it. */
export interface TopologyUplink {
  readonly dev: string
  /** `bridge`, `vlan`, `bond`, …; missing for hardware. */
  readonly kind?: string
  readonly state: 'up' | 'no carrier' | 'down' | 'missing'
  /** `198.51.100.1/24`; link-local ones are left out. */
  readonly addresses: readonly string[]
  /** Of its default routes. */
  readonly gateways: readonly string[]
  /** The families that it has a default route for. */
  readonly defaults: readonly Family[]
  /** Of a bridge over a NIC: the devices that are its ports. */
  readonly ports: readonly string[]
  /** Ports straight on it, past all networks. */
  readonly direct: readonly TopologyDirect[]
}

/** A macvtap. `ip -d link show type macvtap`. */
export interface TopologyDirect {
  readonly dev: string
  readonly mode: 'vepa' | 'bridge' | 'private' | 'passthru'
  readonly state: TopologyUplink['state']
  readonly guest: TopologyGuest
}

export interface TopologyNetwork {
  readonly name: string
  readonly uuid: string
  readonly title?: string
  readonly state: 'inactive' | 'active' | 'degraded'
  readonly persistent: boolean
  readonly autostart: boolean
  readonly mode: ForwardMode
  readonly bridge: string
  /** The host's own in this network: `192.168.123.1/24`. */
  readonly addresses: readonly string[]
  readonly domain?: string
  readonly dhcp: boolean
  readonly dns: boolean
  /** How many rules of its own say what is let through. Missing: none. */
  readonly rules?: number
  /** Its guests reach only what is listed of the host's services. */
  readonly host?: 'deny'
  readonly ports: readonly TopologyPort[]
  /** Guests with a lease that no port is known of. */
  readonly guests: readonly TopologyGuest[]
}

export interface TopologyPort {
  /** The host side's name. */
  readonly dev: string
  /** `tap`, `veth`, or what the kernel calls a stranger's link. */
  readonly kind: string
  /** False for a link that somebody else made a port of the bridge. */
  readonly own: boolean
  /** The bridge's; `disabled`: the link is down or nobody has plugged in; `detached`: it is no port at the moment. */
  readonly state: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking' | 'detached'
  readonly guests: readonly TopologyGuest[]
}

/** Somebody behind a port: known by a lease, by a reserved address, or by the MAC that the port was made for. */
export interface TopologyGuest {
  readonly mac: string
  /** From the lease, else what the port was given, else the domain's, else the name of its namespace. */
  readonly name?: string
  readonly addresses: readonly string[]
  /** When its lease ends; missing without a lease, and for a lease without an end. */
  readonly expires?: Date
  readonly leased: boolean
}

/** A base chain of somebody else's table. */
export interface TopologyFilter {
  /** `ip`, `inet`, … */
  readonly family: string
  readonly table: string
  readonly chain: string
  /** `forward`: what guests send and receive through this host; `input`: their DHCP and DNS. */
  readonly hook: 'forward' | 'input'
  /** Its policy, or the first rule that drops everything. */
  readonly by: 'policy' | 'rule'
  /** The running networks that this concerns. */
  readonly networks: readonly string[]
}

/** `uplink`: guests of a network reach the outside by a device, for some families with the host's address in place of their own. */
export interface UplinkEdge {
  readonly kind: 'uplink'
  readonly network: string
  readonly dev: string
  readonly mode: Exclude<ForwardMode, 'none'>
  readonly families: readonly Family[]
  readonly masquerade: readonly Family[]
}

/** `forward`: a port of the host, or a range, that leads to a guest. */
export interface ForwardEdge {
  readonly kind: 'forward'
  readonly network: string
  readonly proto: 'tcp' | 'udp' | 'sctp'
  /** The host's; missing: all of them. */
  readonly address?: string
  readonly port: number
  /** Of a range. */
  readonly end?: number
  /** An address or a port's name, as the definition has it. */
  readonly guest: string
  /** The guest's address; missing where its port is not attached. */
  readonly to?: string
  readonly guestPort: number
  /** Guests of other networks may use it, too. */
  readonly networks: boolean
}

/** `peer`: guests of two running networks talk; `out`: only those of `network` may begin. */
export interface PeerEdge {
  readonly kind: 'peer'
  readonly network: string
  readonly peer: string
  readonly direction: 'both' | 'out'
}

export type TopologyEdge = UplinkEdge | ForwardEdge | PeerEdge
