/** What is made: the same networks for netwright, for the peers, and for the C floor. */
import { exec, json, must } from '../test/harness/command.js'
import type { NetworkInput, NetworkWithPorts } from 'netwright'
import { inside } from './namespace.js'

const second = (i: number): number => 64 + (i >> 8)
const hex = (value: number): string => value.toString(16).padStart(2, '0')

/** nat networks 10.64.0.0/24, 10.64.1.0/24, … on bridges `nb0`, `nb1`, …; without `dhcp` they have no DNS either, so no dnsmasq. */
export interface Wanted { readonly count: number, /** The number of the first one. */ readonly first?: number, readonly dhcp?: boolean, /** Two TAPs each. */ readonly taps?: boolean, /** So many UDP ports of the host in all, forwarded to the first guest of each network. */ readonly forwards?: number }

/** The first port of the host that is forwarded, and of the guest. */
export const FORWARD_BASE = 20_000
export const FORWARD_PORT = 30_000

export function specs ({ count, first = 0, dhcp = false, forwards = 0 }: Omit<Wanted, 'taps'>): NetworkInput[] {
  return Array.from({ length: count }, (_, n) => n + first).map((i) => ({
    name: `net${i}`, forward: 'nat', subnet: `10.${second(i)}.${i & 255}.0/24`, mac: `52:54:00:be:${hex(i >> 8)}:${hex(i & 255)}`, bridge: `nb${i}`,
    ...dhcp ? { dhcp: true } : { dns: { enable: false } },
    ...forwards === 0 ? {} : { forwards: Array.from({ length: forwards / count }, (_, k) => `${FORWARD_BASE + (i - first) * forwards / count + k}/udp ${guest(i)}:${FORWARD_PORT + k}`) },
  }))
}

/** As `host.create` takes them. */
export function batch (wanted: Wanted): (NetworkInput | NetworkWithPorts)[] {
  const { first = 0, taps = false } = wanted
  return specs(wanted).map((network, n) => taps ? { network, ports: Array.from({ length: TAPS }, (_, j) => ({ kind: 'tap', dev: tapName(first + n, j), fds: false })) } : network)
}

export const gateway = (i: number): string => `10.${second(i)}.${i & 255}.1`
export const guest = (i: number): string => `10.${second(i)}.${i & 255}.2`

/** Each network of issue 3 has two. */
export const TAPS = 2
export const tapName = (i: number, j: number): string => `tap${i}-${j}`

interface Link { readonly ifname: string, readonly address: string, readonly group: string, readonly master?: string, readonly ifalias?: string, readonly flags: readonly string[], readonly inet6_addr_gen_mode?: string, readonly linkinfo?: { readonly info_kind: string, readonly info_data: Readonly<Record<string, unknown>> } }
interface Address { readonly ifname: string, readonly addr_info: readonly { readonly local: string, readonly prefixlen: number, readonly broadcast?: string, readonly scope: string }[] }

/** All bridges of a namespace with their addresses, its TAPs, and its rules: as `ip -j` and `nft` see them, in comparable form. */
export interface Picture { readonly bridges: readonly { readonly link: Link, readonly addresses: Address['addr_info'] }[], readonly taps: readonly Link[], readonly rules: string, readonly forwarding: string }

const byName = (a: Link, b: Link): number => a.ifname < b.ifname ? -1 : 1

export async function picture (netns: string): Promise<Picture> {
  const links = await json('ip', ['-n', netns, '-j', '-d', 'link', 'show', 'type', 'bridge']) as Link[]
  const taps = await json('ip', ['-n', netns, '-j', '-d', 'link', 'show', 'type', 'tun']) as Link[]
  const addresses = await json('ip', ['-n', netns, '-j', 'addr']) as Address[]
  const found = new Map(addresses.map((one) => [one.ifname, one.addr_info]))
  return {
    bridges: links.sort(byName).map((link) => ({ link, addresses: found.get(link.ifname) ?? [] })), taps: taps.sort(byName),
    rules: await inside(netns, 'nft', '-s', 'list', 'ruleset'), forwarding: await inside(netns, 'cat', '/proc/sys/net/ipv4/ip_forward'),
  }
}

/** What must be equal for two pictures to show the same objects. */
export function essence ({ bridges, taps, rules, forwarding }: Picture): readonly string[] {
  const words = bridges.map(({ link: { ifname, address, group, ifalias, flags, inet6_addr_gen_mode: genMode, linkinfo }, addresses }) => {
    const { stp_state: stp, forward_delay: delay } = linkinfo?.info_data ?? {}
    return JSON.stringify({ ifname, address, group, ifalias, up: flags.includes('UP'), genMode, stp, delay, addresses: addresses.map(({ local, prefixlen, broadcast, scope }) => ({ local, prefixlen, broadcast, scope })) })
  })
  const ends = taps.map(({ ifname, address, group, ifalias, master, flags, inet6_addr_gen_mode: genMode, linkinfo }) => {
    const { type, pi, persist } = linkinfo?.info_data ?? {}
    return JSON.stringify({ ifname, address, group, ifalias, master, up: flags.includes('UP'), genMode, type, pi, persist })
  })
  // Elements of a set are listed in the order of its hash, which has a random seed.
  const elements = rules.replaceAll(/elements = \{([^}]*)\}/g, (_, list: string) => `elements = { ${list.split(',').map((word) => word.trim()).sort().join(', ')} }`)
  return [...words, ...ends, elements, forwarding]
}

