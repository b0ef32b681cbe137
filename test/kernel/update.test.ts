/** A running network takes another definition, and its guests hardly notice. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readdir, readFile } from 'node:fs/promises'
import { NetwrightError, type Host, type Network, type NetworkInput } from '../../src/index.js'
import { dhcp, dig, ping } from '../harness/guest.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { settle, type Snapshot } from '../harness/snapshot.js'
import { state } from '../faults/state.js'
import { eventually, gateway, host, nftMonitor, OUTSIDE, uplink } from './bed.js'

const red: NetworkInput = {
  name: 'red', forward: 'nat', bridge: 'nwred', mac: '52:54:00:00:00:01',
  ip: [{ address: '10.71.1.1', prefix: 24, dhcp: { range: [{ start: '10.71.1.10', end: '10.71.1.99' }] } }],
  dns: { host: [{ ip: '10.71.1.50', hostname: ['known'] }] },
}
const withDhcp = (dhcpSpec: object, more: Partial<NetworkInput> = {}): NetworkInput => ({ ...red, ip: [{ address: '10.71.1.1', prefix: 24, dhcp: { range: [{ start: '10.71.1.10', end: '10.71.1.99' }], ...dhcpSpec } }], ...more })

/** The pids of every dnsmasq of this test that runs. */
async function dnsmasqs ({ tmp }: KernelTest): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(async (pid) => await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_, i) => lines[i]?.includes(`dnsmasq\0--conf-file=${tmp}/`) === true).map(Number)
}

const echo = `require('net').createServer((s) => { s.on('error', () => {}).on('close', () => console.log('gone')); s.pipe(s) }).listen(7, '0.0.0.0', () => console.log('listening'))`
const talk = `
const s = require('net').connect(7, process.argv[1], () => setInterval(() => s.write('x'), 5))
let n = 0
s.on('data', (d) => { n += d.length; console.log('alive ' + n + ';') }).on('close', () => { console.log('closed'); process.exit(1) }).on('error', (e) => console.log(e.code))`
const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' }

