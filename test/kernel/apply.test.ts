/** Plan, apply, prune: `ip`, `nft` and guests say what stands, `ip monitor` and the files' times that nothing was done. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, type Change, type Host, type Plan } from '../../src/index.js'
import { ping } from '../harness/guest.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'
import { eventually, host, OUTSIDE, uplink } from './bed.js'

const source = '/lab.yaml'
const lab = {
  networks: [
    { name: 'red', forward: 'nat', subnet: 'auto/24', dhcp: true, autostart: true, ports: [{ kind: 'tap', dev: 'red0', address: 'auto', hostname: 'vm1' }, { kind: 'tap', hostname: 'vm2' }] },
    { name: 'blue', subnet: '10.9.0.0/24', persistent: false },
    { name: 'green', subnet: '10.10.0.0/24', active: false },
  ],
} as const

interface Link { readonly ifname: string, readonly ifindex: number, readonly mtu: number, readonly address: string, readonly master?: string, readonly linkinfo?: { readonly info_kind?: string } }
const links = async (ns: Namespace): Promise<readonly Link[]> => (await ns.json<Link[]>('ip', ['-j', '-d', 'link', 'show'])).filter(({ ifname }) => ifname !== 'lo' && !ifname.startsWith('nwx'))
const linkNamed = async (ns: Namespace, name: string): Promise<Link | undefined> => (await links(ns)).find(({ ifname }) => ifname === name)
const stored = async (tmp: string): Promise<string[]> => (await readdir(join(tmp, 'etc/netwright/networks'))).filter((name) => name.endsWith('.xml')).sort()
const words = ({ changes }: Plan): string[] => changes.filter(({ kind }) => kind !== 'source').map(({ what, interrupts }: Change) => interrupts === 'none' ? what : `${what}: ${interrupts}`)
async function codeOf (work: () => Promise<unknown>): Promise<string> {
  try { await work() } catch (error) { return error instanceof NetwrightError ? error.code : String(error) }
  return 'none'
}
async function clear (open: Host, ...names: readonly string[]): Promise<void> {
  await open.apply({ networks: names.map((name) => ({ name })) }, { remove: true })
}

/** Every file below a directory, with what tells whether it was touched. */
async function files (path: string): Promise<string[]> {
  const names = await readdir(path, { recursive: true }).catch(() => [])
  const lines = await Promise.all(['', ...names].map(async (name) => {
    const found = await stat(join(path, name)).catch(() => undefined)
    return found === undefined ? `${name} gone` : [name, found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ')
  }))
  return lines.sort()
}

kernelTest(test, 'apply: what is named is made; a second time no file is written and the kernel is told nothing', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context, { supervise: false })
  const plan = await open.apply(lab, { source })
  assert.equal(words(plan).slice(0, 4), ['define network red', 'define network green', 'mark network red for autostart', 'start network red'])
  assert.equal((await links(ns)).map(({ linkinfo }) => linkinfo?.info_kind).sort(), ['bridge', 'bridge', 'tun', 'tun'])
  assert.is((await linkNamed(ns, 'red0'))?.master, 'virbr0')
  assert.equal(await stored(tmp), ['green.xml', 'red.xml'])
  assert.not.match(await readFile(join(tmp, 'etc/netwright/networks/red.xml'), 'utf8'), /lab\.yaml/)
  assert.equal((await open.networks()).map(({ name, active, persistent, autostart }) => [name, active, persistent, autostart]), [['blue', true, false, false], ['green', false, true, false], ['red', true, true, true]])

  // The kernel tells a moment later that nobody has opened the TAPs, and of their bridge later still, or when somebody asks.
  for (const type of ['tun', 'bridge']) await eventually(`the end of the carrier of each ${type}`, async () => /UNKNOWN| UP /.test(await ns.must('ip', ['-br', 'link', 'show', 'type', type])) ? undefined : true)
  const before = [...await files(tmp), ...await files('/run/netwright')]
  const told = ns.spawn('ip', ['-o', 'monitor', 'link', 'address', 'route', 'rule'])
  const rules = ns.spawn('nft', ['monitor'])
  const mark = async (n: number): Promise<void> => {
    await ns.must('ip', ['link', 'add', `mark${String(n)}`, 'type', 'bridge'])
    await ns.must('nft', ['add', 'table', 'ip', `mark${String(n)}`])
  }
  // Monitors are ready when they have seen something.
  for (let n = 0; !(/mark\d/.test(told.output()) && /mark\d/.test(rules.output())); n++) {
    await mark(n)
    await Promise.race([Promise.all([told.until(/mark\d/), rules.until(/mark\d/)]), new Promise((resolve) => { setTimeout(resolve, 50) })])
  }
  const [seen, ruled] = [told.output(), rules.output()].map((text) => text.lastIndexOf('\n') + 1) // of a line that has half come all counts
  for (const prune of [false, true]) assert.equal((await open.apply(lab, { source, prune })).changes, [])
  await using another = await host(context, { supervise: false })
  assert.equal((await another.apply(lab, { source })).changes, [])
  await mark(99)
  await Promise.all([told.until(/mark99/), rules.until(/mark99/)])
  const left = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !/mark|generation|^#/.test(line))
  assert.equal([...left(told.output().slice(seen)), ...left(rules.output().slice(ruled))], [])
  assert.equal([...await files(tmp), ...await files('/run/netwright')], before)

  await clear(open, 'red', 'blue', 'green')
  assert.equal(await stored(tmp), [])
  assert.equal((await links(ns)).filter(({ ifname }) => !ifname.startsWith('mark')), [])
}, { needs: ['dnsmasq', 'nft', 'tun'], leaves: true })