/** The lines for `ip -batch` that make the same links: as few as ip can do it with. */
export function ipBatch ({ bridges, taps }: Picture): string {
  return [
    ...bridges.flatMap(({ link: { ifname, address, group, ifalias = '' }, addresses }) => [
      `link add name ${ifname} address ${address} group ${group} type bridge stp_state 0 forward_delay 0`,
      `link set dev ${ifname} alias "${ifalias}" addrgenmode none`,
      ...addresses.map(({ local, prefixlen }) => `addr add ${local}/${prefixlen} brd + dev ${ifname}`),
      `link set dev ${ifname} up`,
    ]),
    ...taps.flatMap(({ ifname, address, group, master, ifalias, inet6_addr_gen_mode: genMode }) => [
      `tuntap add dev ${ifname} mode tap`,
      `link set dev ${ifname} address ${address}${master === undefined ? '' : ` master ${master}`} group ${group}${ifalias === undefined ? '' : ` alias "${ifalias}"`}${genMode === 'none' ? ' addrgenmode none' : ''} up`,
    ]),
  ].join('\n')
}

export const ipBatchDelete = ({ bridges, taps }: Picture): string => [...taps.map(({ ifname }) => ifname), ...bridges.map(({ link: { ifname } }) => ifname)].map((name) => `link del dev ${name}`).join('\n')
export const nftDelete = ({ rules }: Picture): string => [...rules.matchAll(/^table (\S+ \S+) \{/gm)].map(([, name]) => `delete table ${name ?? ''}`).join('\n')

export const OUTSIDE = '198.51.100.1'
/** The router's own address on the uplink: what masqueraded packets come from. */
export const ROUTER = '198.51.100.2'

/** An uplink to an "internet" that has no way back to guests: what comes back was masqueraded. */
export async function internet (netns: string, outside: string): Promise<void> {
  await must('ip', ['-n', netns, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside])
  await must('ip', ['-n', outside, 'addr', 'add', `${OUTSIDE}/24`, 'dev', 'eth0'])
  await must('ip', ['-n', outside, 'link', 'set', 'eth0', 'up'])
  await must('ip', ['-n', netns, 'addr', 'add', `${ROUTER}/24`, 'dev', 'up0'])
  await must('ip', ['-n', netns, 'link', 'set', 'up0', 'up'])
}

/** A guest on network `i`: an end of a veth in the namespace `at`, with address and default route. Returns the name of the other end. */
export async function joinGuest (netns: string, at: string, i: number): Promise<string> {
  const dev = `port${i}`
  await must('ip', ['-n', netns, 'link', 'add', dev, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', at])
  await must('ip', ['-n', netns, 'link', 'set', dev, 'master', `nb${i}`, 'up'])
  await must('ip', ['-n', at, 'addr', 'add', `${guest(i)}/24`, 'dev', 'eth0'])
  await must('ip', ['-n', at, 'link', 'set', 'eth0', 'up'])
  await must('ip', ['-n', at, 'route', 'add', 'default', 'via', gateway(i)])
  return dev
}

/**
 * A guest on network `i` reaches the internet through it, by a packet there and back. The kernel puts a link whose carrier has come into use by a worker
 * that waits for RTNL (net/core/link_watch.c): where that takes longer than ping asks for the router's address, it is asked again, and what was found is told.
 */
export async function proveByPacket (netns: string, at: string, i: number): Promise<void> {
  const dev = await joinGuest(netns, at, i)
  for (let tries = 1; ; tries++) {
    try { await inside(at, 'ping', '-c', '1', '-W', '5', OUTSIDE); break } catch (error) {
      const seen = await Promise.all([['ip', '-n', netns, '-br', 'link', 'show', 'dev', `nb${i}`], ['bridge', '-n', netns, 'link', 'show', 'dev', dev], ['ip', '-n', netns, '-br', 'addr', 'show', 'dev', `nb${i}`], ['ip', '-n', at, 'neigh']]
        .map(async ([command = '', ...args]) => (await exec(command, args)).stdout.trim()))
      console.error(`bench: no answer through nb${i} at try ${tries}: ${seen.join('; ')}`)
      if (tries === PROOFS) throw error
    }
  }
  await must('ip', ['-n', netns, 'link', 'del', dev])
}

/** How often a packet is sent. */
const PROOFS = 3
