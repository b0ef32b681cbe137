/** Many changes as one: all of them, or none and a name. */
import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError, KernelError, NetwrightError, type Host, type NetworkDefinition, type NetworkInput, type NetworkWithPorts, type Transaction } from '../../src/index.js'
import { openChannel } from '../../src/netlink/channel.js'
import { addressRequest } from '../../src/kernel/addr.js'
import { send } from '../../src/netlink/call.js'
import { sendPieces } from '../../src/engine/sending.js'
import { silent } from '../../src/log.js'
import { kernelTest, type KernelTest, type TestNamespace } from '../harness/kernel-test.js'
import { settle, type Snapshot } from '../harness/snapshot.js'
import { state } from '../faults/state.js'
import { host, nftMonitor } from './bed.js'

type Item = NetworkDefinition | NetworkWithPorts
interface Link { readonly ifname: string, readonly master?: string, readonly ifindex: number, readonly flags: readonly string[], readonly linkinfo?: { readonly info_kind: string, readonly info_data?: { readonly persist?: boolean } } }

const plain = (i: number, more: Partial<NetworkInput> = {}): NetworkInput => ({ name: `net${i}`, forward: 'nat', subnet: `10.60.${i}.0/24`, bridge: `nwb${i}`, dns: { enable: false }, ...more })
const many = (count: number): NetworkInput[] => Array.from({ length: count }, (_, i) => plain(i))
const linksOf = async (ns: TestNamespace): Promise<Map<string, Link>> => new Map((await ns.json<Link[]>('ip', ['-j', '-d', 'link', 'show'])).map((link) => [link.ifname, link]))
const thrown = async (work: () => Promise<unknown>): Promise<unknown> => await work().then(() => assert.unreachable('nothing was thrown'), (error: unknown) => error)

/** Runs `work`, after which namespace, files and processes are as before. */
async function unchanged ({ ns, tmp }: Pick<KernelTest, 'ns' | 'tmp'>, h: Host, work: () => Promise<void>): Promise<void> {
  await h.settled()
  // Empty directories say nothing.
  const look = async (): Promise<Snapshot> => new Map([...await state({ netns: ns.name, guest: ns.name, root: tmp })].map(([heading, lines]) => [heading, lines.filter((line) => !line.endsWith('/'))]))
  const before = await look()
  await work()
  await h.settled()
  assert.equal((await settle(before, look)).slice(0, 5), [])
}

/** What `work` throws. */
async function refused (work: () => Promise<unknown>): Promise<NetwrightError> {
  const error = await thrown(work)
  assert.ok(error instanceof NetwrightError, String(error))
  return error
}

