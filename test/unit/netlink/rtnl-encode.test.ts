import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Request } from '../../../src/netlink/request.js'
import { addr, IFA_F_NODAD, IFA_F_NOPREFIXROUTE } from '../../../src/netlink/rtnl/addr.js'
import { BOND_MODES } from '../../../src/netlink/rtnl/kind/bond.js'
import { IFF_UP, IN6_ADDR_GEN_MODE_NONE, link } from '../../../src/netlink/rtnl/link.js'
import { macvlanMode } from '../../../src/netlink/rtnl/kind/macvlan.js'
import { neigh, NTF_MASTER, NUD_NOARP, NUD_PERMANENT } from '../../../src/netlink/rtnl/neigh.js'
import { route, RTN_UNICAST, RT_TABLE_MAIN, RTPROT_BOOT } from '../../../src/netlink/rtnl/route.js'
import { canonical, fixture, type Nesting } from './rtnl-fixture.js'

const NLM_F_REQUEST_ACK = 0x5

/** What ip sent, and our request for the same content: equal in type, flags, struct and every attribute. */
async function same (name: string, request: Request, header: number, nesting: Nesting = {}): Promise<void> {
  const { messages: [sent] } = await fixture(name)
  if (sent === undefined) throw new Error(`no message in ${name}`)
  assert.is(request.type, sent.type)
  assert.is(request.flags | NLM_F_REQUEST_ACK, sent.flags)
  assert.is(request.body.toString('hex', 0, header), sent.payload.toString('hex', 0, header))
  assert.equal(canonical(request.body.subarray(header), nesting), canonical(sent.payload.subarray(header), nesting))
}

test('rtnl: a bridge with its options is what `ip link add type bridge` sends', async () => {
  await same('bridge-add', link.create({
    ifname: 'br0', address: '52:54:00:00:00:01', mtu: 1400,
    linkinfo: { kind: 'bridge', data: {
      stpState: 1, forwardDelay: 200, helloTime: 100, maxAge: 1000, ageingTime: 30000, priority: 4096, groupFwdMask: 8, groupAddr: '01:80:c2:00:00:04',
      mcastSnooping: 0, mcastQuerier: 1, mcastHashMax: 512, mcastQueryIntvl: 12500n, mcastIgmpVersion: 3, nfCallIptables: 1,
    } },
  }, 'br0'), 16, { 18: { text: [1], 2: {} } })
})

test('rtnl: a veth pair is what `ip link add type veth peer` sends', async () => {
  await same('veth-add', link.create({
    ifname: 'v0', address: '52:54:00:00:00:02',
    linkinfo: { kind: 'veth', data: { peer: { ifname: 'v1', address: '52:54:00:00:00:03', mtu: 1400 } } },
  }, 'v0'), 16, { 18: { text: [1], 2: { 1: { prefix: 16 } } } })
})

test('rtnl: a VLAN is what `ip link add type vlan` sends', async () => {
  await same('vlan-add', link.create({ index: 77, ifname: 'v1.20', link: 2, linkinfo: { kind: 'vlan', data: { protocol: 0x8100, id: 20 } } }, 'v1.20'), 16, { 18: { text: [1], 2: {} } })
})

test('rtnl: a bond is what `ip link add type bond` sends', async () => {
  const data = { mode: BOND_MODES.indexOf('active-backup'), miimon: 100 }
  await same('bond-add', link.create({ index: 78, ifname: 'bond7', address: '52:54:00:00:00:02', linkinfo: { kind: 'bond', data } }, 'bond7'), 16, { 18: { text: [1], 2: {} } })
})

test('rtnl: a macvtap on a device is what `ip link add link … type macvtap` sends', async () => {
  const { messages: [sent] } = await fixture('macvtap-add')
  const device = link.decode({ type: 16, payload: sent?.payload ?? Buffer.alloc(0) }).link ?? 0 // chosen by the kernel when it was captured
  await same('macvtap-add', link.create({
    ifname: 'mv0', link: device, address: '52:54:00:00:00:06', mtu: 1400, linkinfo: { kind: 'macvtap', data: { mode: macvlanMode.passthru, bcQueueLen: 100 } },
  }, 'mv0'), 16, { 18: { text: [1], 2: {} } })
})

