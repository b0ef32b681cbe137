/** `netwright/testing`: what is left is named, whoever left it; a network for a test goes with the test. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open, type FileHandle } from 'node:fs/promises'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost } from '../../src/index.js'
import { assertNoLeaks, leaks, look, withNetwork } from '../../src/testing/index.js'
import { background, exec, must } from '../harness/command.js'
import { dhcp } from '../harness/guest.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { eventually } from './bed.js'

const red = { name: 'red', forward: 'nat', bridge: 'br-red', subnet: '10.7.0.0/24', dhcp: true } as const
const quick = { patience: 100 }
/** Of a busy machine; where nothing is left nothing is waited for. */
const slow = { patience: 60_000 }
const freshRoots = async (): Promise<string[]> => (await readdir('/run')).filter((name) => name.startsWith('netwright-test-'))

/** Made and unmade by others' programs. */
const things: Readonly<Record<string, { readonly line: RegExp, readonly make: (context: KernelTest) => Promise<() => Promise<unknown>> }>> = {
  'a link': { line: /^link left0 \(bridge\)$/, make: async ({ ns }) => { await ns.must('ip', ['link', 'add', 'left0', 'type', 'bridge']); return async () => await ns.must('ip', ['link', 'del', 'left0']) } },
  'an address': { line: /^address 192\.0\.2\.7\/32 dev lo$/, make: async ({ ns }) => { await ns.must('ip', ['addr', 'add', '192.0.2.7/32', 'dev', 'lo']); return async () => await ns.must('ip', ['addr', 'del', '192.0.2.7/32', 'dev', 'lo']) } },
  'a route': { line: /^route 198\.51\.100\.0\/24 dev lo table 77$/, make: async ({ ns }) => { await ns.must('ip', ['route', 'add', '198.51.100.0/24', 'dev', 'lo', 'table', '77']); return async () => await ns.must('ip', ['route', 'flush', 'table', '77']) } },
  'a rule': { line: /^rule 7: from 192\.0\.2\.0\/24 iif lo fwmark 9 lookup 77 IPv4$/, make: async ({ ns }) => {
    const words = ['from', '192.0.2.0/24', 'iif', 'lo', 'fwmark', '9', 'lookup', '77', 'priority', '7']
    await ns.must('ip', ['rule', 'add', ...words])
    return async () => await ns.must('ip', ['rule', 'del', ...words])
  } },
  'a rule for IPv6': { line: /^rule 8: from all to 2001:db8::\/32 lookup 78 IPv6$/, make: async ({ ns }) => {
    await ns.must('ip', ['-6', 'rule', 'add', 'to', '2001:db8::/32', 'lookup', '78', 'priority', '8'])
    return async () => await ns.must('ip', ['-6', 'rule', 'del', 'priority', '8'])
  } },
  'a table of nftables': { line: /^nft table inet left$/, make: async ({ ns }) => { await ns.must('nft', ['add', 'table', 'inet', 'left']); return async () => await ns.must('nft', ['delete', 'table', 'inet', 'left']) } },
  'forwarding': { line: /^net\.ipv4\.ip_forward = 1$/, make: async ({ ns }) => { await ns.must('sysctl', ['-qw', 'net.ipv4.ip_forward=1']); return async () => await ns.must('sysctl', ['-qw', 'net.ipv4.ip_forward=0']) } },
  'a descriptor': { line: /^descriptor of the network namespace$/, make: async ({ ns }) => { const handle: FileHandle = await open(ns.path, 'r'); return async () => { await handle.close() } } },
}

