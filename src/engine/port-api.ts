/** Ports, as the public face has them: what is asked for, what is known, and what can be done with one. */
import type { Counters as Statistics } from '../kernel/counters.js'
import type { Options } from './api.js'
import type { PortDomain } from './domain-api.js'
import type { CloudHypervisorNet, CloudHypervisorOptions } from './vmm/cloud-hypervisor.js'
import type { FirecrackerInterface, FirecrackerOptions } from './vmm/firecracker.js'
import type { KernelIpOptions } from './vmm/kernel-ip.js'
import type { QemuDevices, QemuOptions } from './vmm/qemu.js'

interface PortCommon {
  /** The host side's name. Default: `vnet%d`, the first free number. */
  readonly dev?: string
  /** The guest's MAC. Default: `52:54:00:` and three random bytes. */
  readonly mac?: string
  /** `auto` reserves an address of the network's DHCP subnet; or one given. It becomes a static lease. */
  readonly address?: string
  /** The name of the static lease. */
  readonly hostname?: string
  /** The guest that it belongs to. */
  readonly domain?: PortDomain
}
export interface TapInput extends PortCommon {
  readonly kind: 'tap'
  readonly queues?: number
  readonly vnetHdr?: boolean
  /** Keep the link when the last descriptor is closed. Default: true when `fds` is false; InputError where both are false. */
  readonly persist?: boolean
  /** Return open descriptors, one a queue. Default true. */
  readonly fds?: boolean
  /** Numeric uid and gid that may open it without privilege. */
  readonly owner?: number
  readonly group?: number
  /** Descriptors of vhost-net too, one a queue (`port.vhostFds`). Default false. NETWRIGHT_UNSUPPORTED where the host has no /dev/vhost-net; InputError together with `fds: false`. */
  readonly vhost?: boolean
}
/**
 * The network namespace of a process. What is meant is held open before anything else happens, and is refused (NETWRIGHT_NO_NAMESPACE) where the process has ended or been replaced
 * meanwhile, or has no namespace of its own but the host's.
 */
export interface ProcessNetns {
  readonly pid: number
  /** When it started, in clock ticks: field 22 of /proc/PID/stat as the caller read it. Then another process that has got the number since is refused. */
  readonly started?: string
}
export interface VethInput extends PortCommon {
  readonly kind: 'veth'
  /** Where the guest side goes: a path, a name or a process, of a container for example. */
  readonly netns: string | number | ProcessNetns
  /** The guest side's name there. Default `eth0`. (`dev` is the host side's for a TAP; for a veth it is this.) */
  readonly dev?: string
  /** The host side's name. Default: `vnet%d`. */
  readonly hostDev?: string
  /** Give the guest side a default route through the gateway. */
  readonly defaultRoute?: boolean
}
export type PortInput = TapInput | VethInput

/** A guest straight on a device of the host's, beside the host and beyond its firewall: libvirt's `<interface type='direct'>`. The host itself and such a guest do not reach each other. */
export interface MacvtapInput {
  readonly kind: 'macvtap'
  /** The device: `eth0`, a bond, a VLAN. It is not changed. */
  readonly device: string
  /**
   * `vepa`: all frames leave the device, the switch there brings them back; `bridge`: guests of one device reach each other; `private`: they do not; `passthru`: one guest has
   * the device for itself, and its MAC. Default `vepa`, as in libvirt.
   */
  readonly mode?: 'vepa' | 'bridge' | 'private' | 'passthru'
  /** The link's name. Default: `macvtap%d`, the first free number. */
  readonly dev?: string
  /** The guest's and the link's. Default: `52:54:00:` and three random bytes. */
  readonly mac?: string
  /** Default: the device's. */
  readonly mtu?: number
  readonly queues?: number
  readonly vnetHdr?: boolean
}

/** Plain data about a port. */
export interface PortInfo {
  /** '' for a macvtap, which is of none. */
  readonly network: string
  readonly kind: 'tap' | 'veth' | 'macvtap'
  /** The host side's name: a port of the bridge. */
  readonly dev: string
  readonly mac: string
  /** The guest that it belongs to, where that was said. */
  readonly domain?: PortDomain
  /** The reserved address, `192.168.123.57`, where there is one. */
  readonly ip?: string
  readonly prefix?: number
  readonly gateway?: string
  readonly dns: readonly string[]
  /** The name of the static lease, where one was given. */
  readonly hostname?: string
  readonly mtu: number
  /** False while the network is stopped. */
  readonly attached: boolean
  /** Of a TAP or a macvtap: how it was made. */
  readonly queues?: number
  readonly vnetHdr?: boolean
  readonly persist?: boolean
  /** Of a macvtap: the device that it stands on, and how. */
  readonly device?: string
  readonly mode?: 'vepa' | 'bridge' | 'private' | 'passthru'
}