kernelTest(test, 'transaction: networks, ports, an update and removals are made as one, by one nft commit', async (bed) => {
  const { ns } = bed
  const inside = await ns.add()
  await using h = await host(bed, { supervise: false })
  await h.create([plain(0), plain(1), plain(2)])
  await (await h.network('net1')).attach({ kind: 'tap', dev: 'old0', fds: false })
  const watch = await nftMonitor(ns)
  const { networks, ports, updates } = await h.transaction((tx) => {
    tx.create(plain(3), [{ kind: 'tap', dev: 'tap3' }, { kind: 'veth', netns: inside.name, hostDev: 'veth3', address: 'auto', defaultRoute: true }])
    tx.update(plain(1, { mtu: 1400, forward: 'route' }))
    tx.attach('net0', { kind: 'tap', dev: 'tap0', fds: true, queues: 2 })
    tx.create(plain(4))
    tx.destroy('net2')
    tx.detach('net1', 'old0')
  })
  assert.equal(networks.map(({ name }) => name), ['net3', 'net1', 'net4'])
  assert.equal(ports.map(({ dev, network, fds }) => [dev, network, fds.length]), [['tap3', 'net3', 0], ['veth3', 'net3', 0], ['tap0', 'net0', 2]])
  assert.equal(updates.map(({ name, changes }) => [name, changes.map(({ what, interrupts }) => [what, interrupts])]), [['net1', [['mtu: 1500 becomes 1400', 'blip'], ['forward mode: nat becomes route', 'none']]]])
  const links = await linksOf(ns)
  assert.equal([...links.keys()].filter((name) => !name.startsWith('nwx')).sort(), ['lo', 'nwb0', 'nwb1', 'nwb3', 'nwb4', 'tap0', 'tap3', 'veth3'])
  assert.is(links.get('tap3')?.master, 'nwb3')
  assert.ok(links.get('tap3')?.linkinfo?.info_data?.persist)
  assert.is(links.get('tap0')?.master, 'nwb0')
  assert.not(links.get('tap0')?.linkinfo?.info_data?.persist)
  assert.match(await ns.must('ip', ['link', 'show', 'nwb1']), /mtu 1400/)
  assert.match(await inside.must('ip', ['route']), /default via 10\.60\.3\.1 dev eth0/)
  assert.match(await inside.must('ip', ['-br', 'addr', 'show', 'eth0']), new RegExp(`${(ports[1]?.ip ?? '?').replaceAll('.', '\\.')}/24`))
  assert.ok((await inside.exec('ping', ['-c', '1', '-w', '30', '10.60.3.1'])).code === 0)
  const table = await ns.must('nft', ['list', 'table', 'inet', 'netwright'])
  for (const name of ['nwb0', 'nwb1', 'nwb3', 'nwb4']) assert.match(table, new RegExp(`set ours \\{[^}]*"${name}"`))
  assert.not.match(table, /nwb2/)
  await watch.until(/delete element inet netwright ours \{ "nwb2" \}[^#]*# new generation/)
  const commits = watch.output().split('# new generation').map((part) => part.split('\n').filter((line) => /element/.test(line)))
  assert.is(commits.findIndex((lines) => lines.some((line) => line.includes('nwb3'))), commits.findIndex((lines) => lines.some((line) => line.includes('nwb4'))))
  assert.ok(commits.some((lines) => lines.some((line) => line.includes('add') && line.includes('nwb3')) && lines.some((line) => line.includes('delete') && line.includes('nwb1'))), 'the update is in the same commit')
  await ports[2]?.[Symbol.asyncDispose]()
  for (const { name } of await h.networks()) await (await h.network(name)).destroy()
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'create: one bad network among many changes nothing and names itself, its place and the reason', async (bed) => {
  const { ns } = bed
  const inside = await ns.add()
  await using h = await host(bed, { supervise: false })
  await h.create(plain(90))
  await ns.must('ip', ['link', 'add', 'taken0', 'type', 'veth', 'peer', 'name', 'taken1'])
  await ns.must('ip', ['addr', 'add', '10.60.7.9/24', 'dev', 'taken0'])
  await ns.must('ip', ['link', 'set', 'taken0', 'up'])
  const bad = async (at: number, one: Item): Promise<readonly [code: string, network: string | undefined, place: string | undefined, message: string]> => {
    const list: Item[] = [...many(at).filter(({ name }) => name !== 'net7'), one, ...Array.from({ length: 5 }, (_, i) => plain(40 + i))]
    const { code, network, place, message } = await refused(async () => await h.create(list))
    return [code, network, place, message]
  }
  await unchanged(bed, h, async () => {
    assert.equal((await bad(12, plain(70, { subnet: '10.60.7.0/25' }))).slice(0, 3), ['NETWRIGHT_SUBNET_IN_USE', 'net70', 'networks[11].subnet'])
    assert.equal((await bad(3, plain(70, { subnet: '10.60.2.128/25' }))).slice(0, 3), ['NETWRIGHT_SUBNET_IN_USE', 'net70', 'networks[3].subnet'])
    assert.equal((await bad(3, plain(70, { bridge: 'taken0' }))).slice(0, 3), ['NETWRIGHT_NAME_IN_USE', 'net70', 'networks[3].bridge'])
    assert.equal((await bad(3, plain(70, { bridge: 'nwb90' }))).slice(0, 3), ['NETWRIGHT_NAME_IN_USE', 'net70', 'networks[3].bridge'])
    assert.equal((await bad(3, plain(1))).slice(0, 3), ['NETWRIGHT_NAME_IN_USE', 'net1', 'networks[3].name'])
    assert.equal((await bad(3, plain(90))).slice(0, 3), ['NETWRIGHT_ACTIVE', 'net90', 'networks[3].name'])
    assert.equal((await bad(3, plain(70, { mtu: 12 }))).slice(2), ['networks[3].mtu', 'networks[3].mtu: expected >=68, not 12'])
    assert.equal((await bad(3, '<network><name>x</name>\n<ip address=\'1.2.3\'/></network>')).slice(2), ['networks[3].ip[0].address', 'networks[3].ip[0].address: line 2, column 5: Invalid address \'1.2.3\' in network \'x\''])
    const port = async (input: object): Promise<readonly unknown[]> => (await bad(3, { network: plain(70), ports: [{ kind: 'tap' }, input as never] })).slice(0, 3)
    assert.equal(await port({ kind: 'tap', dev: 'taken1' }), ['NETWRIGHT_NAME_IN_USE', 'net70', 'networks[3].ports[1]'])
    assert.equal(await port({ kind: 'tap', dev: 'nwb1' }), ['NETWRIGHT_NAME_IN_USE', 'net70', 'networks[3].ports[1]'])
    assert.equal(await port({ kind: 'tap', address: '10.60.2.2' }), ['NETWRIGHT_INVALID', undefined, 'networks[3].ports[1].address'])
    assert.equal(await port({ kind: 'tap', queues: 0 }), ['NETWRIGHT_INVALID', undefined, 'networks[3].ports[1].queues'])
    assert.equal(await port({ kind: 'tap', persist: false }), ['NETWRIGHT_INVALID', undefined, 'networks[3].ports[1].persist'])
    assert.equal(await port({ kind: 'veth', netns: 'nowhere' }), ['NETWRIGHT_NO_NAMESPACE', 'net70', 'networks[3].ports[1]'])
    await inside.must('ip', ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other'])
    assert.equal(await port({ kind: 'veth', netns: inside.name }), ['NETWRIGHT_NAME_IN_USE', 'net70', 'networks[3].ports[1]'], 'the kernel says it')
  })
  await (await h.network('net90')).destroy()
  await h.settled()
  await ns.must('ip', ['link', 'del', 'taken0'])
}, { needs: ['tun'] })

kernelTest(test, 'transaction: what the kernel refuses is told with its words, and all else is undone', async (bed) => {
  await using h = await host(bed, { supervise: false })
  let error: unknown
  await unchanged(bed, h, async () => { error = await thrown(async () => await h.transaction((tx) => {
    for (const one of many(20)) tx.create(one, [{ kind: 'tap' }])
    tx.create({ name: 'odd', bridge: 'nwodd', ip: [{ address: '10.99.0.1', prefix: 24 }, { address: '10.99.0.2', prefix: 24 }], route: [{ address: '10.99.128.0', prefix: 17, gateway: '10.99.0.9' }, { address: '10.99.128.0', prefix: 17, gateway: '10.99.0.8', metric: 1 }], dns: { enable: false } })
  })) })
  assert.ok(error instanceof KernelError)
  assert.equal([error.network, error.place, error.errnoName], ['odd', 'networks[20]', 'EEXIST'])
  assert.match(error.message, /^network odd: RTM_NEWROUTE route 10\.99\.128\.0\/17 via 10\.99\.0\.8 on nwodd: EEXIST/)
}, { needs: ['tun'] })

kernelTest(test, 'transaction: where the collecting function throws, waits or comes too late nothing happens', async (bed) => {
  await using h = await host(bed, { supervise: false })
  let kept: Transaction | undefined
  const own = new Error('mine')
  assert.is(await thrown(async () => await h.transaction((tx) => { tx.create(plain(1)); throw own })), own)
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- what a program without types may pass
  assert.ok(await thrown(async () => await h.transaction(async (tx) => { tx.create(plain(1)); await Promise.resolve() })) instanceof InputError)
  const { networks } = await h.transaction((tx) => { kept = tx })
  assert.equal(networks, [])
  assert.throws(() => { kept?.create(plain(1)) }, (error: unknown) => error instanceof NetwrightError && error.code === 'NETWRIGHT_CLOSED')
  assert.equal(await h.networks(), [])
})

kernelTest(test, 'transaction: what removals free is not given away in the same one', async (bed) => {
  await using h = await host(bed, { supervise: false })
  await h.create([plain(0), plain(1)])
  const said = async (collect: (tx: Transaction) => void): Promise<string> => {
    const { code, remedy = '', message } = await refused(async () => await h.transaction(collect))
    return `${code} ${/transaction of its own first/.test(remedy) || /removals come last/.test(message) ? 'with a way out' : remedy}`
  }
  await unchanged(bed, h, async () => {
    assert.is(await said((tx) => { tx.destroy('net0'); tx.create(plain(2, { subnet: '10.60.0.128/25' })) }), 'NETWRIGHT_SUBNET_IN_USE with a way out')
    assert.is(await said((tx) => { tx.destroy('net0'); tx.create(plain(2, { bridge: 'nwb0' })) }), 'NETWRIGHT_NAME_IN_USE with a way out')
    assert.is(await said((tx) => { tx.destroy('net0'); tx.create(plain(0, { bridge: 'nwb9', subnet: '10.61.0.0/24' })) }), 'NETWRIGHT_INVALID with a way out')
    assert.is(await said((tx) => { tx.stop('net0'); tx.attach('net0', { kind: 'tap' }) }), 'NETWRIGHT_INVALID with a way out')
  })
  await h.transaction((tx) => { tx.destroy('net0'); tx.stop('net1') })
  assert.equal(await h.networks(), [])
})

kernelTest(test, 'transaction: aborted before, or at any step, nothing is left', async (bed) => {
  const { ns } = bed
  let at = ''
  let abort = new AbortController()
  const { openHost } = await import('../../src/engine/host.js')
  await using h = await openHost({ netns: ns.path, root: bed.tmp, supervise: false }, { hook: (step) => { if (step === at) abort.abort(new Error('enough')) } })
  const make = async (): Promise<unknown> => await h.create([...many(8), { network: plain(30), ports: [{ kind: 'tap' }, { kind: 'tap' }] }], { signal: abort.signal })
  await unchanged(bed, h, async () => { for (const step of ['', 'write the journal', 'make TAPs', 'make links', 'write sysctls', 'commit nft', 'bring ports back']) {
    abort = new AbortController()
    at = step
    if (step === '') abort.abort()
    assert.is((await refused(make)).code, 'NETWRIGHT_ABORTED', step)
  } })
}, { needs: ['tun'] })

kernelTest(test, 'create: the 1,024th port of a bridge is refused, whoever has the others, and those of its batch are undone', async (bed) => {
  const { ns } = bed
  await using h = await host(bed, { supervise: false })
  await h.create({ network: plain(0), ports: Array.from({ length: 1020 }, () => ({ kind: 'tap' as const })) })
  await ns.must('sh', ['-c', 'for i in 0 1; do ip tuntap add dev alien$i mode tap; ip link set alien$i master nwb0; done'])
  await unchanged(bed, h, async () => {
    const known = await refused(async () => await h.transaction((tx) => { for (let i = 0; i < 4; i++) tx.attach('net0', { kind: 'tap' }) }))
    assert.equal([known.code, known.place, known.network], ['NETWRIGHT_BRIDGE_FULL', 'ports[3]', 'net0'])
    const told = await refused(async () => await h.transaction((tx) => { tx.create(plain(1)); for (let i = 0; i < 2; i++) tx.attach('net0', { kind: 'tap' }) }))
    assert.equal([told.code, told.place, told.network], ['NETWRIGHT_BRIDGE_FULL', 'ports[1]', 'net0'])
    assert.ok(told.cause instanceof KernelError && told.cause.errnoName === 'EXFULL')
  })
  await ns.must('sh', ['-c', 'ip link del alien0; ip link del alien1'])
  await (await h.network('net0')).destroy()
}, { needs: ['tun'] })

kernelTest(test, 'attach: where no descriptor is left the error says so, and nothing is left', async (bed) => {
  await using h = await host(bed, { supervise: false })
  const net = await h.create(plain(0))
  const limit = (soft: number | 'unlimited'): void => { execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${String(soft)}:`]) }
  await refused(async () => await net.attach({ kind: 'tap', queues: 300 })) // loads what is loaded late
  limit(150)
  const error = await thrown(async () => await h.transaction((tx) => { tx.create(plain(1)); tx.attach('net0', { kind: 'tap', fds: true, queues: 200 }) }))
  limit(4096)
  assert.ok(error instanceof KernelError, String(error))
  assert.equal([error.errnoName, error.network, error.place], ['EMFILE', 'net0', 'ports[0]'])
  assert.match(error.remedy ?? '', /ulimit -n/)
  // Without descriptors to return there is no need for many.
  await h.transaction((tx) => { for (let i = 0; i < 100; i++) tx.attach('net0', { kind: 'tap' }) })
  await net.destroy()
  assert.equal(await h.networks(), [])
}, { needs: ['tun'] })

kernelTest(test, 'sending: with buffers that are too small for it, a large batch still goes through', async ({ ns, tmp: _ }) => {
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  const index = (await linksOf(ns)).get('br0')?.ifindex ?? 0
  const { openNetns } = await import('../../src/kernel/netns.js')
  const netns = await openNetns(ns.name)
  await using small = await openChannel({ protocol: 0, netns: netns.fd, sendBuffer: 106_496, receiveBuffer: 106_496 })
  const requests = Array.from({ length: 6000 }, (_, i) => addressRequest({ type: 'address', dev: 'br0', index, address: `10.${(i >> 8) + 1}.${i & 255}.1`, prefix: 32 }))
  const error = await thrown(async () => await send(small, requests))
  assert.ok(error instanceof KernelError && error.errnoName === 'EMSGSIZE', 'as one send it does not')
  await sendPieces(requests.map((request) => ({ requests: [request] })), { context: { logger: silent }, transport: small })
  assert.is((await ns.json<{ addr_info: unknown[] }[]>('ip', ['-j', '-4', 'addr', 'show', 'br0']))[0]?.addr_info.length, 6000)
  netns.close()
  await ns.must('ip', ['link', 'del', 'br0'])
})

test.run()
