/** The public face: what `openHost` returns. Specs in, plain data out. Every verb takes `{ signal }`. */
import type { Lease, LeaseChange } from '../dnsmasq/leases.js'
import type { Counters as Statistics } from '../kernel/counters.js'
import type { LinkPool, Recycle } from './recycle-options.js'
import type { Logger } from '../log.js'
import type { NamespaceHost, NamespaceOptions, Rig, RigInput } from './rig.js'
import type { HostBridges } from './host-bridge-api.js'
import type { HostAccess, HostPolicyInfo, PeerInfo, Peers, RuleInfo, Rules } from './filter-api.js'
import type { ForwardInfo, Forwards, Scope } from './forward-api.js'
import type { Diagnostics } from './tallies.js'
import type { Consequence, Interruption } from './change.js'
import type { Domain } from './domain-api.js'
import type { CheckedDesired, Desired, DesiredNetwork } from './desired.js'
import type { ApplyOptions, Plan, PlanOptions } from './plan-api.js'
import type { Topology } from './topology-api.js'
import type { CommittedOnTrial, TransactionTrialOptions } from './trial-api.js'
import type { Definition, ForwardMode, NetworkInput, NetworkSpec } from '../network/spec.js'
import type { LinkCondition, MacvtapInput, Port, PortInfo, PortInput } from './port-api.js'

export interface Options { readonly signal?: AbortSignal }

export interface AutostartOptions extends Options {
  /** Only where it has not been done since the machine was booted (a time that something failed does not count): who stopped a network meant it. As libvirtd. */
  readonly once?: boolean
  /** Told of each network that could not be started, and of each host bridge that could not be made. */
  readonly failed?: (failure: { readonly kind: 'network' | 'host-bridge', readonly name: string, readonly error: unknown }) => void
}

export interface HostOptions extends Options {
  /** Everything belongs to an owner; two owners never see, repair or remove each other's objects. Default `system`. Letters, digits, `_`, `-`, at most 32. */
  readonly owner?: string
  /** Put before /etc/netwright, /var/lib/netwright and /run/netwright. Default `/`. */
  readonly root?: string
  /** Work in another network namespace: a path (`/run/netns/x`), a name or a pid. */
  readonly netns?: string | number
  /** Any pino logger. Default: silent. */
  readonly logger?: Logger
  /** Where `subnet: 'auto/24'` takes prefixes from. Default: 10.128.0.0/9 and 192.168.128.0/17 for IPv4. */
  readonly pools?: readonly string[]
  /** How long to wait for another process's lock, milliseconds. Default 30,000. */
  readonly lockTimeout?: number
  /** Where the host's name servers are read from. Default: /etc/netns/NAME/resolv.conf of a named namespace where there is one, else /etc/resolv.conf. */
  readonly resolvConf?: string
  /** Watch dnsmasq processes while the host is open, and start them again when they end. Such a host keeps the process alive until it is closed. Default true; a command that ends at once has no use for it. */
  readonly supervise?: boolean
  /**
   * The host's work is done on a thread of its own, which all hosts of the caller's thread share, and none of it on the caller's event loop. Default true. `false`: in the
   * caller's thread, for a command that ends at once: a thread takes 0.05 s to start.
   */
  readonly thread?: boolean
  /**
   * `process`: what this host makes (networks, ports, dnsmasq, forwarding, files) ends with this process and without a next command (processes and names within a second, links as fast as the kernel deletes them),
   * whatever ends it; `close()` removes it too. Networks that are defined are stopped, their definitions stay. Links made by `links` are no part of it.
   * A small process of its own (`netwright-reaper`, in a session of its own) waits for our death; where that is killed, another is started; where both are
   * killed at once (systemd's KillMode=control-group, a container that ends), the next host of this owner removes it. In a worker it is the
   * worker's thread that counts (before Linux 6.9, for the reaper, the process).
   * Default `unlimited`: networks go on without us.
   */
  readonly lifetime?: 'process' | 'unlimited'
  /** Keeps links of networks that stop for those that start next, instead of deleting them. Default: none are kept. */
  readonly recycle?: Recycle
}