kernelTest(test, 'apply: what chance chose stays, when the file says more and when it says less', async (context) => {
  const { ns } = context
  await using open = await host(context, { supervise: false })
  await open.apply(lab, { source })
  const [red, vm2] = [await linkNamed(ns, 'virbr0'), (await (await open.network('red')).ports()).find(({ dev }) => dev !== 'red0')]
  const spec = await (await open.network('red')).spec()
  const [first] = lab.networks
  const wanted = { ...first, mtu: 1400, dns: { host: [{ ip: '10.1.2.3', hostname: ['x.example'] }] } }
  const plan = await open.apply({ networks: [wanted] }, { source })
  assert.equal(words(plan), ['redefine network red', 'change network red while it runs: blip'])
  const now = await (await open.network('red')).spec()
  assert.equal({ ...now, mtu: undefined, dns: undefined }, { ...spec, mtu: undefined, dns: undefined })
  const after = await linkNamed(ns, 'virbr0')
  assert.equal([after?.ifindex, after?.address, after?.mtu], [red?.ifindex, red?.address, 1400])
  assert.is((await linkNamed(ns, 'red0'))?.mtu, 1400)
  assert.equal((await (await open.network('red')).ports()).find(({ dev }) => dev === vm2?.dev)?.mac, vm2?.mac)
  await open.apply(lab, { source })
  assert.equal(await (await open.network('red')).spec(), spec)
  await clear(open, 'red', 'blue', 'green')
}, { needs: ['dnsmasq', 'nft', 'tun'] })

const talk = `
const [address, port] = process.argv.slice(1)
const socket = require('net').connect({ host: address, port: Number(port) }, () => console.log('connected'))
let said = 0
socket.on('data', (data) => console.log(String(data))).on('error', (error) => { console.log('lost ' + error.code); process.exit(1) })
process.on('SIGUSR1', () => socket.write('word' + ++said))`
const listen = `require('net').createServer((s) => { s.on('error', () => {}); s.on('data', (d) => s.write('heard ' + d)) }).listen(Number(process.argv[1]), () => console.log('listening'))`

