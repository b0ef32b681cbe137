/** Connections of a network that goes are forgotten, and nobody else's. Oracle: conntrack(8). */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import type { Network } from '../../src/engine/api.js'
import { dump } from '../../src/netlink/call.js'
import { openChannel } from '../../src/netlink/channel.js'
import { decodeEntry, dumpEntries, sourcePaths } from '../../src/netlink/ct/entry.js'
import { NETLINK_NETFILTER } from '../../src/netlink/header.js'
import { makeSieve, withinPrefix } from '../../src/netlink/sieve.js'
import { exec } from '../harness/command.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { host, OUTSIDE, uplink } from './bed.js'

const worker = started(new URL('graves-worker.js', import.meta.url))
const red = { name: 'red', forward: 'nat', bridge: 'br-red', subnet: '10.95.1.0/24', dns: { enable: false } } as const

/** Original source, reply source and original destination of each connection, sorted. */
async function tracked (ns: Namespace, family: 'ipv4' | 'ipv6' = 'ipv4'): Promise<string[]> {
  // The kernel itself speaks IGMP on every link that is up.
  const lines = (await ns.must('conntrack', ['-L', '-f', family])).split('\n').filter((line) => line !== '' && !line.includes('dst=224.0.0.22'))
  return lines.map((line) => {
    const [original = '', reply = ''] = [...line.matchAll(/src=(\S+)/g)].map(([, address]) => address ?? '')
    return `${original} ${reply}`
  }).sort()
}

const insert = async (ns: Namespace, source: string, destination: string, ...more: readonly string[]): Promise<void> => {
  await ns.must('conntrack', ['-I', '-p', 'udp', '-s', source, '-d', destination, '--sport', '4000', '--dport', '53', '-t', '3000', ...more])
}

/** A guest of the network with an address, who has spoken to the outside. */
async function talker (context: KernelTest, network: Network, address: string): Promise<Namespace> {
  const inside = await context.ns.add()
  await network.attach({ kind: 'veth', netns: inside.path, address, defaultRoute: true })
  assert.is((await inside.exec('ping', ['-n', '-c', '1', '-W', '30', OUTSIDE.four])).code, 0)
  return inside
}

kernelTest(test, 'conntrack: stopping a network forgets what its guests began, and no other connection', async (context) => {
  const { ns } = context
  await uplink(ns)
  await using opened = await host(context)
  const network = await opened.create(red)
  await talker(context, network, '10.95.1.7')
  await insert(ns, '10.96.0.9', '192.0.2.7')
  await insert(ns, '192.0.2.9', '198.51.100.1', '-r', '10.95.1.9', '-q', '192.0.2.9', '--reply-port-src', '53', '--reply-port-dst', '4000') // towards a guest, translated
  assert.equal(await tracked(ns), [`10.95.1.7 ${OUTSIDE.four}`, '10.96.0.9 192.0.2.7', '192.0.2.9 10.95.1.9'])
  await network.destroy()
  await opened.settled()
  assert.equal(await tracked(ns), ['10.96.0.9 192.0.2.7'])
}, { needs: ['conntrack'] })

kernelTest(test, 'conntrack: the next network of a subnet finds none of its predecessor\'s connections', async (context) => {
  const { ns } = context
  await uplink(ns)
  await using opened = await host(context)
  for (let i = 0; i < 3; i++) {
    const network = await opened.create({ ...red, name: `red${String(i)}` })
    assert.equal(await tracked(ns), [])
    await talker(context, network, '10.95.1.7')
    await network.destroy()
  }
}, { needs: ['conntrack'] })

kernelTest(test, 'conntrack: detaching a port with an address forgets its guest\'s connections only', async (context) => {
  const { ns } = context
  await uplink(ns)
  await using opened = await host(context)
  const network = await opened.create(red)
  await talker(context, network, '10.95.1.7')
  await talker(context, network, '10.95.1.8')
  const port = (await network.ports()).find(({ ip }) => ip === '10.95.1.7')
  await network.detach(port?.dev ?? '')
  await opened.settled()
  assert.equal(await tracked(ns), [`10.95.1.8 ${OUTSIDE.four}`])
  await network.destroy()
}, { needs: ['conntrack'] })

kernelTest(test, 'conntrack: an address that a stranger\'s route knows more closely keeps its connections', async (context) => {
  const { ns } = context
  await uplink(ns)
  await using opened = await host(context)
  const network = await opened.create(red)
  await ns.must('ip', ['route', 'add', '10.95.1.77/32', 'dev', 'up0'])
  await insert(ns, '10.95.1.77', '192.0.2.7')
  await insert(ns, '10.95.1.78', '192.0.2.7')
  await network.destroy()
  await opened.settled()
  assert.equal(await tracked(ns), ['10.95.1.77 192.0.2.7'])
  await ns.must('ip', ['route', 'del', '10.95.1.77/32', 'dev', 'up0'])
}, { needs: ['conntrack'] })

