/** A host that forwards only because a network of ours needs it is no router for others, and is as before when the last one stops. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openHost } from '../../src/index.js'
import { guest, ping, sniff } from '../harness/guest.js'
import { kernelTest, veth, type Namespace, type TestNamespace } from '../harness/kernel-test.js'

const nat = {
  name: 'red', bridge: 'red0', forward: { mode: 'nat', nat: { ipv6: true } },
  ip: [{ address: '10.7.0.1', prefix: 24 }, { address: 'fd00:7::1', prefix: 64 }],
} as const
const blue = { name: 'blue', bridge: 'blue0', forward: 'route', ip: [{ address: '10.8.0.1', prefix: 24 }, { address: 'fd00:8::1', prefix: 64 }] } as const

const six = (text: string): string[] => text.includes(':') ? ['nodad'] : []
const bits = (text: string): string => text.includes(':') ? '64' : '24'

async function give (ns: Namespace, dev: string, ...addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await ns.must('ip', ['addr', 'add', `${address}/${bits(address)}`, 'dev', dev, ...six(address)])
}
async function gateway (ns: Namespace, ...addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await ns.must('ip', [address.includes(':') ? '-6' : '-4', 'route', 'replace', 'default', 'via', address])
}

/** Two neighbours, each behind an uplink of its own, each with the host as its way to the other. */
async function uplinks (ns: TestNamespace): Promise<readonly [Namespace, Namespace]> {
  await ns.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_dad=0'])
  const [a, b] = [await ns.add(), await ns.add()]
  for (const [n, one] of [a, b].entries()) {
    await veth(ns, `up${String(n)}`, one, 'eth0')
    await give(ns, `up${String(n)}`, `198.51.${String(100 + n)}.1`, `2001:db8:a${String(n)}::1`)
    await give(one, 'eth0', `198.51.${String(100 + n)}.2`, `2001:db8:a${String(n)}::2`)
    await gateway(one, `198.51.${String(100 + n)}.1`, `2001:db8:a${String(n)}::1`)
  }
  return [a, b]
}

/** A guest of one of our networks. */
async function seat (ns: TestNamespace, bridge: string, four: string, six: string): Promise<Namespace> {
  const inside = await guest(ns, bridge)
  await give(inside, 'eth0', `${four}.2`, `${six}::2`)
  await gateway(inside, `${four}.1`, `${six}::1`)
  return inside
}

