/** Links of networks that stop are kept for the next ones, and are as good as new. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost, type Internals } from '../../src/engine/host.js'
import type { Host, HostOptions } from '../../src/engine/api.js'
import { dhcp, guest, ping } from '../harness/guest.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import type { Namespace } from '../harness/namespace.js'
import { eventually } from './bed.js'
import { disturb, facts, unlike } from './recycle-bed.js'

interface At { readonly ns: Namespace, readonly tmp: string }
const open = async ({ ns, tmp }: At, options: HostOptions = {}, internals: Internals = {}): Promise<Host> => await openHost({ netns: ns.path, root: join(tmp, 'root'), recycle: { max: 20 }, ...options }, internals)
const red = { name: 'red', forward: 'nat', bridge: 'br-red', mac: '52:54:00:00:00:01', subnet: '10.95.1.0/24', dns: { enable: false } } as const
const blue = { name: 'blue', forward: 'route', bridge: 'br-blue', mac: '52:54:00:00:00:02', subnet: '10.95.2.0/24', dns: { enable: false } } as const
const tap = { kind: 'tap', dev: 'tap7', mac: '52:54:00:00:01:01', fds: false } as const

interface Link { readonly ifname: string, readonly ifindex: number, readonly master?: string, readonly flags: readonly string[] }
const links = async (ns: Namespace): Promise<Link[]> => (await ns.json<Link[]>('ip', ['-j', 'link'])).filter(({ ifname }) => ifname !== 'lo')
const names = async (ns: Namespace): Promise<string[]> => (await links(ns)).map(({ ifname }) => ifname).sort()
const indexOf = async (ns: Namespace, name: string): Promise<number> => (await links(ns)).find(({ ifname }) => ifname === name)?.ifindex ?? 0
const isPooled = (name: string): boolean => /^nwp[0-9a-z]{1,6}$/.test(name)

kernelTest(test, 'recycle: a network that stops leaves its bridge and its TAPs to the next one', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  const network = await host.create({ network: blue, ports: [tap, { kind: 'tap' }] })
  const old = await Promise.all(['br-blue', 'tap7', 'vnet0'].map(async (name) => await indexOf(ns, name)))
  await network.destroy()
  assert.equal(host.pool.size, { bridges: 1, taps: 2 })
  const kept = (await links(ns)).filter(({ ifindex }) => old.includes(ifindex))
  for (const { ifname } of kept) assert.ok(isPooled(ifname), ifname)
  assert.not.ok(kept.find(({ ifindex }) => ifindex === old[0])?.flags.includes('UP'), 'the bridge is down at once')
  await eventually('its ports are out of it, and down', async () => {
    const ports = (await links(ns)).filter(({ ifindex }) => old.includes(ifindex))
    return ports.every(({ flags, master }) => !flags.includes('UP') && master === undefined) ? true : undefined
  })
  await host.create({ network: red, ports: [tap, { kind: 'tap', dev: 'tap8' }] })
  assert.equal(host.pool.size, { bridges: 0, taps: 0 })
  const fresh = await Promise.all(['br-red', 'tap7', 'tap8'].map(async (name) => await indexOf(ns, name)))
  assert.equal(fresh.sort(), old.sort())
  await (await host.network('red')).destroy()
}, { needs: ['tun'] })

let latest: string[] = []

async function carrier (ns: Namespace, bridge: string): Promise<void> {
  await ns.must('sh', ['-c', `ip link add up0 address 02:00:00:00:0a:01 type veth peer name up1 address 02:00:00:00:0a:02 && ip link set up1 up && ip link set up0 master ${bridge} up`])
}

/** Compares a link of `red`, new in one namespace and recycled in another. */
async function compare ({ ns, tmp }: KernelTest, soil: () => Promise<void>): Promise<void> {
  const other = await ns.add()
  await using cold = await openHost({ netns: other.path, root: join(tmp, 'cold') })
  await using host = await open({ ns, tmp })
  const dirty = await host.create({ network: blue, ports: [{ ...tap, dev: 'tapx' }] })
  const old = [await indexOf(ns, 'br-blue'), await indexOf(ns, 'tapx')]
  await soil()
  await dirty.destroy()
  const again = await host.create({ network: red, ports: [tap] })
  const fresh = await cold.create({ network: red, ports: [tap] })
  assert.equal([await indexOf(ns, 'br-red'), await indexOf(ns, 'tap7')], old, 'both are used again')
  // A link that was down has left the IPv6 multicast groups of its link layer, and joins them with its first carrier.
  for (const one of [ns, other]) await carrier(one, 'br-red')
  for (const [dev, what] of [['br-red', 'bridge'], ['tap7', 'tap']] as const) {
    await eventually(`a ${what} as new`, async () => {
      const left = unlike(await facts(other, dev, what), await facts(ns, dev, what))
      if (left.length > 0) latest = left
      return left.length === 0 ? true : undefined
    }, 60_000).catch(() => { assert.equal(latest, []) })
  }
  for (const one of [ns, other]) await one.must('ip', ['link', 'del', 'up0'])
  await again.destroy()
  await fresh.destroy()
}

