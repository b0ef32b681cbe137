/** What the tests of host bridges stand on: a host whose NIC is one end of a veth, a router at the other end, and traffic between them. */
import * as assert from 'uvu/assert'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must, type Background } from '../harness/command.js'
import { veth, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { difference, networkState, type Snapshot } from '../harness/snapshot.js'
import { eventually } from './bed.js'

export const HOST = { four: '192.0.2.10', second: '192.0.2.11', six: '2001:db8:5::10' } as const
export const ROUTER = { four: '192.0.2.1', six: '2001:db8:5::1', beyond: '198.51.100.7', beyond6: '2001:db8:77::7' } as const

/** `eth0` in the test's namespace with all that a NIC of a server has; a router behind it. */
export async function nic ({ ns }: Pick<KernelTest, 'ns'>): Promise<Namespace> {
  const router = await ns.add()
  for (const one of [ns, router]) await one.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.accept_ra=0'])
  await veth(ns, 'eth0', router, 'lan')
  for (const [one, commands] of [[router, `
    link set lan address 52:54:00:00:00:01
    addr add ${ROUTER.four}/24 dev lan
    addr add ${ROUTER.six}/64 dev lan nodad
    addr add ${ROUTER.beyond}/32 dev lo
    addr add ${ROUTER.beyond6}/128 dev lo nodad
    -6 route add 2001:db8:6::/64 dev lan
  `], [ns, `
    addr add ${HOST.four}/24 brd + dev eth0 label eth0:main
    addr add ${HOST.second}/24 dev eth0
    addr add 203.0.113.5/32 dev eth0 noprefixroute
    addr add 10.9.0.1 peer 10.9.0.2/32 dev eth0 scope link
    addr add 192.0.2.77/24 dev eth0 valid_lft 9000 preferred_lft 8000
    addr add ${HOST.six}/64 dev eth0 nodad
    addr change ${HOST.six}/64 dev eth0
    addr add 2001:db8:5::11/64 dev eth0 valid_lft 9000 preferred_lft 8000
    addr add 2001:db8:6::11/64 dev eth0 noprefixroute
    route add default via ${ROUTER.four} dev eth0 proto static metric 100 mtu 1400
    route add 10.10.0.0/16 via ${ROUTER.four} dev eth0 src ${HOST.second}
    route add 10.11.0.0/16 via 172.16.5.5 dev eth0 onlink
    route add 10.12.0.0/16 nexthop via ${ROUTER.four} dev eth0 weight 3 nexthop via 192.0.2.2 dev eth0
    route add default via ${ROUTER.four} dev eth0 table 1000
    route add blackhole 10.13.0.0/16
    -6 route add default via ${ROUTER.six} dev eth0 metric 50
    -6 route add 2001:db8:8::/48 via ${ROUTER.six} dev eth0 expires 5000
    -6 route add 2001:db8:9::/48 nexthop via ${ROUTER.six} dev eth0 weight 2 nexthop via 2001:db8:5::2 dev eth0
    rule add from ${HOST.second} table 1000
    neigh add 192.0.2.3 lladdr 52:54:00:00:00:03 dev eth0 nud permanent
    neigh add proxy 192.0.2.4 dev eth0
    -6 neigh add 2001:db8:5::3 lladdr 52:54:00:00:00:03 dev eth0 nud permanent router
  `]] as const) {
    for (const line of commands.trim().split('\n')) await must('ip', ['-n', one.name, ...line.trim().split(' ')])
  }
  await eventually('link-local addresses', async () => (await ns.must('ip', ['-6', 'addr', 'show', 'dev', 'eth0', 'tentative'])) === '' ? true : undefined)
  return router
}

/** Takes what `nic` made. */
export async function unplug ({ ns }: Pick<KernelTest, 'ns'>): Promise<void> {
  await ns.must('ip', ['link', 'del', 'eth0'])
  await ns.must('ip', ['rule', 'del', 'from', HOST.second, 'table', '1000'])
  await ns.must('ip', ['route', 'del', 'blackhole', '10.13.0.0/16'])
  await ns.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_dad=1', 'net.ipv6.conf.default.accept_ra=1'])
}

/** What is learned comes and goes by itself. */
const learned = (line: string): boolean => line.startsWith('neighbours: ') || / neighbours: /.test(line)
const permanent = (line: string): boolean => /PERMANENT|"proxy"/.test(line)

/** Everything of a namespace, as `ip -j` says it, with the order of addresses, but for learned neighbours. */
export async function stateOf (ns: Namespace): Promise<Snapshot> {
  const state = new Map(await networkState(ns.name))
  state.set('neighbours', (state.get('neighbours') ?? []).filter(permanent))
  state.set('proxies', (await ns.must('ip', ['neigh', 'show', 'proxy'])).trim().split('\n').sort())
  state.set('order of addresses', (await ns.must('ip', ['-o', 'addr', 'show', 'dev', 'eth0'])).replace(/valid_lft \d+sec/g, '').replace(/preferred_lft \d+sec/g, '').trim().split('\n').map((line, at) => `${String(at)} ${line}`))
  state.set('order of routes', (await ns.must('ip', ['route', 'show', 'table', 'all'])).replace(/expires \d+sec/g, 'expires').trim().split('\n').map((line, at) => `${String(at)} ${line}`))
  return state
}

/** What runs by itself in a bridge. */
const steady = (state: Snapshot): Snapshot => new Map([...state].map(([heading, lines]) => [heading, lines.map((line) => line.replace(/"(?:gc|hello|tcn|topology_change)_timer":[\d.]+,?/g, ''))]))

/** What differs; empty when nothing does. */
export const differs = (before: Snapshot, after: Snapshot): string[] => difference(steady(before), steady(after)).filter((line) => !learned(line) || permanent(line))

/** Throws with what is not as before. */
export async function asBefore (ns: Namespace, before: Snapshot, what: string): Promise<void> {
  let left: readonly string[] = []
  await eventually(what, async () => (left = differs(before, await stateOf(ns))).length === 0 ? true : undefined).catch(() => undefined) // the kernel notices carriers a moment later
  assert.is(left.length, 0, `${what}: not as before (- gone, + left):\n${left.join('\n')}`)
}

export interface Traffic {
  /** Ends it and says how many of the pings had no answer, and whether the connection is as it was. */
  end (): Promise<{ readonly lost: number, readonly sent: number, readonly lost6: number, readonly echoed: number }>
}

const echo = `
const s = require('net').createServer((c) => { c.on('error', () => {}); c.pipe(c) }).listen(7777, process.argv[1], () => console.log('listening'))`
const talk = `
let sent = 0, got = 0, last = 0
const c = require('net').connect({ host: process.argv[1], port: 7777, localAddress: process.argv[2], localPort: 41000 }, () => {
  console.log('connected')
  setInterval(() => { sent += 4; c.write('ping') }, 10)
})
c.on('data', (d) => { got += d.length })
c.on('error', (e) => { console.log('broken ' + e.code); process.exit(1) })
c.on('close', () => { console.log('broken closed'); process.exit(1) })
process.on('SIGTERM', () => { const goal = sent; const look = setInterval(() => { if (got >= goal) { console.log('echoed ' + got); process.exit(0) } }, 5) })`

/** A TCP connection that says something every 10 ms, and a ping of each family every 10 ms, from the host to what is behind the router. */
export async function traffic ({ ns, tmp }: Pick<KernelTest, 'ns' | 'tmp'>, router: Namespace): Promise<Traffic> {
  const env = { NODE_V8_COVERAGE: '' }
  const server = router.spawn(process.execPath, ['-e', echo, ROUTER.beyond], { env })
  await server.until(/listening/)
  const client = ns.spawn(process.execPath, ['-e', talk, ROUTER.beyond, HOST.four], { env })
  await client.until(/connected/)
  const ping = (address: string): Background => ns.spawn('ping', ['-n', '-i', '0.01', '-D', address])
  const pings = [ping(ROUTER.beyond), ping(ROUTER.beyond6)]
  for (const one of pings) await one.until(/icmp_seq=5 /)
  await writeFile(join(tmp, 'traffic'), '')
  return { end: async () => {
    client.child.kill('SIGTERM')
    const [, echoed = '0'] = await client.until(/echoed (\d+)/, 60_000)
    const counts: { sent: number, lost: number }[] = []
    for (const one of pings) {
      one.child.kill('SIGINT')
      const [, sent = '0', received = '0'] = await one.until(/(\d+) packets transmitted, (\d+) received/)
      counts.push({ sent: Number(sent), lost: Number(sent) - Number(received) })
    }
    await server.stop()
    return { lost: counts[0]?.lost ?? -1, lost6: counts[1]?.lost ?? -1, sent: counts[0]?.sent ?? 0, echoed: Number(echoed) }
  } }
}

/** For `ssh`: what sshd would say of the traffic's connection. */
export const SSH = `${ROUTER.beyond} 7777 ${HOST.four} 41000`