kernelTest(test, 'apply: a guest\'s connection through NAT goes on while its network is changed', async (context) => {
  const { ns } = context
  const outside = await uplink(ns)
  const guest = await ns.add()
  await using open = await host(context, { supervise: false })
  const file = (more: object): object => ({ networks: [{ name: 'red', forward: 'nat', subnet: '10.66.0.0/24', dhcp: true, ...more, ports: [{ kind: 'veth', netns: guest.path, address: 'auto', hostname: 'g', defaultRoute: true }] }] })
  await open.apply(file({}), { source })
  assert.ok(await ping(guest, OUTSIDE.four))
  const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' }
  const server = outside.spawn(process.execPath, ['-e', listen, '7777'], { env })
  await server.until(/listening/)
  const client = guest.spawn(process.execPath, ['-e', talk, OUTSIDE.four, '7777'], { env })
  await client.until(/connected/)
  let word = 0
  const heard = async (): Promise<void> => {
    process.kill(client.pid, 'SIGUSR1')
    await client.until(new RegExp(`heard word${String(++word)}$`, 'm'))
  }
  await heard()
  for (const more of [{ mtu: 1400 }, { dns: { host: [{ ip: '10.66.0.9', hostname: ['nine.example'] }] } }, { forward: 'nat', bridge: { stp: true } }, { domain: { name: 'lab.example' }, description: 'more' }]) {
    const plan = await open.plan(file(more), { source })
    assert.ok(plan.changes.every(({ interrupts }) => interrupts !== 'outage'), JSON.stringify(words(plan)))
    await open.apply(plan)
    await heard()
  }
  assert.ok(await ping(guest, OUTSIDE.four))
  // A connection that cannot be closed any more would keep its namespace for minutes.
  process.kill(client.pid, 'SIGTERM')
  await eventually('the end of the connection', async () => (await guest.must('ss', ['-Htn', 'state', 'connected', 'exclude', 'time-wait'])).trim() === '' ? true : undefined)
  await clear(open, 'red')
}, { needs: ['dnsmasq', 'nft'] })

