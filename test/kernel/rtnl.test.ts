import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError } from '../../src/errors.js'
import { openChannel } from '../../src/netlink/channel.js'
import { call, dumpsNothing, get, send } from '../../src/netlink/call.js'
import { NETLINK_ROUTE } from '../../src/netlink/header.js'
import { addr, dumpAddrs } from '../../src/netlink/rtnl/addr.js'
import { dumpLinks, IFF_UP, link, removeGroup } from '../../src/netlink/rtnl/link.js'
import { dumpFdb, dumpNeighs, neigh, NTF_MASTER, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE } from '../../src/netlink/rtnl/neigh.js'
import { dumpRoutes, route, RTN_BLACKHOLE, RTN_UNICAST } from '../../src/netlink/rtnl/route.js'
import type { Transport } from '../../src/netlink/transport.js'
import { kernelTest, type TestNamespace } from '../harness/kernel-test.js'

interface IpLink {
  readonly ifindex: number, readonly ifname: string, readonly mtu: number, readonly address: string, readonly flags: readonly string[], readonly group: string, readonly master?: string, readonly ifalias?: string
  readonly inet6_addr_gen_mode: string, readonly altnames?: readonly string[], readonly link_netnsid?: number
  readonly linkinfo?: { readonly info_kind?: string, readonly info_data?: Readonly<Record<string, unknown>>, readonly info_slave_data?: Readonly<Record<string, unknown>> }
}

async function withChannel (ns: { readonly fd: number }, body: (channel: Transport) => Promise<void>): Promise<void> {
  const channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  try { await body(channel) } finally { await channel.close() }
}

async function show (ns: Pick<TestNamespace, 'json'>, name: string): Promise<IpLink> {
  const [found] = await ns.json<IpLink[]>('ip', ['-j', '-d', 'link', 'show', 'dev', name])
  if (found === undefined) throw new Error(`no link ${name}`)
  return found
}

const bridge = (name: string, index: number): ReturnType<typeof link.create> => link.create({ ifname: name, index, linkinfo: { kind: 'bridge' } }, name)

async function refusal (promise: Promise<unknown>): Promise<KernelError> {
  try { await promise } catch (error) { if (error instanceof KernelError) return error; throw error }
  throw new Error('it was not refused')
}

kernelTest(test, 'rtnl: a bridge has the options it was made with', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await call(channel, link.create({
      ifname: 'br0', index: 500, address: '52:54:00:00:00:01', mtu: 1400, group: 77, linkinfo: { kind: 'bridge', data: {
        stpState: 1, forwardDelay: 400, helloTime: 100, maxAge: 1000, ageingTime: 6000, priority: 4096, groupFwdMask: 8, groupAddr: '01:80:c2:00:00:04',
        mcastSnooping: 1, mcastQuerier: 1, mcastQueryUseIfaddr: 1, mcastHashMax: 512, mcastLastMemberCnt: 3, mcastStartupQueryCnt: 4, mcastLastMemberIntvl: 200n, mcastQueryIntvl: 6000n,
        mcastIgmpVersion: 3, mcastMldVersion: 2, nfCallIptables: 1, nfCallIp6tables: 1, nfCallArptables: 1,
      } },
    }, 'br0'))
  })
  const made = await show(ns, 'br0')
  assert.equal([made.ifindex, made.address, made.mtu, made.group], [500, '52:54:00:00:00:01', 1400, '77'])
  const data = made.linkinfo?.info_data ?? {}
  const wanted = {
    stp_state: 1, forward_delay: 400, hello_time: 100, max_age: 1000, ageing_time: 6000, priority: 4096, group_fwd_mask: '0x8', group_addr: '01:80:c2:00:00:04',
    mcast_snooping: 1, mcast_querier: 1, mcast_query_use_ifaddr: 1, mcast_hash_max: 512, mcast_last_member_cnt: 3, mcast_startup_query_cnt: 4, mcast_last_member_intvl: 200, mcast_query_intvl: 6000,
    mcast_igmp_version: 3, mcast_mld_version: 2, nf_call_iptables: 1, nf_call_ip6tables: 1, nf_call_arptables: 1,
  }
  assert.equal(Object.fromEntries(Object.keys(wanted).map((key) => [key, data[key]])), wanted)
}, { leaves: true })