/** A TCP connection that goes on and on. `alive` resolves when it has carried more than when it was asked. */
async function connection (from: Namespace, to: Namespace, address: string): Promise<{ alive (): Promise<void>, end (): Promise<void> }> {
  const server = to.spawn(process.execPath, ['-e', echo], { env })
  await server.until(/listening/)
  const client = from.spawn(process.execPath, ['-e', talk, address], { env })
  const alive = async (): Promise<void> => {
    const now = Number([...client.output().matchAll(/alive (\d+);/g)].at(-1)?.[1] ?? 0)
    for (;;) {
      await client.until(new RegExp(`closed|(?:alive (?!${now};)\\d+;[^]*?){1}$`))
      if (client.output().includes('closed')) throw new Error(`the connection is closed: ${client.output().slice(-200)}`)
      const then = Number([...client.output().matchAll(/alive (\d+);/g)].at(-1)?.[1] ?? 0)
      if (then > now + 20) return
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  // A connection that is not closed keeps its namespace.
  return { alive, end: async () => { client.child.kill(); await server.until(/gone/) } }
}

/** The host, its network, and a guest with an address of the network's DHCP, whose way out works. */
async function running (bed: KernelTest, definition: NetworkInput = red): Promise<{ readonly h: Host, readonly net: Network, readonly guest: Namespace, readonly outside: Namespace }> {
  const outside = await uplink(bed.ns)
  const h = await host(bed)
  const net = await h.create(definition)
  const guest = await bed.ns.add()
  // A MAC that is the same each time gets the same address of dnsmasq, so never the one that a test below reserves for somebody else.
  await net.attach({ kind: 'veth', netns: guest.name, hostDev: 'nwport0', mac: '52:54:00:00:08:08' })
  const lease = await dhcp(guest, bed.tmp)
  assert.match(lease?.ip ?? '', /^10\.71\.1\./)
  await gateway(bed.ns, OUTSIDE.four)
  return { h, net, guest, outside }
}

const needs = { needs: ['dnsmasq', 'nft', 'udhcpc', 'dig'] }

kernelTest(test, 'update: every option of a running network changes, and a guest\'s connection through it lives on', async (bed) => {
  const { ns } = bed
  const { h, net, guest, outside } = await running(bed)
  const { alive, end } = await connection(guest, outside, OUTSIDE.four)
  await alive()
  const report = await net.update(withDhcp({ range: [{ start: '10.71.1.10', end: '10.71.1.200' }] }, {
    forward: { mode: 'nat' }, mtu: 1400, mac: '52:54:00:00:00:02', bridge: { name: 'nwred', stp: true, delay: 4 }, title: 'another',
    ip: [
      { address: '10.71.1.1', prefix: 24, dhcp: { range: [{ start: '10.71.1.10', end: '10.71.1.200' }] } },
      { address: '10.71.2.1', prefix: 24 }, { family: 'ipv6', address: 'fd00:71::1', prefix: 64 },
    ],
    route: [{ address: '10.71.3.0', prefix: 24, gateway: '10.71.2.9' }],
  }))
  await alive()
  assert.equal(report.changes.map(({ what, interrupts }) => `${what}, ${interrupts}`), [
    'mtu: 1500 becomes 1400, blip', 'mac: 52:54:00:00:00:01 becomes 52:54:00:00:00:02, blip', 'stp: off becomes on, none', 'forward delay: 0 becomes 4, none',
    'address 10.71.2.1/24, none', 'address fd00:71::1/64, none', 'route 10.71.3.0/24 metric 1, none', 'dnsmasq, blip', 'title, none',
  ])
  const [bridge] = await ns.json<{ mtu: number, address: string, linkinfo: { info_data: Record<string, unknown> }, addr_info: { local: string, prefixlen: number }[] }[]>('ip', ['-j', '-d', 'addr', 'show', 'nwred'])
  assert.equal([bridge?.mtu, bridge?.address, bridge?.linkinfo.info_data['stp_state'], bridge?.linkinfo.info_data['forward_delay']], [1400, '52:54:00:00:00:02', 1, 400])
  assert.match(await ns.must('ip', ['-d', 'link', 'show', 'nwred']), /addrgenmode eui64/)
  assert.equal(bridge?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`).filter((one) => !one.startsWith('fe80')).sort(), ['10.71.1.1/24', '10.71.2.1/24', 'fd00:71::1/64'])
  assert.ok(bridge?.addr_info.some(({ local }) => local.startsWith('fe80')), 'the bridge speaks IPv6 with its guests')
  assert.match(await ns.must('ip', ['link', 'show', 'nwport0']), /mtu 1400/)
  assert.match(await ns.must('ip', ['route']), /10\.71\.3\.0\/24 via 10\.71\.2\.9 dev nwred proto 78 metric 1/)
  assert.match(await ns.must('nft', ['list', 'set', 'inet', 'netwright', 'gate6']), /"nwred" \. fd00:71::1/)
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv6.conf.all.forwarding']), '1\n')
  assert.ok(await ping(guest, '10.71.1.1'))
  assert.equal((await net.spec()).mtu, 1400)
  // And back: all of it goes, and nothing but what was there before is there.
  await net.update(red)
  await alive()
  const [again] = await ns.json<{ mtu: number, linkinfo: { info_data: Record<string, unknown> }, addr_info: { local: string }[] }[]>('ip', ['-j', '-d', 'addr', 'show', 'nwred'])
  assert.equal([again?.mtu, again?.linkinfo.info_data['stp_state'], again?.linkinfo.info_data['forward_delay'], again?.addr_info.map(({ local }) => local)], [1500, 0, 0, ['10.71.1.1']])
  assert.match(await ns.must('ip', ['-d', 'link', 'show', 'nwred']), /addrgenmode none/)
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv6.conf.all.forwarding']), '0\n')
  assert.equal((await net.update(red)).changes, [], 'the same once more does nothing')
  await end()
  await net.destroy()
  await h.close()
}, needs)

kernelTest(test, 'update: static leases and names reach the dnsmasq that runs, anything else a new one that keeps the leases', async (bed) => {
  const { h, net, guest } = await running(bed)
  const [first, ...none] = await dnsmasqs(bed)
  assert.equal(none, [])
  const leases = await net.leases.list()
  assert.is(leases.length, 1)
  const { changes } = await net.update(withDhcp({ host: [{ mac: '52:54:00:00:09:09', ip: '10.71.1.77', name: 'fixed' }] }, { dns: { host: [{ ip: '10.71.1.51', hostname: ['other'] }] } }))
  assert.equal(changes.map(({ what, interrupts }) => [what, interrupts]), [['dnsmasq', 'none']])
  assert.equal(await dnsmasqs(bed), [first])
  assert.equal((await dig(guest, '10.71.1.1', 'other.'))?.answers, ['10.71.1.51'])
  assert.not((await dig(guest, '10.71.1.1', 'known.'))?.answers.includes('10.71.1.50'))
  await guest.must('ip', ['link', 'add', 'm0', 'link', 'eth0', 'address', '52:54:00:00:09:09', 'type', 'macvlan', 'mode', 'bridge'])
  assert.is((await dhcp(guest, bed.tmp, { dev: 'm0' }))?.ip, '10.71.1.77')
  await guest.must('ip', ['link', 'del', 'm0'])
  await net.update(withDhcp({}, { domain: { name: 'red.test' } }))
  const [second, ...more] = await dnsmasqs(bed)
  assert.equal(more, [])
  assert.is.not(second, first)
  assert.ok((await net.leases.list()).some(({ mac }) => mac === leases[0]?.mac), 'the lease is kept')
  assert.is((await dhcp(guest, bed.tmp))?.domain, 'red.test')
  // Without leases and names there is none.
  await net.update({ ...red, ip: [{ address: '10.71.1.1', prefix: 24 }], dns: { enable: false } })
  assert.equal(await dnsmasqs(bed), [])
  await net.update(red)
  assert.is((await dnsmasqs(bed)).length, 1)
  assert.ok(await dhcp(guest, bed.tmp))
  await net.destroy()
  assert.equal(await dnsmasqs(bed), [])
  await h.close()
}, needs)

kernelTest(test, 'update: a dnsmasq that dies afterwards comes back with the new definition, in whichever process watches it', async (bed) => {
  const { h, net, guest } = await running(bed)
  await using other = await host(bed, { supervise: false })
  const heard = new AbortController()
  let listening: () => void = () => undefined
  const ready = new Promise<void>((resolve) => { listening = resolve })
  const told = (async () => {
    for await (const event of h.events({ signal: heard.signal })) {
      if (event.kind === 'snapshot') listening()
      if (event.kind === 'network' && event.change === 'updated') return event.network
    }
    return ''
  })()
  await ready
  await (await other.network('red')).update(withDhcp({}, { dns: { host: [{ ip: '10.71.1.52', hostname: ['newer'] }] } }))
  assert.is(await told, 'red')
  heard.abort()
  for (const pid of await dnsmasqs(bed)) process.kill(pid, 'SIGKILL')
  const answers = await eventually('its answer', async () => { const found = (await dig(guest, '10.71.1.1', 'newer.'))?.answers ?? []; return found.length > 0 ? found : undefined })
  assert.equal(answers, ['10.71.1.52'])
  await net.destroy()
  await h.close()
}, needs)

kernelTest(test, 'update: the modes of forwarding change what passes, in one commit', async (bed) => {
  const { ns } = bed
  const { h, net, guest, outside } = await running(bed)
  assert.ok(await ping(guest, OUTSIDE.four))
  const watch = await nftMonitor(ns)
  const { changes } = await net.update({ ...red, forward: 'none' })
  assert.equal(changes.map(({ what, interrupts }) => [what, interrupts]), [['forward mode: nat becomes none', 'outage'], ['dnsmasq', 'blip']])
  assert.not(await ping(guest, OUTSIDE.four, 1))
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward']), '0\n')
  assert.not.match(await ns.must('nft', ['list', 'ruleset']), /table inet netwright-guard/)
  await net.update({ ...red, forward: 'route' })
  await outside.must('ip', ['route', 'add', '10.71.1.0/24', 'via', '198.51.100.1'])
  assert.ok(await ping(guest, OUTSIDE.four))
  const [address] = (await guest.json<{ addr_info: { local: string }[] }[]>('ip', ['-j', '-4', 'addr', 'show', 'eth0']))[0]?.addr_info ?? []
  assert.ok(await ping(outside, address?.local ?? ''), 'from outside, too')
  await net.update(red)
  assert.ok(await ping(guest, OUTSIDE.four))
  assert.not(await ping(outside, address?.local ?? '', 1))
  await ns.must('nft', ['add', 'table', 'ip', 'mark1'])
  await watch.until(/table ip mark1/)
  await ns.must('nft', ['delete', 'table', 'ip', 'mark1'])
  const commits = watch.output().split('# new generation').filter((part) => /element inet netwright /.test(part))
  assert.is(commits.length, 3, watch.output())
  await net.destroy()
  await h.close()
}, needs)

kernelTest(test, 'update: an address that moves within its subnet leaves the routes and the other addresses alone', async (bed) => {
  const { ns } = bed
  await using h = await host(bed)
  const at = (...addresses: readonly string[]): NetworkInput => ({
    name: 'red', forward: 'route', bridge: 'nwred', dns: { enable: false }, route: [{ address: '10.73.0.0', prefix: 16, gateway: '10.72.0.99' }],
    ip: addresses.map((one) => ({ ...one.includes(':') ? { family: 'ipv6' as const } : {}, address: one.split('/')[0] ?? '', prefix: Number(one.split('/')[1]) })),
  })
  const net = await h.create(at('10.72.0.1/24', '10.72.0.2/24', 'fd00:72::1/64'))
  const has = async (): Promise<string[]> => ((await ns.json<{ addr_info: { local: string, prefixlen: number }[] }[]>('ip', ['-j', 'addr', 'show', 'nwred']))[0]?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`).filter((one) => !one.startsWith('fe80')).sort()
  for (const step of [['10.72.0.2/24', 'fd00:72::1/64'], ['10.72.0.3/24', 'fd00:72::1/56'], ['10.72.0.3/16', 'fd00:72::2/56'], ['10.72.0.1/24', '10.72.0.2/24', 'fd00:72::1/64']]) {
    await net.update(at(...step))
    assert.equal(await has(), [...step].sort())
    assert.match(await ns.must('ip', ['route']), /10\.73\.0\.0\/16 via 10\.72\.0\.99/)
  }
  await net.update({ ...at('10.72.0.1/24'), route: [{ address: '10.73.0.0', prefix: 16, gateway: '10.72.0.98' }] })
  assert.match(await ns.must('ip', ['route']), /10\.73\.0\.0\/16 via 10\.72\.0\.98/)
  await net.destroy()
})

kernelTest(test, 'update: what cannot be done while it runs, or is in somebody\'s way, is refused and changes nothing', async (bed) => {
  const { ns } = bed
  await using h = await host(bed, { supervise: false })
  const net = await h.create(red)
  await h.create({ ...red, name: 'blue', bridge: 'nwblue', mac: '52:54:00:00:00:09', ip: [{ address: '10.81.0.1', prefix: 24 }], dns: { enable: false } })
  const look = async (): Promise<Snapshot> => await state({ netns: ns.name, guest: ns.name, root: bed.tmp })
  const before = await look()
  const refused = async (definition: NetworkInput): Promise<readonly unknown[]> => {
    try { await net.update(definition); return ['nothing'] } catch (error) { return error instanceof NetwrightError ? [error.code, error.message] : [String(error)] }
  }
  assert.match(String(await refused({ ...red, bridge: 'nwother' })), /NETWRIGHT_UNSUPPORTED,network red cannot be changed while it runs: bridge: nwred becomes nwother/)
  assert.match(String(await refused({ ...red, name: 'green' })), /NETWRIGHT_INVALID,name: a network cannot be given another name/)
  assert.match(String(await refused({ ...red, uuid: '00000000-0000-4000-8000-000000000001' })), /NETWRIGHT_UNSUPPORTED.*another uuid/)
  assert.match(String(await refused({ ...red, ip: [{ address: '10.81.0.129', prefix: 25 }] })), /NETWRIGHT_SUBNET_IN_USE,network red: .*10\.81\.0\.0\/24/)
  assert.match(String(await refused({ ...red, mtu: 3 })), /NETWRIGHT_INVALID/)
  // The port of DNS on the new address is taken, so dnsmasq cannot start with it: the old one must answer again.
  await ns.must('ip', ['addr', 'add', '10.71.4.1/32', 'dev', 'lo'])
  const squatter = ns.spawn('dnsmasq', ['-k', '-C', '/dev/null', '--log-facility=-', '--pid-file=', '--user=root', '--no-resolv', '--bind-interfaces', '--listen-address=10.71.4.1', '--interface=lo', '--except-interface=nwred'])
  await squatter.until(/started, version/)
  const [code] = await refused({ ...red, ip: [{ address: '10.71.4.1', prefix: 24 }] })
  assert.ok(code === 'NETWRIGHT_SUBNET_IN_USE' || code === 'NETWRIGHT_PORT_IN_USE', String(code))
  await squatter.stop()
  await ns.must('ip', ['addr', 'del', '10.71.4.1/32', 'dev', 'lo'])
  assert.equal(await settle(before, look), [])
  for (const one of await h.networks()) await (await h.network(one.name)).destroy()
}, needs)

kernelTest(test, 'update: a network that can neither change nor be put back, since somebody took its addresses, can be destroyed', async (bed) => {
  const h = await host(bed, { supervise: false })
  try {
    const net = await h.create(red)
    await bed.ns.must('ip', ['addr', 'flush', 'dev', 'nwred'])
    const change = async (): Promise<unknown> => await net.update(withDhcp({ range: [{ start: '10.71.1.10', end: '10.71.1.50' }] })).catch((error: unknown) => error)
    for (const error of [await change(), await change()]) assert.is(error instanceof NetwrightError && error.code, 'NETWRIGHT_UNDO_INCOMPLETE')
    await net.destroy()
    assert.equal(await dnsmasqs(bed), [])
    await (await h.create(red)).destroy()
  } finally { await h.close() }
}, needs)

test.run()