kernelTest(test, 'apply: a bridge that gets another name is an outage, said before; its ports come back', async (context) => {
  const { ns } = context
  await using open = await host(context, { supervise: false })
  const file = (bridge: string): object => ({ name: 'red', subnet: '10.66.0.0/24', bridge, ports: [{ kind: 'tap', dev: 'red0' }] })
  await open.apply(file('br-a'))
  const tap = await linkNamed(ns, 'red0')
  const plan = await open.plan(file('br-b'))
  assert.equal(words(plan), ['stop network red: outage', 'redefine network red', 'start network red'])
  assert.equal(plan.inverse.map(({ what }) => what), ['stop network red', 'redefine network red', 'start network red'])
  await open.apply(plan)
  const after = await linkNamed(ns, 'red0')
  assert.equal([after?.ifindex, after?.master], [tap?.ifindex, 'br-b'])
  assert.is(await linkNamed(ns, 'br-a'), undefined)
  await clear(open, 'red')
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'apply: prune removes what the same file made and names no more, nothing else', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context, { supervise: false })
  const hand = await open.define({ name: 'hand', subnet: '10.20.0.0/24', bridge: 'br-hand' })
  await hand.start()
  await hand.attach({ kind: 'tap', dev: 'hand0', fds: false })
  await open.apply({ name: 'other', subnet: '10.21.0.0/24', bridge: 'br-other' }, { source: '/other' })
  const ports = [{ network: 'hand', kind: 'tap', dev: 'lab0' }] as const
  // A network made by hand may be named, and is not the file's for that.
  await open.apply({ networks: [{ name: 'one', subnet: '10.22.0.0/24', bridge: 'br-one' }, { name: 'two', active: false, bridge: 'br-two' }, { name: 'three', persistent: false, bridge: 'br-three' }, { name: 'hand', subnet: '10.20.0.0/24', bridge: 'br-hand' }], ports }, { source })
  assert.equal((await open.apply({ name: 'one', subnet: '10.22.0.0/24', bridge: 'br-one' }, { source })).changes, [], 'without prune nothing goes')
  await using later = await host(context, { supervise: false })
  const plan = await later.apply({ name: 'one', subnet: '10.22.0.0/24', bridge: 'br-one' }, { source, prune: true })
  assert.equal(words(plan).sort(), ['detach tap lab0 from network hand: outage', 'stop network three: outage', 'undefine network two'])
  assert.equal((await links(ns)).map(({ ifname }) => ifname).sort(), ['br-hand', 'br-one', 'br-other', 'hand0'])
  assert.equal(await stored(tmp), ['hand.xml', 'one.xml', 'other.xml'])
  // A network of the same name, made by hand after the file's was undefined, is not the file's.
  await (await open.network('one')).destroy()
  await (await open.network('one')).undefine()
  await open.define({ name: 'one', subnet: '10.22.0.0/24', bridge: 'br-one' })
  assert.equal((await open.apply([], { source, prune: true })).changes, [])
  assert.is(await codeOf(async () => await open.plan([], { prune: true })), 'NETWRIGHT_INVALID')
  // What two files name is the later one's.
  await open.apply({ name: 'other', subnet: '10.21.0.0/24', bridge: 'br-other' }, { source })
  assert.equal((await open.apply([], { source: '/other', prune: true })).changes, [])
  assert.equal(words(await open.apply([], { source, prune: true })), ['stop network other: outage', 'undefine network other'])
  await clear(open, 'hand', 'one')
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'apply: a network that takes over bridge, subnet and port of one that goes comes after it', async (context) => {
  const { ns } = context
  await using open = await host(context, { supervise: false })
  const file = (name: string): object => ({ name, subnet: '10.66.0.0/24', bridge: 'br-lab', ports: [{ kind: 'tap', dev: 'lab0' }] })
  await open.apply(file('old'), { source })
  const plan = await open.apply(file('new'), { source, prune: true })
  assert.equal(words(plan), ['detach tap lab0 from network old: outage', 'stop network old: outage', 'undefine network old', 'define network new', 'start network new', 'attach tap lab0 to network new'])
  assert.is((await linkNamed(ns, 'lab0'))?.master, 'br-lab')
  assert.equal((await open.networks()).map(({ name }) => name), ['new'])
  await clear(open, 'new')
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'apply: a plan that was kept as JSON is carried out, unless the host has changed since', async (context) => {
  const { ns } = context
  await using open = await host(context, { supervise: false })
  const text = JSON.stringify(await open.plan(lab, { source }))
  const stranger = await open.create({ name: 'stranger', bridge: 'br-strange' })
  await using another = await host(context, { supervise: false })
  await another.apply(JSON.parse(text) as Plan)
  assert.is((await linkNamed(ns, 'red0'))?.master, 'virbr0', 'a network that the plan does not rest on is no reason')
  assert.is(await codeOf(async () => await open.apply(JSON.parse(text) as Plan)), 'NETWRIGHT_STALE_PLAN')
  for (const change of [
    async (): Promise<void> => { await (await open.network('red')).setAutostart(false) }, async () => { await (await open.network('blue')).destroy() },
    async () => { await (await open.network('red')).detach('red0') }, async () => { await open.define({ name: 'green', subnet: '10.11.0.0/24' }) }, async () => { await ns.must('ip', ['link', 'del', (await (await open.network('red')).ports())[0]?.dev ?? '']) },
  ]) {
    const plan = await open.plan({ ...lab, networks: lab.networks.map((network) => ({ ...network, title: 'other' })) }, { source })
    await change()
    const names = async (): Promise<string[]> => (await links(ns)).map(({ ifname, ifindex }) => `${String(ifindex)} ${ifname}`)
    const now = await names()
    assert.is(await codeOf(async () => await another.apply(plan)), 'NETWRIGHT_STALE_PLAN')
    assert.equal(await names(), now, 'nothing was done')
    await open.apply(lab, { source })
  }
  const plan = await open.plan({ name: 'red' }, { source })
  const [first] = plan.changes
  const undefine = { kind: 'stored', network: 'blue', what: 'w', reason: 'r', interrupts: 'none' }
  const other = await (await open.network('stranger')).spec()
  for (const broken of [{ ...plan, changes: [undefine] }, { ...plan, changes: [{ ...undefine, kind: 'running', from: other }] }, { ...plan, changes: [{ ...undefine, kind: 'running', network: 'stranger', from: other }] }, { ...plan, changes: [{ ...first, to: { name: 'x' } }] }, { ...plan, changes: [{ kind: 'rm -rf' }] }, { ...plan, fingerprint: 'x' }, { ...plan, owner: 'else' }]) {
    assert.is(await codeOf(async () => await open.apply(JSON.parse(JSON.stringify(broken)) as Plan)), 'NETWRIGHT_INVALID')
  }
  const spec = await (await open.network('red')).spec()
  const unfit = { ...plan, changes: [{ ...undefine, network: 'red', from: { ...spec, title: 'never' }, to: spec }] }
  assert.is(await codeOf(async () => await open.apply(JSON.parse(JSON.stringify(unfit)) as Plan)), 'NETWRIGHT_STALE_PLAN', 'what it changes is not what there is')
  await clear(open, 'red', 'blue', 'green')
  await stranger.destroy()
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'apply: two at once are one after the other, and both are true', async (context) => {
  await using one = await host(context, { supervise: false })
  await using two = await host(context, { supervise: false })
  const file = (n: number): object => ({ networks: [{ name: 'shared', subnet: '10.66.0.0/24', ports: [{ kind: 'tap', dev: `tap${String(n)}` }] }, { name: `own${String(n)}`, subnet: `10.6${String(n)}.0.0/24` }] })
  await Promise.all([one.apply(file(1)), two.apply(file(2))])
  assert.equal((await one.networks()).map(({ name, ports }) => [name, ports]), [['own1', 0], ['own2', 0], ['shared', 2]])
  await clear(one, 'shared', 'own1', 'own2')
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'apply: a network whose bridge somebody has deleted or renamed is stopped and started, and takes no port before', async (context) => {
  const { ns } = context
  await using open = await host(context, { supervise: false })
  const lost = { networks: [{ name: 'red', bridge: 'br-red', subnet: '10.66.0.0/24', dhcp: true, ports: [{ kind: 'tap', dev: 'red0', address: 'auto' }] }, { name: 'blue', bridge: 'br-blue', persistent: false, ports: [{ kind: 'tap', dev: 'blue0' }] }] } as const
  await open.apply(lost, { source })
  for (const harm of [['link', 'del'], ['link', 'set', 'name', 'br-other']]) {
    for (const bridge of ['br-red', 'br-blue']) {
      await ns.must('ip', ['link', 'set', bridge, 'down'])
      await ns.must('ip', [...harm.slice(0, 2), 'dev', bridge, ...harm.slice(2)])
      const name = bridge.slice(3)
      assert.is(await codeOf(async () => await (await open.network(name)).attach({ kind: 'tap', fds: false })), 'NETWRIGHT_INACTIVE')
      assert.is(await codeOf(async () => await (await open.network(name)).update({ ...await (await open.network(name)).spec(), mtu: 1400 })), 'NETWRIGHT_INACTIVE')
      assert.match(words(await open.apply(lost, { source })).join(), new RegExp(`stop network ${name}: outage,start network ${name}`))
      assert.is((await linkNamed(ns, `${name}0`))?.master, bridge)
      assert.equal((await open.apply(lost, { source })).changes, [])
    }
  }
  await clear(open, 'red', 'blue')
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'apply: prune leaves what somebody has made by hand, under the uuid of what the file once named', async (context) => {
  await using open = await host(context, { supervise: false })
  const uuid = 'c7a5fdbd-edaf-9455-926a-d65c16db1809'
  const undo: readonly (() => Promise<void>)[] = [
    async () => { await (await open.network('red')).destroy(); await (await open.network('red')).undefine() },
    async () => { const red = await open.network('red'); await red.undefine(); await red.destroy() },
  ]
  for (const gone of undo) {
    await open.apply([{ name: 'red', uuid }], { source })
    await gone()
    await open.define({ name: 'red', uuid })
    assert.equal((await open.plan([], { source, prune: true })).changes, [])
    await (await open.network('red')).undefine()
  }
  const ports = Array.from({ length: 1024 }, (_, i) => ({ kind: 'tap', dev: `t${String(i)}` } as const))
  assert.is(await codeOf(async () => await open.plan([{ name: 'red', ports }])), 'NETWRIGHT_INVALID', 'more ports than a bridge has')
  assert.is(await codeOf(async () => await open.plan({ networks: [{ name: 'red' }], ports: ports.map((port) => ({ ...port, network: 'red' })) })), 'NETWRIGHT_INVALID')
}, { needs: ['nft'] })

kernelTest(test, 'apply: two running networks swap their subnets, or one takes that of another which moves', async (context) => {
  const { ns } = context
  await using open = await host(context, { supervise: false })
  const file = (...nets: readonly number[]): object => ({ networks: ['red', 'blue'].map((name, i) => ({ name, bridge: `br-${name}`, subnet: `10.${String(nets[i])}.0.0/24`, dhcp: true, ports: [{ kind: 'tap', dev: `${name}0`, address: 'auto' }] })) })
  const reached = async (): Promise<string[]> => (await ns.json<{ dst: string, dev: string }[]>('ip', ['-j', 'route'])).map(({ dst, dev }) => `${dst} ${dev}`).sort()
  for (const [one, two] of [[1, 2], [2, 1], [1, 3], [4, 1]] as const) {
    await open.apply(file(one, two), { source })
    assert.equal(await reached(), [`10.${String(one)}.0.0/24 br-red`, `10.${String(two)}.0.0/24 br-blue`].sort())
    assert.equal([(await linkNamed(ns, 'red0'))?.master, (await linkNamed(ns, 'blue0'))?.master], ['br-red', 'br-blue'])
    assert.equal((await open.apply(file(one, two), { source })).changes, [])
  }
  const failing = await host(context, { supervise: false })
  await ns.must('ip', ['link', 'add', 'br-strange', 'type', 'bridge'])
  assert.is(await codeOf(async () => await failing.apply({ networks: [...(file(1, 4) as { networks: [] }).networks, { name: 'bad', bridge: 'br-strange' }] }, { source })), 'NETWRIGHT_NAME_IN_USE')
  assert.equal(await reached(), ['10.1.0.0/24 br-blue', '10.4.0.0/24 br-red'], 'the swap is undone')
  assert.equal((await failing.apply(file(4, 1), { source })).changes, [])
  await ns.must('ip', ['link', 'del', 'br-strange'])
  await clear(failing, 'red', 'blue')
  await failing.close()
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'apply: nothing at all, where a value was forgotten, is no wish for nothing', async (context) => {
  await using open = await host(context, { supervise: false })
  await open.apply([{ name: 'red' }], { source })
  const forgotten: unknown = {}
  const { wish } = forgotten as { wish: [] }
  for (const work of [
    async () => await open.apply(wish, { source, prune: true }), async () => await open.apply([], { source: '' }),
    async () => await open.apply([], JSON.parse('null') as undefined), async () => await open.create(JSON.parse('[null]') as []), async () => await open.transaction(JSON.parse('null') as () => void),
  ]) assert.is(await codeOf(work), 'NETWRIGHT_INVALID')
  assert.equal((await open.networks()).map(({ name }) => name), ['red'])
  assert.equal(words(await open.apply([], { source, prune: true })), ['stop network red: outage', 'undefine network red'])
}, { needs: ['nft'] })

test.run()
