/** The constant table in packets: what the matrix of modes does not cover. The namespaces are thrown away as they are. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addMembers, createRuleset, type Membership } from '../../src/kernel/ruleset.js'
import { openChannel } from '../../src/netlink/channel.js'
import { NETLINK_NETFILTER } from '../../src/netlink/header.js'
import { nftBatch } from '../../src/netlink/nft/index.js'
import { guest, ping, sniff, tcpAsk, tcpEcho, udpAsk, udpEcho } from '../harness/guest.js'
import { kernelTest, veth, type Namespace, type TestNamespace } from '../harness/kernel-test.js'

const name = 'netwright'
const OUTSIDE = '198.51.100.2'
const HOST = '198.51.100.1'

/** A host that forwards, with one neighbour outside that has routes to every guest. */
async function host (ns: TestNamespace): Promise<{ readonly outside: Namespace }> {
  const outside = await ns.add()
  // A bridge's link-local address, which asks for a guest's MAC, is otherwise tentative for a second or two.
  await ns.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'])
  await ns.exec('sysctl', ['-q', '-w', 'net.bridge.bridge-nf-call-iptables=0'])
  await veth(ns, 'up0', outside, 'eth0')
  await ns.must('ip', ['addr', 'add', `${HOST}/24`, 'dev', 'up0'])
  await ns.must('ip', ['addr', 'add', '2001:db8::1/64', 'dev', 'up0', 'nodad'])
  await outside.must('ip', ['addr', 'add', `${OUTSIDE}/24`, 'dev', 'eth0'])
  await outside.must('ip', ['addr', 'add', '2001:db8::2/64', 'dev', 'eth0', 'nodad'])
  await outside.must('ip', ['route', 'add', '10.0.0.0/8', 'via', HOST])
  return { outside }
}

/** A bridge `br<n>` with 10.0.n.1/24 and fd00:n::1/64, and one guest with .2. */
async function network (ns: TestNamespace, n: number): Promise<Namespace> {
  const bridge = `br${String(n)}`
  await ns.must('ip', ['link', 'add', bridge, 'type', 'bridge'])
  await ns.must('ip', ['addr', 'add', `10.0.${String(n)}.1/24`, 'dev', bridge])
  await ns.must('ip', ['addr', 'add', `fd00:${String(n)}::1/64`, 'dev', bridge, 'nodad'])
  await ns.must('ip', ['link', 'set', bridge, 'up'])
  return member(ns, n, 2)
}

/** One more guest of that bridge. */
async function member (ns: TestNamespace, n: number, last: number): Promise<Namespace> {
  const inside = await guest(ns, `br${String(n)}`)
  await inside.must('ip', ['addr', 'add', `10.0.${String(n)}.${String(last)}/24`, 'dev', 'eth0'])
  await inside.must('ip', ['addr', 'add', `fd00:${String(n)}::${String(last)}/64`, 'dev', 'eth0', 'nodad'])
  await inside.must('ip', ['route', 'add', 'default', 'via', `10.0.${String(n)}.1`])
  await inside.must('ip', ['-6', 'route', 'add', 'default', 'via', `fd00:${String(n)}::1`])
  return inside
}

const common = (n: number): Membership[] => {
  const bridge = `br${String(n)}`
  const address = `10.0.${String(n)}.1`
  return [{ set: 'same', key: [bridge, bridge] }, { set: 'ours', key: [bridge] }, { set: 'rpf', key: [bridge] }, { set: 'gw4', key: [address] }, { set: 'gate4', key: [bridge, address] }]
}
const natted = (n: number): Membership[] => [...common(n), ...['out', 'est', 'indnat', 'masq4', 'masq6'].map((set) => ({ set, key: [`br${String(n)}`] }))]

async function commit (ns: Namespace, members: readonly Membership[]): Promise<void> {
  const channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: ns.fd })
  try { await nftBatch(channel, [...createRuleset(name), ...addMembers(name, members)]) } finally { await channel.close() }
}