// ip names a kind `bridge_slave`, we name the slave's kind; the kernel takes the kind of the master and reads neither.
test('rtnl: flags of a bridge port are what `ip link set type bridge_slave` sends', async () => {
  await same('port-set', link.change({
    index: 4, linkinfo: { slaveKind: 'bridge', slaveData: { priority: 16, cost: 7, hairpin: 1, learning: 0, unicastFlood: 0, mcastFlood: 0, isolated: 1, neighSuppress: 1 } },
  }, 'v0'), 16, { 18: { ignore: [1, 4], 5: {} } })
})

test('rtnl: changing a link is what `ip link set` sends', async () => {
  await same('link-set', link.change({ index: 2, flags: IFF_UP, change: IFF_UP, mtu: 1300, address: '52:54:00:00:00:09', ifalias: 'text', group: 9 }, 'br0'), 16)
})

test('rtnl: an address generation mode is what `ip link set addrgenmode` sends', async () => {
  await same('link-addrgen', link.change({ index: 2, afSpec: { inet6: { addrGenMode: IN6_ADDR_GEN_MODE_NONE } } }, 'br0'), 16, { 26: { 10: {} } })
})

test('rtnl: deleting a link is what `ip link del` sends', async () => {
  await same('link-del', link.remove({ index: 2 }, 'br0'), 16)
})

test('rtnl: an IPv4 address is what `ip addr add` sends', async () => {
  await same('addr-add', addr.create({ family: 2, prefixlen: 25, index: 2, local: '198.51.100.1', address: '198.51.100.1', broadcast: '198.51.100.127', flags: IFA_F_NOPREFIXROUTE }, 'br0'), 8)
})

test('rtnl: an IPv6 address is what `ip addr add` sends', async () => {
  await same('addr-add6', addr.create({
    family: 10, prefixlen: 64, shortFlags: IFA_F_NODAD, index: 2, local: '2001:db8:5::1', address: '2001:db8:5::1', cacheinfo: { prefered: 300, valid: 600, cstamp: 0, tstamp: 0 },
  }, 'br0'), 8)
})

test('rtnl: a route with metrics is what `ip route add` sends', async () => {
  await same('route-add', route.create({
    family: 2, dstLen: 24, protocol: 16, type: RTN_UNICAST, dst: '198.51.100.0', gateway: '192.0.2.9', oif: 2, priority: 5, prefsrc: '192.0.2.1', table: 1000, metrics: { mtu: 1400, advmss: 1300 },
  }, 'br0'), 12, { 8: {} })
})

test('rtnl: a multipath route is what `ip route add nexthop` sends', async () => {
  await same('route-multipath', route.create({
    family: 2, dstLen: 8, shortTable: RT_TABLE_MAIN, protocol: RTPROT_BOOT, type: RTN_UNICAST, dst: '10.0.0.0',
    multipath: [{ ifindex: 2, hops: 2, gateway: '192.0.2.7' }, { ifindex: 2, gateway: '192.0.2.8' }],
  }, 'br0'), 12)
})

test('rtnl: a neighbour is what `ip neigh add` sends', async () => {
  await same('neigh-add', neigh.create({ family: 2, ifindex: 2, state: NUD_PERMANENT, dst: '192.0.2.7', lladdr: '52:54:00:00:00:07' }, 'br0'), 12)
})

test('rtnl: an FDB entry is what `bridge fdb add` sends', async () => {
  await same('fdb-add', neigh.create({ family: 7, ifindex: 4, state: NUD_NOARP | 0x02, flags: NTF_MASTER, lladdr: '52:54:00:00:00:0a' }, 'v0'), 12)
})

test.run()