/** A network definition: libvirt `<network>` XML, or JSON with short forms. */
export type NetworkDefinition = string | NetworkInput

/** A transient network with ports of its own. TAPs of a batch are persistent unless `fds` is true, which `host.transaction` can return and `host.create` cannot. */
export interface NetworkWithPorts { readonly network: NetworkDefinition, readonly ports?: readonly PortInput[] }

/** Says what a transaction is to do. Nothing happens before the function that was given it has returned; afterwards it throws NETWRIGHT_CLOSED. */
export interface Transaction {
  /** A transient network, as `host.create`, with ports. */
  create (definition: NetworkDefinition, ports?: readonly PortInput[]): void
  /** A stored network, as `network.start`. */
  start (name: string): void
  /** A port on a network that runs, or that the same transaction makes or starts. */
  attach (network: string, port: PortInput): void
  /** A running network, found by its name, becomes as defined, as `network.update`. */
  update (definition: NetworkDefinition): void
  /** As `network.stop`. */
  stop (name: string): void
  /** As `network.destroy`. */
  destroy (name: string): void
  /** As `network.detach`. */
  detach (network: string, dev: string): void
}

/** What a transaction made, each in order of asking. */
export interface Committed {
  /** Created, started and updated ones. */
  readonly networks: readonly Network[]
  readonly ports: readonly Port[]
  readonly updates: readonly UpdateReport[]
  readonly warnings: readonly Warning[]
}

/** What an update changed in a running network, and whom that interrupted. */
export interface UpdateReport { readonly name: string, readonly changes: readonly Consequence[], readonly warnings: readonly Warning[] }