kernelTest(test, 'rtnl: bridge, settings, address and port go in one send', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    const outcomes = await send(channel, [
      bridge('br0', 500),
      // The kernel applies flags before settings: IFF_UP in the same message would make a link-local address first.
      link.change({ index: 500, ifalias: 'my lan', afSpec: { inet: { conf: { rpFilter: 2, arpIgnore: 1 } }, inet6: { addrGenMode: 1 } } }, 'br0'),
      link.change({ index: 500, flags: IFF_UP, change: IFF_UP }, 'br0'),
      addr.create({ family: 2, prefixlen: 24, index: 500, local: '192.0.2.1', address: '192.0.2.1', broadcast: '192.0.2.255' }, 'br0'),
      link.create({ ifname: 'v0', index: 501, master: 500, flags: IFF_UP, change: IFF_UP, linkinfo: { kind: 'veth', data: { peer: { ifname: 'v1', address: '52:54:00:00:00:03', mtu: 1300 } } } }, 'v0'),
    ])
    assert.equal(outcomes.map(({ acknowledged, error }) => [acknowledged, error?.message]), Array.from({ length: 5 }, () => [true, undefined]))
  })
  const br0 = await show(ns, 'br0')
  assert.ok(br0.flags.includes('UP'))
  assert.equal([br0.ifalias, br0.inet6_addr_gen_mode], ['my lan', 'none'])
  const read = async (name: string): Promise<string> => (await ns.must('cat', [`/proc/sys/net/ipv4/conf/br0/${name}`])).trim()
  assert.equal([await read('rp_filter'), await read('arp_ignore')], ['2', '1'])
  const [{ addr_info }] = await ns.json<[{ addr_info: readonly { local: string, prefixlen: number, broadcast?: string }[] }]>('ip', ['-j', 'addr', 'show', 'dev', 'br0'])
  assert.equal(addr_info.map(({ local, prefixlen, broadcast }) => [local, prefixlen, broadcast]), [['192.0.2.1', 24, '192.0.2.255']])
  assert.is((await show(ns, 'v0')).master, 'br0')
  const v1 = await show(ns, 'v1')
  assert.equal([v1.address, v1.mtu], ['52:54:00:00:00:03', 1300])
}, { leaves: true })

kernelTest(test, 'rtnl: an empty alias removes it', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await ns.must('ip', ['link', 'add', 'br0', 'alias', 'old', 'type', 'bridge'])
    const [{ index = 0, ifalias } = {}] = await dumpLinks(channel, { kind: 'bridge' })
    if (ifalias === undefined) await ns.must('ip', ['link', 'set', 'br0', 'alias', 'old'])
    await call(channel, link.change({ index, ifalias: '' }, 'br0'))
    assert.is((await show(ns, 'br0')).ifalias, undefined)
  })
}, { leaves: true })

kernelTest(test, 'rtnl: the other end of a veth pair is made in another namespace', async ({ ns }) => {
  const guest = await ns.add()
  await withChannel(ns, async (channel) => {
    await call(channel, link.create({ ifname: 'v0', linkinfo: { kind: 'veth', data: { peer: { ifname: 'eth0', address: '52:54:00:00:00:07', netNsFd: guest.fd } } } }, 'v0'))
  })
  assert.is((await show(guest, 'eth0')).address, '52:54:00:00:00:07')
  assert.is(typeof (await show(ns, 'v0')).link_netnsid, 'number')
}, { leaves: true })

kernelTest(test, 'rtnl: flags of a bridge port are set', async ({ ns }) => {
  for (const command of ['link add br0 type bridge', 'link add v0 type veth peer name v1', 'link set v0 master br0']) await ns.must('ip', command.split(' '))
  await withChannel(ns, async (channel) => {
    const [port] = await dumpLinks(channel, { kind: 'veth', master: (await show(ns, 'br0')).ifindex })
    assert.is(port?.ifname, 'v0')
    await call(channel, link.change({ index: port?.index ?? 0, linkinfo: { slaveKind: 'bridge', slaveData: { priority: 16, cost: 7, hairpin: 1, guard: 1, fastLeave: 1, learning: 0, unicastFlood: 0, mcastFlood: 0, bcastFlood: 0, isolated: 1, neighSuppress: 1 } } }, 'v0'))
  })
  const data = (await show(ns, 'v0')).linkinfo?.info_slave_data ?? {}
  const wanted = { priority: 16, cost: 7, hairpin: true, guard: true, fastleave: true, learning: false, flood: false, mcast_flood: false, bcast_flood: false, isolated: true, neigh_suppress: true }
  assert.equal(Object.fromEntries(Object.keys(wanted).map((key) => [key, data[key]])), wanted)
}, { leaves: true })