kernelTest(test, 'recycle: a clean network leaves links as new', async (context) => {
  await compare(context, async () => { await Promise.resolve() })
}, { needs: ['tun'] })

kernelTest(test, 'recycle: every setting below /proc/sys/net that was changed is as new', async (context) => {
  await compare(context, async () => {
    for (const dev of ['br-blue', 'tapx']) await disturb(context.ns, dev)
  })
}, { needs: ['tun'] })

/** What somebody with root did to the old network's links. */
const DIRT = [
  'ip link set br-blue type bridge hello_time 300 max_age 1000 ageing_time 5000 priority 100 group_fwd_mask 8 mcast_router 2 mcast_querier 1 mcast_query_use_ifaddr 1 mcast_hash_max 1024',
  'ip link set br-blue type bridge mcast_last_member_count 5 mcast_startup_query_count 7 mcast_last_member_interval 200 mcast_membership_interval 20000 mcast_querier_interval 20000',
  'ip link set br-blue type bridge mcast_query_interval 10000 mcast_query_response_interval 900 mcast_startup_query_interval 3000 mcast_stats_enabled 1 mcast_igmp_version 3 mcast_mld_version 2',
  'ip link set br-blue type bridge stp_state 1 forward_delay 700',
  'ip link set br-blue type bridge nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1',
  'ip link set br-blue txqueuelen 77 gso_max_size 30000 gso_max_segs 10 gro_max_size 30000 promisc on allmulticast on multicast off arp off',
  'ip link set br-blue alias somebody-else',
  'ip link set br-blue addrgenmode eui64',
  'ip addr add 10.95.2.77/24 dev br-blue', 'ip addr add 10.99.0.1/16 dev br-blue', 'ip addr add fd00::77/64 dev br-blue nodad',
  'ip route add 10.98.0.0/16 via 10.95.2.9', 'ip neigh add 10.95.2.8 lladdr 02:00:00:00:00:08 dev br-blue nud permanent', 'ip neigh add proxy 10.95.2.7 dev br-blue',
  'ip -6 neigh add fd00::8 lladdr 02:00:00:00:00:08 dev br-blue nud permanent',
  'bridge fdb add 02:00:00:00:00:01 dev br-blue self', 'bridge fdb add 02:00:00:00:00:02 dev tapx master static', 'bridge fdb add 02:00:00:00:00:03 dev tapx master',
  'bridge mdb add dev br-blue port br-blue grp 239.1.1.1', 'bridge mdb add dev br-blue port tapx grp 239.1.1.2 permanent',
  'tc qdisc add dev br-blue root tbf rate 1mbit burst 10k latency 50ms', 'tc qdisc add dev br-blue ingress', 'tc qdisc add dev tapx root htb', 'tc qdisc add dev tapx ingress',
  'tc filter add dev tapx ingress protocol ip u32 match u32 0 0 action mirred egress mirror dev br-blue',
  'ip link set tapx txqueuelen 55 mtu 1400 gso_max_size 20000 alias guest promisc on multicast off',
  'ip addr add 10.97.0.1/16 dev tapx', 'ip link set tapx type bridge_slave isolated on learning off flood off hairpin on cost 5 priority 5',
]