kernelTest(test, 'ruleset: a forwarded port answers the outside, the host, its own network and others, but not isolated ones', async ({ ns }) => {
  const { outside } = await host(ns)
  const [a, b, isolated] = [await network(ns, 1), await network(ns, 2), await network(ns, 3)]
  await commit(ns, [...natted(1), ...natted(2), ...common(3),
    { set: 'dnat4', key: [HOST, 'tcp', 8080], data: ['10.0.1.2', 80] }, { set: 'dnat6', key: ['2001:db8::1', 'tcp', 8080], data: ['fd00:1::2', 80] },
    { set: 'dnatnet4', key: ['10.0.1.2', 'tcp', 80] },
  ])
  await tcpEcho(a, '::', 80)
  const asks = async (from: Namespace, address = HOST): Promise<string> => { const reply = await tcpAsk(from, address, 8080); return 'error' in reply ? reply.error : reply.from }
  assert.is(await asks(outside), OUTSIDE)
  assert.is(await asks(outside, '2001:db8::1'), '2001:db8::2')
  assert.is(await asks(ns), HOST)
  // A caller of its own network shows as the gateway: only so does the answer come back the same way. Itself included.
  const mate = await member(ns, 1, 3)
  assert.is(await asks(mate), '10.0.1.1')
  assert.is(await asks(a), '10.0.1.1')
  // Under br_netfilter the frame is bridged to its new address at once, and the answer translated in the bridge.
  await ns.must('sysctl', ['-q', '-w', 'net.bridge.bridge-nf-call-iptables=1'])
  assert.is(await asks(mate), '10.0.1.3')
  await ns.must('sysctl', ['-q', '-w', 'net.bridge.bridge-nf-call-iptables=0'])
  // Guests of another network, where they may, keep their address as everybody does; where they may not, they are refused.
  assert.is(await asks(b), '10.0.2.2')
  assert.is(await asks(b, '2001:db8::1'), 'ECONNREFUSED')
  assert.is(await asks(isolated), 'ECONNREFUSED')
  // Without a forwarded port the guest stays closed.
  assert.equal(await tcpAsk(outside, '10.0.1.2', 80), { error: 'ECONNREFUSED' })
}, { needs: ['nft'], leaves: true })

kernelTest(test, 'ruleset: destination NAT of somebody else does not open an isolated network', async ({ ns }) => {
  const { outside } = await host(ns)
  const isolated = await network(ns, 3)
  await commit(ns, common(3))
  await tcpEcho(isolated, '0.0.0.0', 80)
  await ns.must('nft', ['-f', '-'], { input: `table ip x { chain c { type nat hook prerouting priority -90; tcp dport 8080 dnat to 10.0.3.2:80; }; }` })
  assert.equal(await tcpAsk(outside, HOST, 8080), { error: 'ECONNREFUSED' })
}, { needs: ['nft'], leaves: true })

kernelTest(test, 'ruleset: guests leave with the host\'s address, or with the one they are given', async ({ ns }) => {
  const { outside } = await host(ns)
  await ns.must('ip', ['addr', 'add', '198.51.100.9/24', 'dev', 'up0'])
  const [a, b] = [await network(ns, 1), await network(ns, 2)]
  await commit(ns, [...natted(1), ...natted(2), { set: 'snat4', key: ['br2'], data: ['198.51.100.9'] }])
  const server = await tcpEcho(outside, '::')
  const seen = async (from: Namespace, address: string): Promise<string> => { const reply = await tcpAsk(from, address, server.port); return 'error' in reply ? reply.error : reply.from }
  assert.is(await seen(a, OUTSIDE), HOST)
  assert.is(await seen(b, OUTSIDE), '198.51.100.9')
  assert.is(await seen(a, '2001:db8::2'), '2001:db8::1')
}, { needs: ['nft'], leaves: true })

kernelTest(test, 'ruleset: DNS of a gateway answers its own network and the host only, other services everybody', async ({ ns }) => {
  const { outside } = await host(ns)
  const [a, b] = [await network(ns, 1), await network(ns, 2)]
  await commit(ns, [...natted(1), ...natted(2)])
  await udpEcho(ns, '10.0.1.1', 53)
  await tcpEcho(ns, '10.0.1.1', 53)
  await udpEcho(ns, '10.0.1.1', 54)
  const short = { timeoutMs: 1_000 } // of silence; where an answer is due a slow machine may take its time
  const answers = async (from: Namespace, port: number, options = {}): Promise<boolean> => 'text' in await udpAsk(from, '10.0.1.1', port, options)
  assert.is(await answers(a, 53), true)
  assert.is(await answers(ns, 53), true)
  assert.is(await answers(b, 53, short), false)
  assert.is(await answers(outside, 53, short), false)
  assert.equal(await tcpAsk(b, '10.0.1.1', 53, short), { error: 'ETIMEDOUT' })
  assert.is(await answers(b, 54), true)
  assert.is(await answers(outside, 54), true)
}, { needs: ['nft'], leaves: true })

kernelTest(test, 'ruleset: a source address that does not lie behind the bridge goes nowhere', async ({ ns }) => {
  const { outside } = await host(ns)
  const a = await network(ns, 1)
  await commit(ns, natted(1))
  await a.must('ip', ['addr', 'add', '203.0.113.5/32', 'dev', 'lo'])
  await a.must('ip', ['route', 'add', `${OUTSIDE}/32`, 'via', '10.0.1.1', 'src', '203.0.113.5'])
  const heard = await sniff(outside, 'eth0', 'icmp')
  await a.exec('ping', ['-n', '-c', '2', '-w', '2', '-i', '0.2', '-s', '100', OUTSIDE])
  await a.must('ip', ['route', 'del', `${OUTSIDE}/32`])
  assert.is(await ping(a, OUTSIDE), true)
  await heard.until(/echo request.*length 64/)
  assert.not.match(heard.output(), /length 108/)
}, { needs: ['nft', 'tcpdump'], leaves: true })

test.run()