kernelTest(test, 'rtnl: what the kernel refuses comes with its sentence and the attribute', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await call(channel, bridge('br0', 500))
    const exists = await refusal(call(channel, bridge('br0', 501)))
    assert.equal([exists.errnoName, exists.request, exists.object], ['EEXIST', 'RTM_NEWLINK', 'br0'])
    const short = await refusal(call(channel, link.create({ ifname: 'br1', linkinfo: { kind: 'bridge', data: { rest: [{ type: 6, data: Uint8Array.of(1) }] } } }, 'br1')))
    assert.equal([short.errnoName, short.attribute], ['ERANGE', 'IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_PRIORITY'])
    assert.match(short.sentence ?? '', /policy/i)
    const gateway = await refusal(call(channel, route.create({ family: 2, dstLen: 24, dst: '198.51.100.0', gateway: '203.0.113.1', oif: 500, table: 254, type: RTN_UNICAST, protocol: 4 }, '198.51.100.0/24')))
    assert.match(gateway.message, /^RTM_NEWROUTE 198\.51\.100\.0\/24: E[A-Z]+: \w/)
    const unknown = await refusal(call(channel, link.create({ ifname: 'x0', linkinfo: { kind: 'nonsense' } }, 'x0')))
    assert.equal([unknown.errnoName, unknown.sentence], ['EOPNOTSUPP', 'Unknown device type'])
    assert.is((await refusal(get(channel, link.get({ ifname: 'absent' }, 'absent')))).errnoName, 'ENODEV')
  })
}, { leaves: true })

kernelTest(test, 'rtnl: a failing message does not stop the others of its send', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    const outcomes = await send(channel, [bridge('br0', 500), bridge('br0', 501), bridge('br2', 502)])
    assert.equal(outcomes.map(({ error }) => error?.errnoName), [undefined, 'EEXIST', undefined])
  })
  assert.equal((await ns.json<IpLink[]>('ip', ['-j', 'link', 'show', 'type', 'bridge'])).map(({ ifname }) => ifname).sort(), ['br0', 'br2'])
}, { leaves: true })

kernelTest(test, 'rtnl: a group is deleted and nothing else', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await send(channel, [bridge('a', 500), bridge('b', 501), bridge('c', 502)])
    await send(channel, [500, 502].map((index) => link.change({ index, group: 4711 }, 'x')))
    await call(channel, removeGroup(4711))
    assert.equal((await ns.json<IpLink[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname).sort(), ['b', 'lo'])
    await call(channel, link.remove({ index: 501 }, 'b'))
  })
  assert.is((await ns.exec('ip', ['link', 'show', 'b'])).code, 1)
})

kernelTest(test, 'rtnl: a kind without a table can be made and stays visible', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await call(channel, link.create({ ifname: 'i0', linkinfo: { kind: 'ifb' } }, 'i0'))
    await ns.must('ip', ['link', 'add', 'x0', 'type', 'vxlan', 'id', '7', 'dstport', '4789'])
    const [vxlan] = await dumpLinks(channel, { kind: 'vxlan' })
    assert.is(vxlan?.linkinfo?.kind, 'vxlan')
    const data = vxlan?.linkinfo?.data
    assert.ok(data instanceof Uint8Array && data.length > 0)
  })
}, { leaves: true })