const forwarding = async (ns: Namespace): Promise<string[]> => (await ns.must('sh', ['-c', 'grep . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding /proc/sys/net/ipv4/conf/*/accept_redirects'])).trim().split('\n').filter((line) => !/\/(red0|blue0|port\d+)\//.test(line)).sort()
const tables = async (ns: Namespace): Promise<string> => (await ns.must('nft', ['list', 'tables'])).trim().split('\n').sort().join('\n')

const far4 = '198.51.101.2'
const far6 = '2001:db8:a1::2'

kernelTest(test, 'guard: uplinks do not reach each other through us, networks reach both, and the host itself is not touched', async ({ ns, tmp }) => {
  const [a, b] = await uplinks(ns)
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using _red = await host.create(nat)
  const inside = await seat(ns, 'red0', '10.7.0', 'fd00:7')
  for (const address of [far4, far6]) assert.is(await ping(inside, address, 10), true, `${address} from the network`)
  for (const address of [far4, far6]) assert.is(await ping(a, address, 1), false, `${address} from uplink to uplink`)
  for (const address of ['198.51.100.2', '2001:db8:a0::2']) assert.is(await ping(b, address, 1), false, `${address} back`)
  // Neighbour discovery has an input device in postrouting although nobody routed it.
  await ns.must('ip', ['-6', 'neigh', 'flush', 'all'])
  await a.must('ip', ['-6', 'neigh', 'flush', 'all'])
  for (const address of [far4, far6, '198.51.100.2', '2001:db8:a0::2']) assert.is(await ping(ns, address, 10), true, `${address} from the host`)
  for (const address of ['198.51.100.1', '2001:db8:a0::1', '2001:db8:a1::1']) assert.is(await ping(a, address, 10), true, `${address} of the host`)
  await inside.must('ip', ['link', 'del', 'eth0'])
}, { needs: ['dnsmasq', 'nft'] })

kernelTest(test, 'guard: the host joins multicast groups and its tunnels work', async ({ ns, tmp }) => {
  const [a] = await uplinks(ns)
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using _red = await host.create(nat)
  const heard = await sniff(a, 'eth0', 'igmp or ip6')
  await ns.must('ip', ['addr', 'add', '239.1.2.3/32', 'dev', 'up0', 'autojoin'])
  await ns.must('ip', ['addr', 'add', 'ff05::1:3/128', 'dev', 'up0', 'autojoin'])
  await heard.until(/igmp.*report|239\.1\.2\.3/)
  await heard.until(/multicast listener report/)
  for (const [where, local, remote, address] of [[ns, '198.51.100.1', '198.51.100.2', '172.16.0.1'], [a, '198.51.100.2', '198.51.100.1', '172.16.0.2']] as const) {
    await where.must('ip', ['link', 'add', 'tunnel0', 'type', 'vxlan', 'id', '7', 'local', local, 'remote', remote, 'dstport', '4789'])
    await where.must('ip', ['link', 'set', 'tunnel0', 'up'])
    await give(where, 'tunnel0', address)
  }
  assert.is(await ping(ns, '172.16.0.2', 10), true)
  await ns.must('ip', ['link', 'del', 'tunnel0'])
}, { needs: ['dnsmasq', 'nft', 'tcpdump'] })

kernelTest(test, 'guard: frames inside a stranger\'s bridge pass under br_netfilter, what is routed out of it does not', async ({ ns, tmp }) => {
  await uplinks(ns)
  await ns.must('ip', ['link', 'add', 'br9', 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'br9', 'up'])
  await give(ns, 'br9', '10.9.0.1', 'fd00:9::1')
  const one = await seat(ns, 'br9', '10.9.0', 'fd00:9')
  const two = await guest(ns, 'br9')
  await give(two, 'eth0', '10.9.0.3', 'fd00:9::3')
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using _red = await host.create(nat)
  await ns.must('sysctl', ['-q', '-w', 'net.bridge.bridge-nf-call-iptables=1', 'net.bridge.bridge-nf-call-ip6tables=1'])
  for (const address of ['10.9.0.3', 'fd00:9::3', '10.9.0.1', 'fd00:9::1']) assert.is(await ping(one, address, 10), true, address)
  for (const address of [far4, far6]) assert.is(await ping(one, address, 1), false, address)
  await ns.must('ip', ['link', 'del', 'br9'])
}, { needs: ['dnsmasq', 'nft', 'br_netfilter'] })

kernelTest(test, 'guard: two owners share it, and forwarding is as before when the last of them stops', async ({ ns, tmp }) => {
  const [a] = await uplinks(ns)
  // One interface forwards by its own switch, and one family's redirects are not the default.
  await ns.must('sysctl', ['-q', '-w', 'net.ipv4.conf.up1.forwarding=1', 'net.ipv6.conf.up0.forwarding=1', 'net.ipv4.conf.all.accept_redirects=1'])
  const before = await forwarding(ns)
  await using first = await openHost({ netns: ns.path, root: tmp })
  await using second = await openHost({ netns: ns.path, root: `${tmp}/rig`, owner: 'rig' })
  const red = await first.create(nat)
  const other = await second.create(blue)
  assert.is(await tables(ns), 'table inet netwright\ntable inet netwright-guard\ntable inet netwright-rig')
  const [inRed, inBlue] = [await seat(ns, 'red0', '10.7.0', 'fd00:7'), await seat(ns, 'blue0', '10.8.0', 'fd00:8')]
  await a.must('ip', ['route', 'add', '10.8.0.0/24', 'via', '198.51.100.1'])
  for (const address of ['198.51.100.2', '2001:db8:a0::2']) for (const inside of [inRed, inBlue]) assert.is(await ping(inside, address, 10), true, address)
  for (const address of ['10.8.0.2', 'fd00:8::2']) assert.is(await ping(inRed, address, 10), true, `nat of one owner to route of the other: ${address}`)
  assert.is(await ping(inBlue, '10.7.0.2', 1), false)
  await red.destroy()
  assert.is(await ping(inBlue, '198.51.100.2', 10), true)
  assert.is(await ping(inBlue, '2001:db8:a0::2', 10), true)
  assert.is(await ping(a, far4, 1), false)
  assert.match(await tables(ns), /netwright-guard/)
  await other.destroy()
  for (const host of [first, second]) await host.settled()
  assert.is(await tables(ns), '')
  assert.equal(await forwarding(ns), before)
}, { needs: ['dnsmasq', 'nft'] })

kernelTest(test, 'guard: a host that forwards already is left as it is', async ({ ns, tmp }) => {
  const [a] = await uplinks(ns)
  await ns.must('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.up1.accept_redirects=1'])
  const before = await forwarding(ns)
  await using host = await openHost({ netns: ns.path, root: tmp })
  const red = await host.create(nat)
  assert.is(await tables(ns), 'table inet netwright')
  for (const address of [far4, far6]) assert.is(await ping(a, address, 10), true, address)
  assert.equal(await forwarding(ns), before)
  await red.destroy()
  await host.settled()
  assert.equal(await forwarding(ns), before)
  for (const address of [far4, far6]) assert.is(await ping(a, address, 10), true, address)
  await ns.must('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0'])
}, { needs: ['dnsmasq', 'nft'] })

kernelTest(test, 'guard: only the family that a network needs is switched on, and isolated networks need none', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  const before = await forwarding(ns)
  const alone = await host.create({ name: 'alone', bridge: 'red0', ip: { address: '10.7.0.1', prefix: 24 } })
  assert.equal(await forwarding(ns), before)
  assert.is(await tables(ns), 'table inet netwright')
  await alone.destroy()
  await host.settled()
  const four = await host.create({ name: 'four', bridge: 'red0', forward: 'nat', ip: { address: '10.7.0.1', prefix: 24 } })
  assert.is((await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])).trim(), '1\n0')
  const sixth = await host.create({ name: 'six', bridge: 'blue0', forward: 'route', ip: { address: 'fd00:7::1', prefix: 64 } })
  assert.is((await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])).trim(), '1\n1')
  await four.destroy()
  assert.is((await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])).trim(), '0\n1')
  await sixth.destroy()
  await host.settled()
  assert.equal(await forwarding(ns), before)
  assert.is(await tables(ns), '')
}, { needs: ['dnsmasq', 'nft'] })

test.run()