export interface Host extends AsyncDisposable {
  readonly owner: string
  /** Stores a definition; the network is not started. `virsh net-define`. Redefining a running network changes the stored copy only. */
  define (definition: NetworkDefinition, options?: Options): Promise<Network>
  /** Makes and starts a transient network: gone when it stops. `virsh net-create`. An array is made as one batch, all or nothing. */
  create (definition: NetworkDefinition | NetworkWithPorts, options?: Options): Promise<Network>
  create (definitions: readonly (NetworkDefinition | NetworkWithPorts)[], options?: Options): Promise<Network[]>
  /**
   * Many changes as one: all of them or none. `collect` only says what is wanted, in any order; then all of it is checked, written down, made with a few
   * large sends and published by one nft commit. Removals come last, when everything else stands: from then on there is no way back, and a signal is
   * no longer heeded. The error names the one thing at fault (`error.network`, `error.place`) and, where the undo failed too, what is left (`error.remains`).
   *
   * With `confirmWithin` or `probe` it is on trial: it resolves when everything stands and the probe is content, and then all of it is taken back unless it is
   * confirmed in time; so it is when the host is closed, or this process dies, whatever kills it: a process of its own does that. Meanwhile nobody else can change
   * the networks that it is about (NETWRIGHT_LOCKED), and what it removes is still there: removals come with the confirmation.
   * Throws NETWRIGHT_PROBE_FAILED too; then everything is as before.
   */
  transaction (collect: (tx: Transaction) => void, options: TransactionTrialOptions & (Required<Pick<TransactionTrialOptions, 'confirmWithin'>> | Required<Pick<TransactionTrialOptions, 'probe'>>)): Promise<CommittedOnTrial>
  transaction (collect: (tx: Transaction) => void, options?: Options): Promise<Committed>
  /**
   * What would have to change so that what is desired stands: in order, each with its reason and what it does to traffic, and the way back. Changes nothing.
   * What chance chose (uuid, MAC, bridge, subnet) stays as it is for what is there. `terraform plan`.
   */
  plan (desired: Desired | DesiredNetwork | readonly DesiredNetwork[] | CheckedDesired, options?: PlanOptions): Promise<Plan>
  /**
   * Carries out a plan, or plans and does it: all of it or nothing. Twice is once: the second time nothing is done. Resolves with the plan that was carried
   * out. Throws NETWRIGHT_STALE_PLAN where the host has changed since the plan was made; then, as after any other error, everything is as before but for
   * what NETWRIGHT_UNDO_INCOMPLETE names. `kubectl apply`.
   */
  apply (planOrDesired: Plan | Desired | DesiredNetwork | readonly DesiredNetwork[] | CheckedDesired, options?: ApplyOptions): Promise<Plan>
  /** All networks of this owner, sorted by name without regard to case. `virsh net-list --all`. */
  networks (options?: Options): Promise<NetworkInfo[]>
  /** By name, or by uuid where the text has 36 characters and is one. Throws NETWRIGHT_NOT_FOUND. */
  network (nameOrUuid: string, options?: Options): Promise<Network>
  /** A port of any network of this owner, by the host side's device name or the guest's MAC. Throws NETWRIGHT_NOT_FOUND. */
  port (devOrMac: string, options?: Options): Promise<Port>
  /** A guest, by the name that you give it. Throws NETWRIGHT_INVALID where that is no name. */
  domain (name: string): Domain
  /** Names of guests that have an interface, or for whom one is kept, sorted. `virsh list --all --name`. */
  domains (options?: Options): Promise<string[]>
  /** Every port of this owner: of all networks, and those that are of none. `virsh domiflist` of all guests. */
  ports (options?: Options): Promise<PortInfo[]>
  /**
   * A port that is of no network: a macvtap on a device of the host's, with its queues open. It stays until it is detached, or this process ends with `lifetime: 'process'`.
   * `ip link add link DEV name NAME type macvtap mode MODE`. Throws InputError, NETWRIGHT_NOT_FOUND where there is no such device, NETWRIGHT_NAME_IN_USE, KernelError.
   */
  attach (port: MacvtapInput, options?: Options): Promise<Port>
  /**
   * Makes stored host bridges, then starts every network marked for autostart that is not running, all in one batch. One that cannot start keeps no other from it: `failed` is told of
   * each; without it the first such error is thrown when all were tried, and the others are logged.
   */
  autostart (options?: AutostartOptions): Promise<StartReport[]>
  /** A snapshot first (`kind: 'snapshot'`), then changes as they happen; `resync` after an overrun. */
  events (options?: Options): AsyncIterable<HostEvent>
  /**
   * What stands, as nodes and edges: uplinks, networks with their ports and guests, what reaches what, and others' rulesets that are in the way.
   * Changes nothing; needs no privilege but for `filters`. `netwright topology`.
   */
  topology (options?: Options): Promise<Topology>
  /** What this host can and cannot do, and whether it could start this network. `lsmod`, `virt-host-validate`. Changes nothing. */
  check (definition?: NetworkDefinition, options?: Options): Promise<CheckLine[]>
  /** Links that are kept for the next network: see `recycle`. */
  readonly pool: LinkPool
  /** Links that belong to no network: what `brctl` and `ip tuntap` do. */
  readonly links: Links
  /** Bridges over the host's own NICs. */
  readonly hostBridge: HostBridges
  /**
   * Resolves when all links of what was stopped are really gone. `stop`, `destroy` and `detach` resolve earlier, when their names can be used again: the
   * links are down and called `nwx…` by then, and are deleted behind the scenes. Throws NETWRIGHT_UNDO_INCOMPLETE where some cannot be deleted.
   */
  settled (options?: Options): Promise<void>
  /**
   * A host inside a named namespace, with the same owner, root and logger; the namespace is made where there is none, with its loopback up. `ip netns add NAME`.
   * What is made ends with `drop`, with this host or with this process, whatever ends it; one that is there already is opened, and never deleted.
   * Throws NETWRIGHT_INVALID, NETWRIGHT_NO_PERMISSION, NETWRIGHT_NAME_IN_USE where somebody makes it at the same moment.
   */
  namespace (name: string, options?: NamespaceOptions): Promise<NamespaceHost>
  /** Several namespaces, with the networks to be created in each, made and dropped as one thing: where one fails, all are undone. Throws as `namespace` and `create`. */
  rig<N extends string> (namespaces: RigInput<N>, options?: NamespaceOptions): Promise<Rig<N>>
  /** What this host has done so far, what it waited for, and what still waits. What happens can also be listened to: see `channels` in diagnostics.ts. */
  diagnostics (): Promise<Diagnostics>
  /** Waits until the links of what was stopped are gone, and closes handles. Stops nothing, dnsmasq processes go on; but with `lifetime: 'process'` everything that this host made is removed first. */
  close (): Promise<void>
}

