import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addr, type AddrMessage } from '../../../src/netlink/rtnl/addr.js'
import { link, type LinkMessage } from '../../../src/netlink/rtnl/link.js'
import { macvlanMode } from '../../../src/netlink/rtnl/kind/macvlan.js'
import { neigh, NTF_MASTER, NTF_ROUTER, NTF_SELF } from '../../../src/netlink/rtnl/neigh.js'
import { route, type RouteMessage } from '../../../src/netlink/rtnl/route.js'
import { fixture } from './rtnl-fixture.js'

interface IpLink {
  readonly ifindex: number, readonly ifname: string, readonly flags: readonly string[], readonly mtu: number, readonly qdisc: string, readonly operstate: string, readonly group: string
  readonly txqlen: number, readonly address: string, readonly broadcast: string, readonly promiscuity: number, readonly allmulti: number, readonly min_mtu: number, readonly max_mtu: number
  readonly master?: string, readonly link?: string, readonly ifalias?: string, readonly altnames?: readonly string[], readonly inet6_addr_gen_mode: string
  readonly num_tx_queues: number, readonly num_rx_queues: number, readonly gso_max_size: number, readonly gso_max_segs: number, readonly tso_max_size: number, readonly gro_max_size: number
  readonly linkinfo?: { readonly info_kind?: string, readonly info_data?: Readonly<Record<string, unknown>>, readonly info_slave_kind?: string, readonly info_slave_data?: Readonly<Record<string, unknown>> }
}

async function linkPairs (): Promise<{ pairs: readonly (readonly [LinkMessage, IpLink])[], names: ReadonlyMap<number, string> }> {
  const { output, messages } = await fixture<IpLink>('links')
  const links = messages.filter(({ type }) => type === link.types.new).map((message) => link.decode(message))
  const names = new Map(output.map(({ ifindex, ifname }) => [ifindex, ifname]))
  const pairs = output.map((printed) => {
    const ours = links.find(({ index }) => index === printed.ifindex)
    if (ours === undefined) throw new Error(`link ${printed.ifname} was not decoded`)
    return [ours, printed] as const
  })
  return { pairs, names }
}

test('rtnl: a macvtap and a macvlan decode to what `ip -j -d link` prints of them', async () => {
  const { output, messages } = await fixture<IpLink>('macvtaps')
  const links = new Map(messages.filter(({ type }) => type === link.types.new).map((message) => link.decode(message)).map((one) => [one.index, one]))
  const modes = new Map<number, string>(Object.entries(macvlanMode).map(([name, number]) => [number, name]))
  const printed = output.filter(({ linkinfo }) => ['macvtap', 'macvlan'].includes(linkinfo?.info_kind ?? ''))
  assert.is(printed.length, 2)
  for (const { ifindex, link: device, linkinfo: { info_kind: kind, info_data: data } = {} } of printed) {
    const ours = links.get(ifindex)
    const of = ours?.linkinfo?.data
    if (of === undefined || !('bcQueueLen' in of)) throw new Error('its data was not decoded')
    assert.equal([ours?.linkinfo?.kind, modes.get(of.mode ?? 0), of.bcQueueLen, of.bcQueueLenUsed], [kind, data?.mode, data?.bcqueuelen, data?.usedbcqueuelen])
    assert.is(links.get(ours?.link ?? 0)?.ifname, device)
  }
})

const flagBits: Readonly<Record<string, number>> = { UP: 0x1, BROADCAST: 0x2, LOOPBACK: 0x8, PROMISC: 0x100, ALLMULTI: 0x200, MULTICAST: 0x1000, LOWER_UP: 0x10000 }
const operstates = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP']
const genModes = ['eui64', 'none', 'stable_secret', 'random']

test('rtnl: every link decodes to what `ip -j -d link` prints', async () => {
  const { pairs, names } = await linkPairs()
  assert.is(pairs.length, 5)
  for (const [ours, ip] of pairs) {
    assert.equal({
      ifname: ours.ifname, mtu: ours.mtu, qdisc: ours.qdisc, txqlen: ours.txqlen, address: ours.address, broadcast: ours.broadcast, promiscuity: ours.promiscuity, allmulti: ours.allmulti,
      min_mtu: ours.minMtu, max_mtu: ours.maxMtu, num_tx_queues: ours.numTxQueues, num_rx_queues: ours.numRxQueues, gso_max_size: ours.gsoMaxSize, gso_max_segs: ours.gsoMaxSegs,
      tso_max_size: ours.tsoMaxSize, gro_max_size: ours.groMaxSize, operstate: operstates[ours.operstate ?? -1], mode: genModes[ours.afSpec?.inet6?.addrGenMode ?? -1],
      group: ours.group === 0 ? 'default' : String(ours.group), master: names.get(ours.master ?? 0), link: names.get(ours.link ?? 0), ifalias: ours.ifalias, altnames: ours.propList, kind: ours.linkinfo?.kind, slaveKind: ours.linkinfo?.slaveKind,
    }, {
      ifname: ip.ifname, mtu: ip.mtu, qdisc: ip.qdisc, txqlen: ip.txqlen, address: ip.address, broadcast: ip.broadcast, promiscuity: ip.promiscuity, allmulti: ip.allmulti,
      min_mtu: ip.min_mtu, max_mtu: ip.max_mtu, num_tx_queues: ip.num_tx_queues, num_rx_queues: ip.num_rx_queues, gso_max_size: ip.gso_max_size, gso_max_segs: ip.gso_max_segs,
      tso_max_size: ip.tso_max_size, gro_max_size: ip.gro_max_size, operstate: ip.operstate, mode: ip.inet6_addr_gen_mode,
      group: ip.group, master: ip.master, link: ip.link, ifalias: ip.ifalias, altnames: ip.altnames, kind: ip.linkinfo?.info_kind, slaveKind: ip.linkinfo?.info_slave_kind,
    })
    for (const flag of ip.flags) assert.ok(((ours.flags ?? 0) & (flagBits[flag] ?? 0)) !== 0, `${ip.ifname} ${flag}`)
    assert.is(ours.rest, undefined, `${ip.ifname}: every attribute of this kernel is known`)
  }
})