for (const [what, { line, make }] of Object.entries(things)) {
  kernelTest(test, `testing: ${what} that is left is named, and nothing else`, async (context) => {
    const before = await look({ netns: context.ns.path })
    assert.equal(await leaks(before, quick), [])
    const undo = await make(context)
    const found = await leaks(before, quick)
    assert.is(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', line)
    assert.match(await assertNoLeaks(before, quick).then(() => 'nothing', (error: unknown) => String(error)), /AssertionError.*left behind/)
    await undo()
    await assertNoLeaks(before, slow)
  }, { needs: ['nft'] })
}

kernelTest(test, 'testing: an open host is named by its descriptors, a running network by all that it has', async ({ ns, tmp }) => {
  const place = { netns: ns.path, root: tmp }
  const before = await look(place)
  const host = await openHost(place)
  assert.ok((await leaks(before, quick)).every((line) => line.startsWith('descriptor of ')))
  const network = await host.create(red)
  const found = await leaks(before, quick)
  for (const line of [/^link br-red \(bridge\)$/, /^address 10\.7\.0\.1\/24 dev br-red$/, /^route 10\.7\.0\.0\/24 dev br-red table 254$/, /^nft table inet netwright$/, /^nft element inet netwright ours \{ br-red \}$/, /^process .*dnsmasq --conf-file=.*red\.conf/, /^descriptor of a process$/, /^descriptor of a netlink socket$/, /^file .*\/standing\/[0-9a-f]+\.json$/]) {
    assert.ok(found.some((one) => line.test(one)), `${String(line)}\n${found.join('\n')}`)
  }
  await network.destroy()
  await host.close()
  await assertNoLeaks(before, slow)
}, { needs: ['dnsmasq'] })

kernelTest(test, 'testing: withNetwork serves guests in a namespace of its own, and removes everything, whether the test fails or not', async ({ tmp }) => {
  await assertNoLeaks(async () => {
    const answer = await withNetwork(red, async ({ host, network, networks, netns, root }) => {
      assert.is(networks.length, 1)
      assert.is(network.name, 'red')
      assert.equal(await freshRoots(), [root.slice('/run/'.length)])
      const inside = async (...words: string[]): Promise<string> => await must('nsenter', [`--net=${netns}`, ...words])
      await inside('ip', 'link', 'add', 'p0', 'type', 'veth', 'peer', 'name', 'eth0')
      for (const dev of ['p0', 'eth0']) await inside('ip', 'link', 'set', dev, 'up')
      await inside('ip', 'link', 'set', 'p0', 'master', 'br-red')
      const lease = await dhcp({ name: '', path: netns, fd: -1, exec: async (command, args, options) => await exec('nsenter', [`--net=${netns}`, command, ...args], options), must: async () => await Promise.reject(new Error('unused')), json: async () => await Promise.reject(new Error('unused')), spawn: () => { throw new Error('unused') } }, tmp)
      assert.match(lease?.ip ?? 'no lease', /^10\.7\.0\./)
      await inside('ip', 'link', 'del', 'p0')
      assert.is(host.owner, 'system')
      return 7
    })
    assert.is(answer, 7)
    const failed = await withNetwork([red, { ...red, name: 'blue', bridge: 'br-blue', subnet: '10.8.0.0/24' }], async ({ host, networks }) => {
      assert.equal(networks.map(({ name }) => name), ['red', 'blue'])
      await host.create({ name: 'more', forward: 'nat', subnet: '10.9.0.0/24', dns: { enable: false } })
      await host.define({ name: 'kept', forward: 'nat', subnet: '10.10.0.0/24' })
      throw new RangeError('as tests do')
    }).then(() => undefined, (error: unknown) => error)
    assert.instance(failed, RangeError)
    assert.match(String(await withNetwork({ ...red, subnet: 'nonsense' }, () => 'made').catch((error: unknown) => error)), /InputError/)
  })
  assert.equal(await freshRoots(), [])
}, { needs: ['dnsmasq', 'udhcpc'] })

kernelTest(test, 'testing: withNetwork in a host that is there removes its network only', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  const other = await host.create({ name: 'other', forward: 'nat', bridge: 'br-other', subnet: '10.8.0.0/24', dns: { enable: false } })
  const before = await look({ netns: ns.path, root: tmp })
  await withNetwork({ ...red, dhcp: false, dns: { enable: false } }, async ({ network }) => { await network.attach({ kind: 'tap', fds: false }) }, { host })
  await assertNoLeaks(before, slow)
  assert.equal((await host.networks()).map(({ name }) => name), ['other'])
  await other.destroy()
}, { needs: ['tun'] })

kernelTest(test, 'testing: a test process that is killed inside withNetwork leaves nothing, not even its root', async () => {
  const kit = new URL('../../src/testing/index.js', import.meta.url).href
  const script = `import { withNetwork } from ${JSON.stringify(kit)}\nawait withNetwork(${JSON.stringify(red)}, async () => { console.log('it stands'); await new Promise((resolve) => setTimeout(resolve, 60_000)) })`
  const before = await look()
  const victim = background(process.execPath, ['--input-type=module', '-e', script], { env: { NODE_V8_COVERAGE: '' } })
  await victim.until(/^it stands$/m)
  assert.is((await freshRoots()).length, 1)
  await victim.stop('SIGKILL')
  await eventually('the end of its root', async () => (await freshRoots()).length === 0 ? true : undefined)
  await assertNoLeaks(before, slow)
}, { needs: ['dnsmasq'] })

kernelTest(test, 'testing: assertNoLeaks hands on what the work returns and throws', async ({ ns }) => {
  assert.is(await assertNoLeaks(() => 5, { netns: join('/run/netns', ns.name) }), 5)
  const thrown = await assertNoLeaks(() => { throw new RangeError('mine') }, { netns: ns.path }).then(() => undefined, (error: unknown) => error)
  assert.instance(thrown, RangeError)
  assert.match(String(await look({ netns: 'nobody' }).catch((error: unknown) => error)), /there is no network namespace/)
})

test.run()
