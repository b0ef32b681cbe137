/** What is made: the same networks for netwright, for iproute2 with nft, and for the C floor. */
import { json, must } from '../test/harness/command.js'
import type { NetworkInput } from '../src/index.js'
import { inside } from './namespace.js'

const second = (i: number): number => 64 + (i >> 8)
const hex = (value: number): string => value.toString(16).padStart(2, '0')

/** `count` nat networks without DHCP and DNS, so without dnsmasq: 10.64.0.0/24, 10.64.1.0/24, … */
export function specs (count: number): NetworkInput[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `net${i}`, forward: 'nat', subnet: `10.${second(i)}.${i & 255}.0/24`, mac: `52:54:00:be:${hex(i >> 8)}:${hex(i & 255)}`, bridge: `nb${i}`, dns: { enable: false },
  }))
}

export const gateway = (i: number): string => `10.${second(i)}.${i & 255}.1`
export const guest = (i: number): string => `10.${second(i)}.${i & 255}.2`

interface Link { readonly ifname: string, readonly address: string, readonly group: string, readonly ifalias?: string, readonly flags: readonly string[], readonly inet6_addr_gen_mode?: string, readonly linkinfo?: { readonly info_kind: string, readonly info_data: Readonly<Record<string, unknown>> } }
interface Address { readonly ifname: string, readonly addr_info: readonly { readonly local: string, readonly prefixlen: number, readonly broadcast?: string, readonly scope: string }[] }

/** All bridges of a namespace with their addresses, and its rules: as `ip -j` and `nft` see them, in comparable form. */
export interface Picture { readonly bridges: readonly { readonly link: Link, readonly addresses: Address['addr_info'] }[], readonly rules: string, readonly forwarding: string }

export async function picture (netns: string): Promise<Picture> {
  const links = await json('ip', ['-n', netns, '-j', '-d', 'link', 'show', 'type', 'bridge']) as Link[]
  const addresses = await json('ip', ['-n', netns, '-j', 'addr']) as Address[]
  const byName = new Map(addresses.map((one) => [one.ifname, one.addr_info]))
  return {
    bridges: links.map((link) => ({ link, addresses: byName.get(link.ifname) ?? [] })).sort((a, b) => a.link.ifname < b.link.ifname ? -1 : 1),
    rules: await inside(netns, 'nft', '-s', 'list', 'ruleset'), forwarding: await inside(netns, 'cat', '/proc/sys/net/ipv4/ip_forward'),
  }
}

/** What must be equal for two pictures to show the same objects. */
export function essence ({ bridges, rules, forwarding }: Picture): readonly string[] {
  const words = bridges.map(({ link: { ifname, address, group, ifalias, flags, inet6_addr_gen_mode: genMode, linkinfo }, addresses }) => {
    const { stp_state: stp, forward_delay: delay } = linkinfo?.info_data ?? {}
    return JSON.stringify({ ifname, address, group, ifalias, up: flags.includes('UP'), genMode, stp, delay, addresses: addresses.map(({ local, prefixlen, broadcast, scope }) => ({ local, prefixlen, broadcast, scope })) })
  })
  // Elements of a set are listed in the order of its hash, which has a random seed.
  const elements = rules.replaceAll(/elements = \{([^}]*)\}/g, (_, list: string) => `elements = { ${list.split(',').map((word) => word.trim()).sort().join(', ')} }`)
  return [...words, elements, forwarding]
}

/** The lines for `ip -batch` that make the same bridges: as few as ip can do it with. */
export function ipBatch ({ bridges }: Picture): string {
  return bridges.flatMap(({ link: { ifname, address, group, ifalias = '' }, addresses }) => [
    `link add name ${ifname} address ${address} group ${group} type bridge stp_state 0 forward_delay 0`,
    `link set dev ${ifname} alias "${ifalias}" addrgenmode none`,
    ...addresses.map(({ local, prefixlen }) => `addr add ${local}/${prefixlen} brd + dev ${ifname}`),
    `link set dev ${ifname} up`,
  ]).join('\n')
}

export const ipBatchDelete = ({ bridges }: Picture): string => bridges.map(({ link: { ifname } }) => `link del dev ${ifname}`).join('\n')
export const nftDelete = ({ rules }: Picture): string => [...rules.matchAll(/^table (\S+ \S+) \{/gm)].map(([, name]) => `delete table ${name ?? ''}`).join('\n')

const OUTSIDE = '198.51.100.1'

/** An uplink to an "internet" that has no way back to guests: what comes back was masqueraded. */
export async function internet (netns: string, outside: string): Promise<void> {
  await must('ip', ['-n', netns, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside])
  await must('ip', ['-n', outside, 'addr', 'add', `${OUTSIDE}/24`, 'dev', 'eth0'])
  await must('ip', ['-n', outside, 'link', 'set', 'eth0', 'up'])
  await must('ip', ['-n', netns, 'addr', 'add', '198.51.100.2/24', 'dev', 'up0'])
  await must('ip', ['-n', netns, 'link', 'set', 'up0', 'up'])
}

/** A guest on network `i` reaches the internet through it, by a packet there and back. */
export async function proveByPacket (netns: string, at: string, i: number): Promise<void> {
  const dev = `port${i}`
  await must('ip', ['-n', netns, 'link', 'add', dev, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', at])
  await must('ip', ['-n', netns, 'link', 'set', dev, 'master', `nb${i}`, 'up'])
  await must('ip', ['-n', at, 'addr', 'add', `${guest(i)}/24`, 'dev', 'eth0'])
  await must('ip', ['-n', at, 'link', 'set', 'eth0', 'up'])
  await must('ip', ['-n', at, 'route', 'add', 'default', 'via', gateway(i)])
  await inside(at, 'ping', '-c', '1', '-W', '5', OUTSIDE)
  await must('ip', ['-n', netns, 'link', 'del', dev])
}
