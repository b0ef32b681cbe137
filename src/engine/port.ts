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

export interface Reserve { readonly definition: Definition, readonly wanted: string, readonly mac: string, readonly ports: readonly PortRecord[], readonly leases: readonly Lease[] }

/**
 * The address for a port: `auto` takes a free one, else the one that is wanted is checked. Neither the gateway's nor a static host's, another
 * port's or another guest's leased one. Throws NETWRIGHT_NO_FREE_ADDRESS, NETWRIGHT_NAME_IN_USE where it is taken, NETWRIGHT_UNSUPPORTED without a subnet.
 */
export function reserve ({ definition, wanted, mac, ports, leases }: Reserve): { readonly ip: Ip, readonly prefix: number } {
  const guests = guestSubnet(definition)
  if (guests === undefined) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `network ${definition.name} has no IPv4 subnet to take an address from`, { remedy: 'attach the port without an address, or give the network an <ip>' })
  const { ip: { address, dhcp }, cidr } = guests
  const taken = new Map<Ip, string>([[parseIp(address), 'the gateway']])
  for (const host of dhcp?.host ?? []) if (host.mac?.toLowerCase() !== mac) taken.set(parseIp(host.ip), `static host ${host.name ?? host.mac ?? ''}`)
  for (const port of ports) if (port.ip !== undefined) taken.set(parseIp(port.ip), `port ${port.link.name}`)
  for (const lease of leases) if (lease.mac !== mac && lease.family === 'ipv4') taken.set(parseIp(lease.ip), `the lease of ${lease.mac}`)
  const own = dhcp?.host?.find((host) => host.mac?.toLowerCase() === mac)
  const twin = ports.find((port) => port.mac === mac && port.ip !== undefined)
  if (twin !== undefined) throw inUse(`MAC ${mac}`, definition.name, `port ${twin.link.name}, and dnsmasq gives it one address`)
  const { prefix } = cidr
  if (wanted === 'auto') {
    if (own !== undefined) return { ip: parseIp(own.ip), prefix }
    const ranges = (dhcp?.range ?? []).map(({ start, end }) => ({ start: parseIp(start), end: parseIp(end) }))
    return { ip: freeAddress(cidr, ranges, new Set(taken.keys())), prefix }
  }
  const ip = parseIp(wanted, 'address')
  if (own !== undefined && parseIp(own.ip) !== ip) throw inUse(`MAC ${mac}`, definition.name, `a static host with address ${own.ip}`)
  const holder = taken.get(ip)
  if (holder !== undefined) throw inUse(`address ${ip}`, definition.name, holder)
  if (!contains(cidr, ip)) throw new InputError([{ path: 'address', message: `${ip} does not lie in ${formatCidr(networkOf(cidr))} of network ${definition.name}` }])
  return { ip, prefix }
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
    ...port.ip === undefined ? {} : { ip: port.ip }, ...port.prefix === undefined ? {} : { prefix: port.prefix },
    ...gateway === undefined || definition.forward.mode === 'none' ? {} : { gateway },
    dns: gateway === undefined || definition.dns?.enable === false ? [] : [gateway],
  }
}