kernelTest(test, 'recycle: what ip, bridge and tc have changed is as new', async (context) => {
  await compare(context, async () => {
    for (const line of DIRT) await context.ns.must('sh', ['-c', line])
  })
}, { needs: ['tun'] })

kernelTest(test, 'recycle: links are deleted when the host is closed', async ({ ns, tmp }) => {
  const host = await open({ ns, tmp })
  await host.pool.fill({ bridges: 3, taps: { count: 2 } })
  assert.equal(host.pool.size, { bridges: 3, taps: 2 })
  const [one, two] = await host.create([red, blue])
  await Promise.all([one?.destroy(), two?.destroy()])
  assert.equal(host.pool.size, { bridges: 3, taps: 2 })
  await host.close()
  assert.equal(await names(ns), [])
  assert.equal(await readdir(join(tmp, 'root/run/netwright')).catch(() => []), [])
}, { needs: ['tun'] })

kernelTest(test, 'recycle: the old guests are out, and new ones are served', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  const served = { name: 'old', forward: 'nat', bridge: 'br-old', subnet: '10.95.3.0/24', dhcp: true } as const
  const old = await host.create(served)
  const before = await guest(ns, 'br-old')
  const lease = await dhcp(before, tmp)
  assert.match(lease?.ip ?? 'no lease', /^10\.95\.3\./)
  const index = await indexOf(ns, 'br-old')
  await ns.must('ip', ['link', 'set', before.port, 'nomaster'])
  await old.destroy()
  const fresh = await host.create({ ...served, name: 'new', bridge: 'br-new', subnet: '10.95.4.0/24' })
  assert.is(await indexOf(ns, 'br-new'), index)
  const after = await guest(ns, 'br-new')
  assert.match((await dhcp(after, tmp))?.ip ?? 'no lease', /^10\.95\.4\./)
  assert.ok(await ping(after, '10.95.4.1'))
  assert.not.ok(await ping(after, lease?.ip ?? '', 1))
  assert.not.ok(await ping(after, '10.95.3.1', 1))
  for (const one of [before, after]) await ns.must('ip', ['link', 'del', one.port])
  await fresh.destroy()
}, { needs: ['dnsmasq', 'tun'] })

kernelTest(test, 'recycle: a bridge that has a port of somebody else is not used again, and sets it free', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  const network = await host.create(blue)
  const index = await indexOf(ns, 'br-blue')
  const inside = await guest(ns, 'br-blue')
  await network.destroy()
  await host.create(red)
  assert.is.not(await indexOf(ns, 'br-red'), index)
  await host.settled()
  assert.equal((await links(ns)).filter(({ ifindex }) => ifindex === index), [])
  const [port] = await ns.json<{ master?: string }[]>('ip', ['-j', 'link', 'show', 'dev', inside.port])
  assert.is(port?.master, undefined)
  await ns.must('ip', ['link', 'del', inside.port])
  await (await host.network('red')).destroy()
})

for (const [what, command] of [
  ['has a secret for its IPv6 addresses', 'echo 2001:db8::1 >/proc/sys/net/ipv6/conf/br-blue/stable_secret'], ['was given an MTU', 'ip link set br-blue mtu 1400'],
] as const) {
  kernelTest(test, `recycle: a bridge that ${what} is not used again`, async ({ ns, tmp }) => {
    await using host = await open({ ns, tmp })
    const network = await host.create(blue)
    const index = await indexOf(ns, 'br-blue')
    await ns.must('sh', ['-c', command])
    await network.destroy()
    await host.create(red)
    assert.is.not(await indexOf(ns, 'br-red'), index)
    await (await host.network('red')).destroy()
  })
}

test.run()
