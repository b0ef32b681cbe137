/** Ports: TAPs and veth pairs on a network's bridge, with an address reserved where asked. Attach and detach are all or nothing. */
import { InputError, NetwrightError } from '../errors.js'
import { subnetOf } from '../network/subnet.js'
import type { Definition, IpSpec } from '../network/spec.js'
import { contains, formatCidr, network as networkOf, type Cidr } from '../values/cidr.js'
import { ipFamily, parseIp, type Ip } from '../values/ip.js'
import type { Lease } from '../dnsmasq/leases.js'
import type { PortInfo } from './api.js'
import { freeAddress } from './pool.js'
import type { PortRecord } from './record.js'

/** The `<ip>` of a network that guests of IPv4 take their addresses from: the one with DHCP, else the first. */
export function guestSubnet (definition: Pick<Definition, 'ip'>): { readonly ip: IpSpec, readonly cidr: Cidr } | undefined {
  const candidates = definition.ip.filter(({ address }) => ipFamily(parseIp(address)) === 4)
  const ip = candidates.find(({ dhcp }) => dhcp !== undefined) ?? candidates[0]
  return ip === undefined ? undefined : { ip, cidr: subnetOf(ip) }
}

/** What is known of a network's addresses before a port comes. */
export interface Given { readonly definition: Definition, readonly ports: readonly PortRecord[], readonly leases: readonly Lease[] }

/** The addresses of one network that are spoken for, those of a batch's own ports included. */
export class Reservations {
  readonly #definition: Definition
  readonly #taken = new Map<Ip, string>()
  /** By MAC: the guest that a lease is of may have its address again. */
  readonly #leased = new Map<Ip, string>()
  /** By MAC, the port that has an address for it. */
  readonly #twins = new Map<string, string>()

  constructor ({ definition, ports, leases }: Given) {
    this.#definition = definition
    const guests = guestSubnet(definition)
    if (guests !== undefined) this.#taken.set(parseIp(guests.ip.address), 'the gateway')
    for (const port of ports) this.add(port)
    for (const lease of leases) if (lease.family === 'ipv4') this.#leased.set(parseIp(lease.ip), lease.mac)
  }

  /** A port that has an address. */
  add ({ ip, mac, link }: Pick<PortRecord, 'ip' | 'mac' | 'link'>): void {
    if (ip === undefined) return
    this.#taken.set(parseIp(ip), `port ${link.name}`)
    this.#twins.set(mac, link.name)
  }

  /**
   * The address for a port: `auto` takes a free one, else the one that is wanted is checked. Neither the gateway's nor a static host's, another
   * port's or another guest's leased one. Throws NETWRIGHT_NO_FREE_ADDRESS, NETWRIGHT_NAME_IN_USE where it is taken, NETWRIGHT_UNSUPPORTED without a subnet.
   */
  reserve (wanted: string, mac: string): { readonly ip: Ip, readonly prefix: number } {
    const { name } = this.#definition
    const guests = guestSubnet(this.#definition)
    if (guests === undefined) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `network ${name} has no IPv4 subnet to take an address from`, { remedy: 'attach the port without an address, or give the network an <ip>' })
    const { ip: { dhcp }, cidr } = guests
    const own = dhcp?.host?.find((host) => host.mac?.toLowerCase() === mac)
    const twin = this.#twins.get(mac)
    if (twin !== undefined) throw inUse(`MAC ${mac}`, name, `port ${twin}, and dnsmasq gives it one address`)
    const { prefix } = cidr
    if (wanted === 'auto') {
      if (own !== undefined) return { ip: parseIp(own.ip), prefix }
      const ranges = (dhcp?.range ?? []).map(({ start, end }) => ({ start: parseIp(start), end: parseIp(end) }))
      return { ip: freeAddress(cidr, ranges, new Set(this.#others(mac).keys())), prefix }
    }
    const ip = parseIp(wanted, 'address')
    if (own !== undefined && parseIp(own.ip) !== ip) throw inUse(`MAC ${mac}`, name, `a static host with address ${own.ip}`)
    const holder = this.#others(mac).get(ip)
    if (holder !== undefined) throw inUse(`address ${ip}`, name, holder)
    if (!contains(cidr, ip)) throw new InputError([{ path: 'address', message: `${ip} does not lie in ${formatCidr(networkOf(cidr))} of network ${name}` }])
    return { ip, prefix }
  }

  /** What others have. */
  #others (mac: string): Map<Ip, string> {
    const others = new Map(this.#taken)
    for (const host of guestSubnet(this.#definition)?.ip.dhcp?.host ?? []) if (host.mac?.toLowerCase() !== mac) others.set(parseIp(host.ip), `static host ${host.name ?? host.mac ?? ''}`)
    for (const [ip, of] of this.#leased) if (of !== mac) others.set(ip, `the lease of ${of}`)
    return others
  }
}

function inUse (what: string, network: string, holder: string): NetwrightError {
  const [kind = '', name = ''] = what.split(' ')
  return new NetwrightError('NETWRIGHT_NAME_IN_USE', `${what} of network ${network} is taken by ${holder}`, { conflict: { kind: kind.toLowerCase(), name, detail: holder }, remedy: 'leave it to netwright: address: \'auto\', and no mac' })
}

/** What a caller learns of a port. */
export function portInfo (port: PortRecord, definition: Definition, attached: boolean): PortInfo {
  const subnet = guestSubnet(definition)
  const gateway = subnet?.ip.address
  return {
    network: port.network, kind: port.link.type, dev: port.link.name, mac: port.mac, attached, mtu: definition.mtu ?? 1500,
    ...port.hostname === undefined ? {} : { hostname: port.hostname }, ...madeAs(port), ...port.domain === undefined ? {} : { domain: port.domain },
    ...port.ip === undefined ? {} : { ip: port.ip }, ...port.prefix === undefined ? {} : { prefix: port.prefix },
    ...gateway === undefined || definition.forward.mode === 'none' ? {} : { gateway },
    dns: gateway === undefined || definition.dns?.enable === false ? [] : [gateway],
  }
}

function madeAs ({ link }: PortRecord): Partial<PortInfo> {
  if (link.type === 'veth') return {}
  const { queues, vnetHdr } = link
  return link.type === 'tap' ? { queues, vnetHdr, persist: link.persist } : { queues, vnetHdr, device: link.device.name, mode: link.mode }
}

/** Of a port that is of no network. */
export function directInfo (port: PortRecord): PortInfo {
  return { network: port.network, kind: port.link.type, dev: port.link.name, mac: port.mac, attached: true, mtu: port.link.mtu ?? 1500, dns: [], ...madeAs(port) }
}