export interface NetworkInfo {
  readonly name: string
  readonly uuid: string
  readonly active: boolean
  /** `degraded`: running, but its dnsmasq is down at the moment. */
  readonly state: 'inactive' | 'active' | 'degraded'
  readonly persistent: boolean
  readonly autostart: boolean
  readonly bridge: string
  readonly mode: ForwardMode
  /** `192.168.123.1/24`, in the definition's order. */
  readonly addresses: readonly string[]
  readonly ports: number
}

export interface Warning { readonly code: 'FOREIGN_DROP' | 'DNSMASQ_USER' | 'NAMESERVER' | 'KERNEL', readonly message: string, readonly remedy?: string }
export interface StartReport { readonly name: string, readonly bridge: string, readonly warnings: readonly Warning[] }

export interface Network extends AsyncDisposable {
  readonly name: string
  readonly uuid: string
  info (options?: Options): Promise<NetworkInfo>
  /** What runs (or, with `inactive` or when nothing runs, what is stored). */
  spec (options?: Options & { readonly inactive?: boolean }): Promise<Definition>
  /** The same as XML, as `virsh net-dumpxml [--inactive]` prints it. */
  xml (options?: Options & { readonly inactive?: boolean }): Promise<string>
  /**
   * Changes the running network to another definition with the smallest difference; guests stay connected where the kernel allows it. What is stored
   * stays as it is (`host.define`). `virsh net-update --live`. Throws NETWRIGHT_INACTIVE, and NETWRIGHT_UNSUPPORTED where a change needs a new start
   * (another bridge name); then nothing has changed.
   */
  update (definition: NetworkDefinition, options?: Options): Promise<UpdateReport>
  /** `virsh net-start`. Resolves when guests can use it: dnsmasq answers, the firewall is committed. */
  start (options?: Options): Promise<StartReport>
  /** Takes the network down; a transient one is gone then. Links of ports stay, down and without master, and come back at the next start. `virsh net-destroy`. */
  stop (options?: Options): Promise<void>
  /** `stop`, and the links of the ports are removed too. */
  destroy (options?: Options): Promise<void>
  /** Forgets the stored definition; a running network becomes transient. `virsh net-undefine`. */
  undefine (options?: Options): Promise<void>
  /** `virsh net-autostart [--disable]`. */
  setAutostart (on: boolean, options?: Options): Promise<void>
  attach (port: PortInput, options?: Options): Promise<Port>
  ports (options?: Options): Promise<PortInfo[]>
  /** A port that is there, by the host side's device name or the guest's MAC; disposing it removes nothing. Throws NETWRIGHT_NOT_FOUND. */
  port (devOrMac: string, options?: Options): Promise<Port>
  /**
   * What the network's bridge has carried since the network started, or with `dev` (the host side's name) one of its ports: `ip -s link show`. The kernel's
   * own counters begin earlier where the link was used before (see `recycle`). Throws NETWRIGHT_INACTIVE, NETWRIGHT_NOT_FOUND.
   */
  statistics (options?: Options & { readonly dev?: string }): Promise<Statistics>
  /** The bridge as the kernel has it: `ip link show BRIDGE`. Throws NETWRIGHT_INACTIVE, NETWRIGHT_NOT_FOUND. */
  state (options?: Options): Promise<LinkCondition>
  /** Removes a port and its link, by the host side's device name. */
  detach (dev: string, options?: Options): Promise<void>
  readonly leases: Leases
  /** Ports of the host that lead to its guests. */
  readonly forwards: Forwards
  /** Networks whose guests may talk with its guests. */
  readonly peers: Peers
  /** What is let through to its guests and from them. */
  readonly rules: Rules
  /** What its guests reach of the host's own services. */
  readonly hostPolicy: HostAccess
  /** Destroys what `create` made; does nothing for a persistent network. */
  [Symbol.asyncDispose] (): Promise<void>
}