kernelTest(test, 'rtnl: dumps are filtered as ip filters them', async ({ ns }) => {
  for (const command of ['link add br0 type bridge', 'link add br1 type bridge', 'link add v0 type veth peer name v1', 'link set v0 master br0 up', 'link set v1 master br1 up', 'link set br0 up', 'addr add 192.0.2.1/24 dev br0', 'addr add 198.51.100.1/24 dev br1', 'addr add 2001:db8::1/64 dev br0 nodad']) await ns.must('ip', command.split(' '))
  const names = (links: readonly { ifname?: string }[]): string[] => links.map(({ ifname = '' }) => ifname).sort()
  await withChannel(ns, async (channel) => {
    const index = (await show(ns, 'br0')).ifindex
    assert.equal(names(await dumpLinks(channel)), names(await ns.json<IpLink[]>('ip', ['-j', 'link'])))
    assert.equal(names(await dumpLinks(channel, { kind: 'bridge' })), ['br0', 'br1'])
    assert.equal(names(await dumpLinks(channel, { master: index })), ['v0'])
    const local = async (filter: Parameters<typeof dumpAddrs>[1]): Promise<string[]> => (await dumpAddrs(channel, filter)).map(({ local, address }) => local ?? address ?? '').filter((text) => !text.startsWith('fe80')).sort()
    assert.equal(await local({ index }), ['192.0.2.1', '2001:db8::1'])
    assert.equal(await local({ index, family: 10 }), ['2001:db8::1'])
    assert.equal(await local({ family: 2 }), ['127.0.0.1', '192.0.2.1', '198.51.100.1'])
  })
}, { leaves: true })

kernelTest(test, 'rtnl: of many dumps in one send it is told which find nothing, and none is taken for empty that is not', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await send(channel, Array.from({ length: 40 }, (_, i) => bridge(`br${i}`, 1000 + i)))
    // br3 has more ports than fit into one answer: the kernel is at that dump while the others of the send come.
    const ports = [{ dev: 'p0', index: 2000, master: 1020 }, ...Array.from({ length: 60 }, (_, i) => ({ dev: `q${i}`, index: 3000 + i, master: 1003 }))]
    await send(channel, ports.map(({ dev, index, master }) => link.create({ ifname: dev, index, master, linkinfo: { kind: 'veth', data: { peer: { netNsFd: ns.fd } } } }, dev)))
    const held = (await ns.json<IpLink[]>('ip', ['-j', 'link'])).flatMap(({ master }) => master ?? [])
    assert.equal([held.filter((name) => name === 'br3').length, held.filter((name) => name === 'br20').length], [60, 1])
    const empty = await dumpsNothing(channel, Array.from({ length: 40 }, (_, i) => link.dump({ master: 1000 + i })))
    assert.not.ok(empty[3])
    assert.not.ok(empty[20])
    assert.equal([...empty.slice(0, 3), ...empty.slice(32)], Array.from({ length: 11 }, () => true))
    assert.is((await dumpLinks(channel, { master: 1003 })).length, 60)
    assert.is((await dumpLinks(channel, { master: 1004 })).length, 0)
  })
}, { leaves: true })

