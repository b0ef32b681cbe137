/** The public face of host bridges: what `host.hostBridge` is. */
import type { Options } from './api.js'
import type { OnTrial, ProbeContext } from './trial-api.js'

/** How a bond shares its members. `ip link add type bond mode …`. */
export type BondMode = 'balance-rr' | 'active-backup' | 'balance-xor' | 'broadcast' | '802.3ad' | 'balance-tlb' | 'balance-alb'

export interface HostBridgeInput {
  /** The bridge's: `br0`. */
  readonly name: string
  /** The NIC that becomes a port of the bridge: `eth0`; `eth0.20` is made where it is not there and `eth0` is. Left out with `bond`. */
  readonly uplink?: string
  /** The port is this VLAN of the uplink (or of the bond), made for it: 1 to 4094. */
  readonly vlan?: number
  /** The port is a bond of these NICs, made for it. */
  readonly bond?: { readonly members: readonly string[], readonly mode?: BondMode, /** Default `bond0`. */ readonly name?: string }
}

/** Throws, or returns false, where the change must be taken back. */
export type Probe = (context: ProbeContext) => unknown

export interface TrialOptions extends Options {
  /** Seconds. Whatever is not confirmed by then is taken back; 0: it is kept as soon as the probe is content. Default 30. */
  readonly confirmWithin?: number
  /** Looked at after the change; one that fails takes it back. Default: every gateway that answered before answers ARP or NDP, and the ssh connection that we came by (SSH_CONNECTION) lives. */
  readonly probe?: Probe | 'none'
}

/** A network manager that looks after a link, and how it is told about the bridge. */
export interface ManagerAdvice {
  readonly manager: 'NetworkManager' | 'systemd-networkd' | 'ifupdown' | 'netplan' | 'dhclient' | 'dhcpcd' | 'udhcpc'
  readonly dev: string
  /** Files (or commands) that say the same in its own words. */
  readonly configuration: string
}

/** A change of a host bridge that is on trial. */
export interface Trial extends OnTrial {
  readonly name: string
  /** How long packets had no sure way, milliseconds: from the first to the last message that changed what they pass. */
  readonly movedInMs: number
  readonly advice: readonly ManagerAdvice[]
}

export interface HostBridgeInfo {
  readonly name: string
  /** The link that is its port: `eth0`, `eth0.20`, `bond0`. */
  readonly port: string
  /** What its addresses came from. */
  readonly uplinks: readonly string[]
  /** `trial`: it is taken back unless confirmed; `inactive`: it is stored and does not stand. */
  readonly state: 'kept' | 'trial' | 'inactive'
  /** Seconds left to confirm it. */
  readonly left?: number
}

export interface HostBridges {
  /**
   * Makes a bridge of that name, puts the uplink into it and moves what layer 3 knows about the uplink (addresses, routes, neighbours, gateways) to it,
   * all or nothing, in milliseconds. Resolves when the probe is content; then it stands on trial until `confirm`. `ip link add br0 type bridge; ip link set eth0 master br0; …`.
   * Throws NETWRIGHT_UPLINK_UNFIT (`conflict` says why), NETWRIGHT_NOT_FOUND, NETWRIGHT_NAME_IN_USE, NETWRIGHT_PROBE_FAILED, NETWRIGHT_UNSUPPORTED, KernelError; everything is as before then.
   */
  create (input: HostBridgeInput, options?: TrialOptions): Promise<Trial>
  /** Keeps what is on trial, also over a reboot (`autostart`). Twice is fine. Throws NETWRIGHT_NOT_FOUND. */
  confirm (name: string, options?: Options): Promise<void>
  /** The inverse of `create`: everything goes back to the uplink, the bridge is deleted; one that is only stored is forgotten. On trial as `create`; `confirmWithin` defaults to 0. Throws NETWRIGHT_ACTIVE where others are ports of it. */
  remove (name: string, options?: TrialOptions): Promise<Trial>
  /** Those that stand or are stored, by name. */
  list (options?: Options): Promise<HostBridgeInfo[]>
}