export type { ForwardInfo, Forwards, HostAccess, HostPolicyInfo, PeerInfo, Peers, RuleInfo, Rules, Scope }
export type { LinkCondition, MacvtapInput, OfferOptions, Port, PortInfo, PortInput, PortState, ProcessNetns, SendOptions, SocketLike, TapInput, VethInput } from './port-api.js'
export type { Consequence, Interruption, Lease, LeaseChange, Statistics }
export type { LinkPool, PoolSize, Recycle } from './recycle-options.js'

export interface Leases {
  /** `virsh net-dhcp-leases`; expired ones are left out. */
  list (options?: Options): Promise<Lease[]>
  /** Those that are there (`present`), then every change. Throws NETWRIGHT_INACTIVE where no dnsmasq of this owner has ever run. */
  watch (options?: Options): AsyncIterable<LeaseChange>
  /** The lease that matches, now or when it comes. Throws as `watch`, NETWRIGHT_ABORTED. */
  wait (match: { readonly mac?: string, readonly ip?: string, readonly hostname?: string }, options?: Options): Promise<Lease>
}

export type HostEvent =
  | { readonly kind: 'snapshot', readonly networks: readonly NetworkInfo[] }
  | { readonly kind: 'network', readonly network: string, readonly change: 'defined' | 'undefined' | 'started' | 'stopped' | 'updated' }
  | { readonly kind: 'port', readonly network: string, readonly dev: string, readonly change: 'attached' | 'detached' }
  | { readonly kind: 'lease', readonly network: string, readonly lease: LeaseChange }
  | { readonly kind: 'dnsmasq', readonly network: string, readonly change: 'degraded' | 'recovered', readonly lastLines: readonly string[] }
  | { readonly kind: 'link', readonly dev: string, readonly change: 'added' | 'changed' | 'removed' }
  | { readonly kind: 'resync', readonly networks: readonly NetworkInfo[] }

export interface CheckLine { readonly what: string, readonly ok: boolean, readonly detail: string, readonly remedy?: string }

export interface BridgeInfo { readonly name: string, readonly id: string, readonly stp: boolean, readonly forwardDelay: number, readonly ports: readonly string[], readonly network?: string }

export interface Links {
  /** `brctl addbr NAME`: down, STP off, a random MAC, as brctl makes it. */
  addBridge (name: string, options?: Options): Promise<void>
  /** `brctl delbr NAME`; refuses a bridge that is up (as brctl does) or belongs to a network. */
  deleteBridge (name: string, options?: Options): Promise<void>
  /** `brctl addif BRIDGE DEV`. */
  addPort (bridge: string, dev: string, options?: Options): Promise<void>
  /** `brctl delif BRIDGE DEV`. */
  removePort (bridge: string, dev: string, options?: Options): Promise<void>
  /** `brctl stp BRIDGE on|off`. */
  setStp (bridge: string, on: boolean, options?: Options): Promise<void>
  /** `brctl setfd BRIDGE SECONDS`. */
  setForwardDelay (bridge: string, seconds: number, options?: Options): Promise<void>
  /** `brctl show [NAME]`. */
  bridges (name?: string, options?: Options): Promise<BridgeInfo[]>
  /** `ip tuntap add dev NAME mode tap [user UID] [group GID] [multi_queue] [vnet_hdr]`. */
  addTap (name: string, options?: Options & { readonly owner?: number, readonly group?: number, readonly queues?: number, readonly vnetHdr?: boolean }): Promise<void>
  /** `ip tuntap del NAME mode tap`. */
  deleteTap (name: string, options?: Options): Promise<void>
}

/** What a definition would become, without touching anything and without what chance would choose. `netwright render`. */
export interface Rendering { readonly xml: string, readonly json: NetworkSpec, readonly dnsmasq: string, readonly nft: string, readonly objects: readonly object[] }