/** `mcast_query_intvl` to `mcastQueryIntvl`. */
const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
/** Numbers as ip prints them: bigints as numbers, timers in seconds. */
const plain = (value: unknown, printed: unknown): unknown => typeof value !== 'bigint' ? value : typeof printed === 'number' && !Number.isInteger(printed) ? Number(value) / 100 : Number(value)

test('rtnl: the options of a bridge decode to what ip prints', async () => {
  const { pairs } = await linkPairs()
  const [ours, ip] = pairs.find(([, { ifname }]) => ifname === 'br0') ?? []
  const data: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(ours?.linkinfo?.data ?? {}))
  const printed = ip?.linkinfo?.info_data ?? {}
  // Ids are compared below; these two are bits of IFLA_BR_MULTI_BOOLOPT, and ip prints the mask as text.
  const skip = new Set(['bridge_id', 'root_id', 'no_linklocal_learn', 'mcast_vlan_snooping', 'group_fwd_mask'])
  const names = Object.keys(printed).filter((name) => !skip.has(name))
  assert.ok(names.length > 30)
  for (const name of names) assert.is(plain(data[camel(name)], printed[name]), printed[name], name)
  assert.is(data['bridgeId'], '8000.525400000001')
  assert.is(data['rootId'], '8000.525400000001')
})

test('rtnl: what a bridge keeps about its ports decodes to what ip prints', async () => {
  const { pairs } = await linkPairs()
  const ports = pairs.filter(([, ip]) => ip.linkinfo?.info_slave_data !== undefined)
  assert.is(ports.length, 2)
  const ourName: Readonly<Record<string, string>> = { root_block: 'protect', fastleave: 'fastLeave', flood: 'unicastFlood', proxy_arp: 'proxyarp', proxy_arp_wifi: 'proxyarpWifi', mcast_to_unicast: 'mcastToUcast' }
  const states = ['disabled', 'listening', 'learning', 'forwarding', 'blocking']
  for (const [ours, ip] of ports) {
    const data: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(ours.linkinfo?.slaveData ?? {}))
    for (const [name, printed] of Object.entries(ip.linkinfo?.info_slave_data ?? {})) {
      if (['bridge_id', 'root_id', 'group_fwd_mask', 'group_fwd_mask_str'].includes(name)) continue
      const value = plain(data[ourName[name] ?? camel(name)], printed)
      if (typeof printed === 'boolean') assert.is(value === 1, printed, name)
      else if (name === 'state') assert.is(states[Number(value)], printed)
      else assert.is(Number(value), Number(printed), name)
    }
  }
})

test('rtnl: a TAP decodes to what ip prints', async () => {
  const { pairs } = await linkPairs()
  const [ours, ip] = pairs.find(([, { ifname }]) => ifname === 't0') ?? []
  assert.equal(ours?.linkinfo?.data, { owner: 65534, type: 2, pi: 0, vnetHdr: 1, persist: 1, multiQueue: 1, numQueues: 0, numDisabledQueues: 0 })
  assert.equal(ip?.linkinfo?.info_data, { type: 'tap', pi: false, vnet_hdr: true, multi_queue: true, numqueues: 0, numdisabled: 0, persist: true, user: 'nobody' })
})

interface IpAddr { readonly ifindex: number, readonly addr_info: readonly { readonly family: string, readonly local: string, readonly prefixlen: number, readonly broadcast?: string, readonly scope: string, readonly label?: string, readonly tentative?: boolean, readonly nodad?: boolean, readonly valid_life_time: number }[] }

