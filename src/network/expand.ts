/** A definition becomes objects of the kernel. Pure: what chance or the host chooses (index, group) is handed in. */
import type { AddressObject, BridgeObject, ChainObject, MemberObject, RouteObject, SysctlObject } from '../kernel/object.js'
import { formatCidr, network } from '../values/cidr.js'
import { parseIp } from '../values/ip.js'
import { firewallMembers } from './firewall.js'
import { filterChains, filterMembers, opens } from './filtered.js'
import { forwardFamily, forwardMembers, nobody, servesLoopback, type Guests } from './forwarded.js'
import { isAscii } from './plain.js'
import { familyOf, subnetOf } from './subnet.js'
import type { Definition } from './spec.js'

/** What the caller chooses before anything is made. */
export interface Choice {
  readonly index: number
  /** The owner's link group. */
  readonly group: number
  /** Shown by `ip link`; default `netwright network NAME`. */
  readonly alias?: string
  /** Addresses of guests whose ports forwards name. */
  readonly guests?: Guests
}

/** All that a network is in the kernel, in the order of creation; dnsmasq comes beside it. */
export interface Expansion {
  readonly links: readonly BridgeObject[]
  readonly addresses: readonly AddressObject[]
  readonly routes: readonly RouteObject[]
  /** To be written before the bridge has ports. Files of a kernel without IPv6 (or of an MTU below 1280) are missing: skip them. */
  readonly sysctls: readonly SysctlObject[]
  readonly members: readonly MemberObject[]
  /** Of the network's rules. */
  readonly chains: readonly ChainObject[]
  /** Families for which the host must forward. */
  readonly forwarding: { readonly ipv4: boolean, readonly ipv6: boolean }
}

/** IFALIASZ without its NUL. Source: include/uapi/linux/if.h. */
const LONGEST_ALIAS = 255

function aliasOf (text: string): string {
  if (text.length <= LONGEST_ALIAS && isAscii(text)) return text
  const bytes = Buffer.from(text.replace(/\p{Cc}/gu, ' ')).subarray(0, LONGEST_ALIAS)
  // As part of a stream, half a character at the end is not decoded.
  return new TextDecoder().decode(bytes, { stream: true })
}

function bridgeOf (definition: Definition, { index, group, alias }: Choice): BridgeObject {
  const { name, mac, mtu, bridge, ip } = definition
  return {
    type: 'bridge', name: bridge.name, index, group, mac: mac.toLowerCase(), ...mtu === undefined ? {} : { mtu },
    stp: bridge.stp, forwardDelay: bridge.delay,
    // `ipv6='yes'` lets guests speak IPv6 among themselves; the host takes no part in that, as in libvirt.
    ipv6: ip.some((one) => familyOf(one) === 6),
    alias: aliasOf(alias ?? `netwright network ${name}`),
  }
}

/**
 * A guest must not give the host an address or a default route by a router advertisement; the kernel listens even on
 * a bridge without any IPv6 address. Source: net/ipv6/addrconf.c, addrconf_prefix_rcv(); libvirt, networkSetIPv6Sysctls.
 */
function sysctlsOf ({ bridge: { name: bridge }, forwards }: Definition): SysctlObject[] {
  const sysctls: SysctlObject[] = ['accept_ra', 'autoconf'].map((name) => ({ type: 'sysctl', path: `/proc/sys/net/ipv6/conf/${bridge}/${name}`, value: '0' }))
  // Without it the kernel neither sends from 127.0.0.1 through the bridge nor takes the answer. Source: net/ipv4/route.c, __mkroute_output(), ip_route_input_slow().
  return servesLoopback(forwards) ? [...sysctls, { type: 'sysctl', path: `/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, value: '1' }] : sysctls
}

/** As libvirt: every mode but none (and forwarded ports, peers and what rules allow in that) needs forwarding, for the families in which the network has an address. Source: libvirt, networkStartNetworkVirtual. */
function forwardingOf (definition: Definition): Expansion['forwarding'] {
  const { forward, ip, forwards = [] } = definition
  const needs = (family: 4 | 6): boolean => forward.mode === 'none' && !opens(definition) ? forwards.some((one) => forwardFamily(one) === family) : ip.some((one) => familyOf(one) === family)
  return { ipv4: needs(4), ipv6: needs(6) }
}

/** The elements of one network. `guests`: addresses of guests whose ports forwards name. */
export function membersOf (definition: Pick<Definition, 'name' | 'forward' | 'bridge' | 'ip' | 'forwards' | 'rules' | 'addressSets' | 'host' | 'peers'>, guests: Guests): readonly MemberObject[] {
  return [...firewallMembers(definition), ...forwardMembers(definition, guests), ...filterMembers(definition)]
}

/** What `definition` is in the kernel. Throws InputError only for definitions that `check()` has not seen. */
export function expand (definition: Definition, choice: Choice): Expansion {
  const on = { dev: definition.bridge.name, index: choice.index }
  return {
    links: [bridgeOf(definition, choice)],
    addresses: definition.ip.map((ip) => ({ type: 'address', ...on, ...subnetOf(ip) })),
    routes: (definition.route ?? []).map((route) => ({
      type: 'route', ...on, destination: formatCidr(network(subnetOf(route))), gateway: parseIp(route.gateway),
      // libvirt's default, which is neither the kernel's 0 (IPv4) nor its 1024 (IPv6).
      metric: route.metric ?? 1,
    })),
    sysctls: sysctlsOf(definition),
    members: membersOf(definition, choice.guests ?? nobody),
    chains: filterChains(definition),
    forwarding: forwardingOf(definition),
  }
}

/** The networks that the host will reach through this definition: its subnets and its routes' destinations. For the search for collisions. */
export function reaches (definition: Pick<Definition, 'ip' | 'route'>): readonly string[] {
  return [...definition.ip, ...definition.route ?? []].map((one) => formatCidr(network(subnetOf(one))))
}
