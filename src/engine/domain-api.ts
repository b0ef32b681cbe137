/** Guests, as the public face has them. A domain is a name that the caller gives: which guest a port belongs to, whoever runs it. */
import type { Options, Statistics } from './api.js'

/** Said of a port: whose it is, and how the guest sees it. */
export interface PortDomain {
  /** The guest's name. `virsh domiflist NAME`. */
  readonly name: string
  /** `virtio`, `e1000`: what the guest has for a card. Only written down. */
  readonly model?: string
  /** The QMP socket of the QEMU that it was plugged into while it ran. Only written down: `domain.attach` does it. */
  readonly qmp?: string
}

/** What a guest is to have. `<interface type='network'>`. */
export interface InterfaceInput {
  /** The network, by name or uuid. */
  readonly source: string
  /** Default: `52:54:00:` and three random bytes. */
  readonly mac?: string
  /** Default `virtio`. With a QMP socket also the name of any device of that QEMU: `e1000e`. */
  readonly model?: string
  /** The host side's name. Default: `vnet%d`, the first free number. */
  readonly dev?: string
}

/** An interface of a guest: one that is there, or (without `dev`) one that is kept for its next attach. */
export interface DomainInterface {
  readonly type: 'network'
  readonly source: string
  readonly mac: string
  readonly model: string
  /** The host side's name. */
  readonly dev?: string
  /** The QMP socket of the QEMU that it is plugged into. */
  readonly qmp?: string
}

/** An address of a guest. */
export interface DomainAddress { readonly dev: string, readonly mac: string, readonly family: 'ipv4' | 'ipv6', readonly address: string, readonly prefix?: number }

export interface PlugOptions extends Options {
  /** The QMP socket of the running QEMU that is the guest: `-qmp unix:PATH,server=on,wait=off`. */
  readonly qmp?: string
  /** How long that QEMU, and its guest, may take for an answer, milliseconds. Default 5,000, and 15,000 for a guest that is to let a card go. */
  readonly timeout?: number
}
export interface InterfaceOptions extends PlugOptions {
  /** Now. Default: true, or with `config` false. */
  readonly live?: boolean
  /** Keep it (or forget it) for the next attach of that name: /etc/netwright/domains/NAME.json. Default false. */
  readonly config?: boolean
}

export interface Domain {
  readonly name: string
  /** What it has, or with `inactive` what is kept; of a guest that has nothing at the moment what is kept, too. `virsh domiflist`. Throws NETWRIGHT_NOT_FOUND for a name that nobody gave. */
  interfaces (options?: Options & { readonly inactive?: boolean }): Promise<DomainInterface[]>
  /**
   * A TAP on a network for this guest. With `qmp` it is plugged into the running QEMU too, which is given the open TAP (it needs no privilege, and may live in another
   * namespace) and takes it with it when it ends: all of it or nothing. `virsh attach-interface`.
   * Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_INACTIVE, NETWRIGHT_EXISTS where it has that MAC already, NETWRIGHT_GUEST_REFUSED and NETWRIGHT_GUEST_UNREACHABLE.
   */
  attach (input: InterfaceInput, options?: InterfaceOptions): Promise<DomainInterface>
  /** Everything that is kept for this name and is not there yet, with the same MACs as last time: all of it or nothing. Throws as `attach`. */
  attachKept (options?: PlugOptions): Promise<DomainInterface[]>
  /**
   * Takes an interface away: of the only one no MAC need be given. One that is plugged into a QEMU that still runs is unplugged first, and stays where the guest does not
   * let it go. `virsh detach-interface`. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_INVALID where several could be meant, NETWRIGHT_GUEST_REFUSED.
   */
  detach (which?: { readonly mac?: string }, options?: InterfaceOptions): Promise<DomainInterface>
  /** Its leases. `virsh domifaddr`. */
  addresses (options?: Options): Promise<DomainAddress[]>
  /** Whether an interface is connected, by name or MAC; with `inactive` what is kept of it. `virsh domif-getlink`. */
  link (devOrMac: string, options?: Options & { readonly inactive?: boolean }): Promise<'up' | 'down'>
  /**
   * Connects an interface or cuts it off; the guest of a QEMU that it was plugged into sees its carrier come and go. `virsh domif-setlink`. Live until the network is started
   * again; with `config` also for the next attach. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_INACTIVE while the network is stopped.
   */
  setLink (devOrMac: string, link: 'up' | 'down', options?: InterfaceOptions): Promise<void>
  /** What an interface has carried, by name or MAC, as the guest counts it: what it received was sent by the host. `virsh domifstat`. */
  statistics (devOrMac: string, options?: Options): Promise<Statistics & { readonly dev: string }>
}