kernelTest(test, 'rtnl: routes are made, found by table and deleted', async ({ ns }) => {
  for (const command of ['link add br0 type bridge', 'link add v0 type veth peer name v1', 'link set v0 master br0 up', 'link set v1 up', 'link set br0 up', 'addr add 192.0.2.1/24 dev br0']) await ns.must('ip', command.split(' '))
  const oif = (await show(ns, 'br0')).ifindex
  await withChannel(ns, async (channel) => {
    const outcomes = await send(channel, [
      route.create({ family: 2, dstLen: 24, dst: '198.51.100.0', gateway: '192.0.2.9', oif, priority: 5, table: 1000, protocol: 77, type: RTN_UNICAST, metrics: { mtu: 1400 }, prefsrc: '192.0.2.1' }, 'a'),
      route.create({ family: 2, dstLen: 8, dst: '10.0.0.0', table: 1000, protocol: 77, type: RTN_UNICAST, multipath: [{ ifindex: oif, gateway: '192.0.2.7', hops: 2 }, { ifindex: oif, gateway: '192.0.2.8' }] }, 'b'),
      route.create({ family: 2, dstLen: 16, dst: '10.99.0.0', table: 1000, protocol: 77, type: RTN_BLACKHOLE }, 'c'),
    ])
    assert.equal(outcomes.map(({ error }) => error?.message), [undefined, undefined, undefined])
    const shown = await ns.json<{ dst: string, type?: string, gateway?: string, metric?: number, prefsrc?: string, protocol: string, metrics?: [{ mtu: number }], nexthops?: readonly { gateway: string, weight: number }[] }[]>('ip', ['-j', '-d', '-N', 'route', 'show', 'table', '1000'])
    assert.equal(shown.map(({ dst, gateway, metric, prefsrc, protocol, metrics, nexthops }) => [dst, gateway, metric, prefsrc, protocol, metrics?.[0].mtu, nexthops?.map((hop) => [hop.gateway, hop.weight])]), [
      ['10.0.0.0/8', undefined, undefined, undefined, '77', undefined, [['192.0.2.7', 3], ['192.0.2.8', 1]]],
      ['10.99.0.0/16', undefined, undefined, undefined, '77', undefined, undefined],
      ['198.51.100.0/24', '192.0.2.9', 5, '192.0.2.1', '77', 1400, undefined],
    ])
    assert.equal((await dumpRoutes(channel, { table: 1000 })).map(({ dst }) => dst).sort(), ['10.0.0.0', '10.99.0.0', '198.51.100.0'])
    assert.equal((await dumpRoutes(channel, { table: 1000, oif, family: 2 })).map(({ dst }) => dst).sort().at(-1), '198.51.100.0')
    assert.equal(await dumpRoutes(channel, { table: 4242, family: 2 }), [])
    await call(channel, route.remove({ family: 2, dstLen: 24, dst: '198.51.100.0', priority: 5, table: 1000 }, 'a'))
    assert.equal((await dumpRoutes(channel, { protocol: 77 })).map(({ dst }) => dst).sort(), ['10.0.0.0', '10.99.0.0'])
  })
}, { leaves: true })

kernelTest(test, 'rtnl: neighbours and FDB entries are made, found and deleted', async ({ ns }) => {
  for (const command of ['link add br0 type bridge', 'link add v0 type veth peer name v1', 'link set v0 master br0 up', 'link set br0 up', 'addr add 192.0.2.1/24 dev br0']) await ns.must('ip', command.split(' '))
  const br0 = (await show(ns, 'br0')).ifindex
  const v0 = (await show(ns, 'v0')).ifindex
  await withChannel(ns, async (channel) => {
    await call(channel, neigh.create({ family: 2, ifindex: br0, state: NUD_PERMANENT, dst: '192.0.2.7', lladdr: '52:54:00:00:00:07' }, '192.0.2.7'))
    await call(channel, neigh.create({ family: 7, ifindex: v0, state: NUD_NOARP | NUD_REACHABLE, flags: NTF_MASTER, lladdr: '52:54:00:00:00:0a' }, 'v0'))
    const [shown] = await ns.json<{ dst: string, lladdr: string, state: readonly string[] }[]>('ip', ['-j', 'neigh', 'show', 'dev', 'br0', 'nud', 'permanent'])
    assert.equal([shown?.dst, shown?.lladdr], ['192.0.2.7', '52:54:00:00:00:07'])
    const fdb = await ns.json<{ mac: string, state: string, master?: string }[]>('bridge', ['-j', 'fdb', 'show', 'dev', 'v0'])
    assert.equal(fdb.filter(({ mac }) => mac === '52:54:00:00:00:0a').map(({ state, master }) => [state, master]), [['static', 'br0']])
    assert.equal((await dumpNeighs(channel, { ifindex: br0, family: 2 })).filter(({ state }) => state === NUD_PERMANENT).map(({ dst }) => dst), ['192.0.2.7'])
    assert.ok((await dumpFdb(channel, { master: br0 })).some(({ lladdr, ifindex }) => lladdr === '52:54:00:00:00:0a' && ifindex === v0))
    await call(channel, neigh.remove({ family: 7, ifindex: v0, flags: NTF_MASTER, lladdr: '52:54:00:00:00:0a' }, 'v0'))
    await call(channel, neigh.remove({ family: 2, ifindex: br0, dst: '192.0.2.7' }, '192.0.2.7'))
    assert.is((await dumpFdb(channel, { ifindex: v0 })).some(({ lladdr }) => lladdr === '52:54:00:00:00:0a'), false)
  })
  assert.equal(await ns.json('ip', ['-j', 'neigh', 'show', 'dev', 'br0', 'nud', 'permanent']), [])
}, { leaves: true })

test.run()