test('rtnl: addresses decode to what `ip -j addr` prints', async () => {
  const { output, messages } = await fixture<IpAddr>('addrs')
  const scopes: Readonly<Record<number, string>> = { 0: 'global', 253: 'link', 254: 'host' }
  const set = (bits: number | undefined, bit: number): true | undefined => ((bits ?? 0) & bit) !== 0 ? true : undefined
  const ours = messages.filter(({ type }) => type === addr.types.new).map((message) => addr.decode(message)).map((found: AddrMessage) => JSON.stringify([
    found.index, found.family === 2 ? 'inet' : 'inet6', found.local ?? found.address, found.prefixlen, found.broadcast ?? null, scopes[found.scope ?? -1], found.label ?? null,
    set(found.flags, 0x40) ?? null, set(found.flags, 0x02) ?? null, found.cacheinfo?.valid,
  ]))
  const printed = output.flatMap(({ ifindex, addr_info }) => addr_info.map((info) => JSON.stringify([
    ifindex, info.family, info.local, info.prefixlen, info.broadcast ?? null, info.scope, info.label ?? null, info.tentative ?? null, info.nodad ?? null, info.valid_life_time,
  ])))
  assert.ok(printed.length >= 5)
  assert.equal(ours.sort(), printed.sort())
})

interface IpRoute { readonly type: string, readonly dst: string, readonly gateway?: string, readonly dev?: string, readonly table?: string, readonly protocol: string, readonly scope: string, readonly metric?: number, readonly prefsrc?: string, readonly metrics?: readonly { readonly mtu?: number }[], readonly nexthops?: readonly { readonly gateway?: string, readonly dev: string, readonly weight: number }[] }

test('rtnl: routes of all tables decode to what `ip -j route` prints', async () => {
  const { output, messages } = await fixture<IpRoute>('routes')
  const devices: Readonly<Record<number, string>> = { 1: 'lo', 2: 'br0', 3: 'v1', 4: 'v0', 5: 't0' }
  const full = (dst: string | undefined, length: number | undefined, family: number | undefined): string | undefined => length === (family === 2 ? 32 : 128) ? dst : `${dst ?? (family === 2 ? '0.0.0.0' : '::')}/${String(length)}`
  const ours = messages.filter(({ type }) => type === route.types.new).map((message) => route.decode(message)).map((found: RouteMessage) => JSON.stringify([
    found.type, full(found.dst, found.dstLen, found.family), found.gateway ?? null, devices[found.oif ?? 0] ?? null, found.table, found.protocol, found.scope, found.priority ?? null, found.prefsrc ?? null,
    found.metrics?.mtu ?? null, found.multipath?.map((hop) => [hop.gateway, devices[hop.ifindex ?? 0], (hop.hops ?? 0) + 1]) ?? null,
  ]))
  const printed = output.map((ip) => JSON.stringify([
    Number(ip.type), ip.dst, ip.gateway ?? null, ip.dev ?? null, Number(ip.table), Number(ip.protocol), Number(ip.scope), ip.metric ?? null, ip.prefsrc ?? null,
    ip.metrics?.[0]?.mtu ?? null, ip.nexthops?.map((hop) => [hop.gateway, hop.dev, hop.weight]) ?? null,
  ]))
  assert.ok(printed.length > 15)
  assert.equal(ours.sort(), printed.sort())
})

test('rtnl: neighbours decode to what `ip -j neigh` prints', async () => {
  const { output, messages } = await fixture<{ readonly dst: string, readonly lladdr: string, readonly router?: null, readonly state: readonly string[] }>('neighs')
  const ours = messages.filter(({ type }) => type === neigh.types.new).map((message) => neigh.decode(message))
  for (const { dst, lladdr, router, state } of output) {
    const found = ours.find((entry) => entry.dst === dst)
    assert.is(found?.lladdr, lladdr)
    assert.is(((found?.flags ?? 0) & NTF_ROUTER) !== 0, router === null)
    assert.equal(state, ['PERMANENT'])
    assert.is(found?.state, 0x80)
  }
  assert.is(output.length, 2)
})

test('rtnl: the FDB decodes to what `bridge -j fdb` prints', async () => {
  const { output, messages } = await fixture<{ readonly mac: string, readonly ifname: string, readonly flags: readonly string[], readonly master?: string, readonly state: string }>('fdb')
  const devices: Readonly<Record<number, string>> = { 2: 'br0', 3: 'v1', 4: 'v0', 5: 't0' }
  const states: Readonly<Record<number, string>> = { 0x80: 'permanent', 0x40: 'static', 0x02: '' }
  const ours = messages.filter(({ type }) => type === neigh.types.new).map((message) => neigh.decode(message)).map((entry) => JSON.stringify([
    entry.lladdr, devices[entry.ifindex ?? 0], ((entry.flags ?? 0) & NTF_SELF) !== 0, ((entry.flags ?? 0) & NTF_MASTER) !== 0 || entry.master === undefined ? null : devices[entry.master], states[entry.state ?? -1],
  ]))
  const printed = output.map((entry) => JSON.stringify([entry.mac, entry.ifname, entry.flags.includes('self'), entry.master ?? null, entry.state]))
  assert.ok(printed.length >= 10)
  assert.equal(ours.sort(), printed.sort())
})

test.run()