/** A link as the kernel has it. */
export interface LinkCondition {
  readonly dev: string
  /** As it was set: `ip link set DEV up|down`. */
  readonly link: 'up' | 'down'
  /** Whether there is somebody at the other end: of a TAP, a program that has it open; of a veth, its guest's side that is up; of a bridge, a port that forwards. */
  readonly carrier: boolean
  /** The host side's. */
  readonly mac: string
  readonly mtu: number
}
/** A port's link. */
export interface PortState extends LinkCondition {
  /** It is a port of its network's bridge, or stands on its device. */
  readonly attached: boolean
  /** What the bridge does with its frames: `bridge link show dev DEV`. */
  readonly forwarding?: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking'
}

/** A connected unix socket: Node's `net.Socket`, or a descriptor. */
export type SocketLike = { readonly bytesWritten: number } | { readonly fd: number }

export interface SendOptions extends Options {
  /** Which of the port's descriptors. Default: all, `fds` before `vhostFds`; those of a persistent TAP or a macvtap that the handle has none of are opened for it. */
  readonly fds?: readonly number[]
  /** What is written with them. Default: what is known of the port, one line of JSON, with `vhost`: how many of the descriptors, the last ones, are of vhost-net. */
  readonly data?: string | Uint8Array
  /** Milliseconds until the other side must have taken them. Default 10,000. */
  readonly timeout?: number
  /** Close ours once they are taken: then a port that is not persistent ends with the receiver. Default false. */
  readonly close?: boolean
}
export interface OfferOptions extends SendOptions {
  /** Only a process of this user gets them; the socket is made his. Default: whoever may connect (mode 0600), at an `@abstract` name a process of our own user. */
  readonly uid?: number
}

/** One port. What it says of itself is as it was when it was made or found. */
export interface Port extends PortInfo, AsyncDisposable {
  /** Of a port just made: one a queue, the caller's to close or hand to a child (`stdio`). */
  readonly fds: readonly number[]
  /** Of vhost-net, one a queue, where they were asked for; likewise the caller's. */
  readonly vhostFds: readonly number[]
  /**
   * Hands its descriptors to any process (SCM_RIGHTS): to who listens at `to`, a path or `@abstract` (of this process's network namespace), or over a connected socket. Resolves when they are
   * taken, off the event loop. QEMU's `getfd` and cloud-hypervisor's API are sockets that want other `data`. Throws NETWRIGHT_TIMEOUT, NETWRIGHT_ABORTED, NETWRIGHT_CLOSED
   * where one was closed already, KernelError (ECONNREFUSED; ECONNRESET: it closed without taking them). Then nothing stays here; what the kernel holds for a receiver that neither
   * reads nor ends goes with the receiver, and `detach` takes the link away all the same.
   */
  send (to: string | SocketLike, options?: SendOptions): Promise<void>
  /** As `send`, but that we listen at a path and give them to the first who connects. The socket is gone afterwards. KernelError EADDRINUSE where something has the path. */
  offer (path: string, options?: OfferOptions): Promise<void>
  /** Removes it and its link. Throws NETWRIGHT_NOT_FOUND where it is gone. */
  detach (options?: Options): Promise<void>
  /** `ip -s link show DEV`, since it is a port: what was received came from the guest. Throws NETWRIGHT_NOT_FOUND where it is gone. */
  statistics (options?: Options): Promise<Statistics>
  /** `ip link show DEV`. Throws NETWRIGHT_NOT_FOUND where it is gone. */
  state (options?: Options): Promise<PortState>
  /**
   * `ip link set DEV up|down` on the host side: `down` cuts the guest off, and a guest of a veth sees its carrier go. It lasts until the network is
   * started again. `virsh domif-setlink`. Throws NETWRIGHT_NOT_FOUND where it is gone, NETWRIGHT_INACTIVE while the network is stopped.
   */
  setLink (link: 'up' | 'down', options?: Options): Promise<void>
  /** Arguments of a QEMU that shall use the port: `-netdev tap,… -device virtio-net-pci,…`. Throws NETWRIGHT_UNSUPPORTED for a veth. */
  qemuArgs (options?: QemuOptions): string[]
  /** The same as arguments of QMP's `netdev_add` and `device_add`. */
  qemu (options?: QemuOptions): QemuDevices
  /** The request of Firecracker's API. Throws NETWRIGHT_UNSUPPORTED where it could not open the port: it opens a persistent TAP of one queue by its name. */
  firecracker (options?: FirecrackerOptions): FirecrackerInterface
  /** cloud-hypervisor's `--net`, and the body of its API. Throws NETWRIGHT_UNSUPPORTED as `firecracker`; it can have several queues, or descriptors. */
  cloudHypervisor (options?: CloudHypervisorOptions): CloudHypervisorNet
  /** The kernel's boot parameter `ip=…` that gives the guest its reserved address without DHCP; without one it asks DHCP. */
  kernelIp (options?: KernelIpOptions): string
}