kernelTest(test, 'conntrack: IPv6, routed subnets and zones', async (context) => {
  const { ns } = context
  await using opened = await host(context)
  const network = await opened.create({ ...red, ip: [{ address: '10.95.1.1', prefix: 24 }, { family: 'ipv6', address: '2001:db8:95::1', prefix: 64 }], route: [{ address: '10.97.0.0', prefix: 16, gateway: '10.95.1.2' }], subnet: undefined } as never)
  await insert(ns, '2001:db8:95::7', '2001:db8::9')
  await insert(ns, '2001:db8:96::7', '2001:db8::9')
  await insert(ns, '10.97.3.4', '192.0.2.7')
  await insert(ns, '10.98.3.4', '192.0.2.7')
  await insert(ns, '10.95.1.9', '192.0.2.7', '--zone', '5')
  await network.destroy()
  await opened.settled()
  assert.equal(await tracked(ns, 'ipv6'), ['2001:db8:96::7 2001:db8::9'])
  assert.equal(await tracked(ns), ['10.98.3.4 192.0.2.7'])
}, { needs: ['conntrack'] })

kernelTest(test, 'conntrack: among ten thousand connections of others only the network\'s go', async (context) => {
  const { ns, tmp } = context
  await using opened = await host(context)
  const networks = await opened.create(Array.from({ length: 12 }, (_, i) => ({ name: `net${String(i)}`, forward: 'nat' as const, subnet: `10.60.${String(i)}.0/24`, dns: { enable: false } })))
  const line = (source: string, port: number): string => `-I -p udp -s ${source} -d 192.0.2.7 --sport ${String(port)} --dport 53 -t 3000\n`
  const foreign = Array.from({ length: 10_000 }, (_, i) => line(`172.16.${String(i >> 8)}.${String(i & 255)}`, 1024 + i))
  const own = Array.from({ length: 600 }, (_, i) => line(`10.60.${String(i % 12)}.${String(2 + i % 200)}`, 1024 + i))
  await writeFile(join(tmp, 'load'), [...foreign, ...own].join(''))
  await ns.must('conntrack', ['--load-file', join(tmp, 'load')])
  await Promise.all(networks.slice(0, 6).map(async (network) => { await network.destroy() }))
  await opened.settled()
  const left = await tracked(ns)
  assert.is(left.length, 10_300)
  assert.is(left.filter((one) => one.startsWith('172.16.')).length, 10_000)
  assert.equal(left.filter((one) => /^10\.60\.[0-5]\./.test(one)), [])
  await Promise.all(networks.slice(6).map(async (network) => { await network.destroy() }))
  await opened.close()
  assert.is((await tracked(ns)).length, 10_000)
}, { needs: ['conntrack'] })

kernelTest(test, 'conntrack: what a killed process did not forget, the next host does', async (context) => {
  const { ns, tmp } = context
  await insert(ns, '10.95.1.9', '192.0.2.7')
  await insert(ns, '10.96.1.9', '192.0.2.7')
  const { code, stderr } = await exec(process.execPath, [worker, JSON.stringify({ netns: ns.name, root: tmp, step: 'look at links', networks: [red] })], { env: { NODE_V8_COVERAGE: '' }, timeoutMs: 60_000 })
  assert.is(code, -1, stderr)
  await (await host(context)).close()
  assert.equal(await tracked(ns), ['10.96.1.9 192.0.2.7'])
}, { needs: ['conntrack'] })

kernelTest(test, 'conntrack: the channel\'s thread drops what a sieve does not keep, and refuses what is none', async ({ ns }) => {
  for (let i = 0; i < 40; i++) await insert(ns, `10.60.${String(i)}.2`, '192.0.2.7')
  await using channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: ns.fd })
  const keep = makeSieve(4, [{ path: sourcePaths.ip[0], width: 4, values: ['10.60.7.0/24', '10.60.32.0/22'].map(withinPrefix) }])
  const kept = (await dump(channel, dumpEntries('ip'), keep)).map((message) => decodeEntry(message).original?.ip?.src4)
  assert.equal(kept.sort(), ['10.60.32.2', '10.60.33.2', '10.60.34.2', '10.60.35.2', '10.60.7.2'])
  assert.is((await dump(channel, dumpEntries('ip'), makeSieve(4, []))).length, 0)
  assert.is((await dump(channel, dumpEntries('ip'))).length, 40)
  for (const broken of [[], [4, 1], [4, 3, 1, 1, 1, 4, 9, 0], [4, 255]]) {
    const answer = await dump(channel, dumpEntries('ip'), Uint8Array.from(broken)).then(() => 'taken', (error: unknown) => error)
    assert.instance(answer, TypeError)
  }
}, { needs: ['conntrack'] })

test.run()
