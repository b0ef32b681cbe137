/** Namespaces made and dropped as one thing. Oracle: ip netns, ip, ping, and the machine as it was before. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import type { NetworkInput } from '../../src/index.js'
import { openHost } from '../../src/engine/host.js'
import { background, must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { eventually } from './bed.js'
import { codeOf, files, links, namespaces, open, plain, served } from './rig-bed.js'

kernelTest(test, 'rig: namespaces are made with their loopback up and their networks at work, and dropped without a trace', async (context) => {
  await using host = await open(context)
  const rig = await host.rig({ a: [served('red', 1), plain('blue', 2)], b: [served('red', 1)], c: [] })
  assert.equal(await namespaces(context), ['a', 'b', 'c'])
  assert.equal([...rig.hosts.keys()], ['a', 'b', 'c'])
  for (const name of ['a', 'b', 'c']) assert.match(await must('ip', ['-n', name, '-br', 'link', 'show', 'lo']), /UNKNOWN.*<LOOPBACK,UP/)
  assert.equal([await links('a'), await links('b'), await links('c')], [['br-blue', 'br-red', 'lo'], ['br-red', 'lo'], ['lo']])
  await must('ip', ['netns', 'exec', 'c', 'ping', '-n', '-c', '1', '-W', '30', '127.0.0.1'])
  // A guest of b's network, in c.
  const port = await (await rig.host('b').network('red')).attach({ kind: 'veth', netns: 'c', address: '10.95.1.9' })
  await must('ip', ['netns', 'exec', 'c', 'ping', '-n', '-c', '1', '-W', '30', '10.95.1.1'])
  assert.is(port.ip, '10.95.1.9')
  assert.equal((await rig.host('a').networks()).map(({ name }) => name), ['blue', 'red'])
  assert.equal(await host.networks(), [])
  await rig.host('c').create(plain('late', 7))
  await rig.drop()
  assert.equal(await namespaces(context), [])
  assert.equal(await files(context), (await files(context)).filter((name) => name.includes('netns')).slice(0, 1), 'the parent\'s own directory at most')
  await rig.drop()
  assert.is(await codeOf(rig.host('a').networks()), 'NETWRIGHT_CLOSED')
}, { needs: ['dnsmasq'] })

kernelTest(test, 'rig: what others have put into its namespaces goes too, and nothing of it holds the kernel when it is dropped', async (context) => {
  await using host = await open(context)
  const rig = await host.rig(['a', 'b'])
  await must('ip', ['-n', 'a', 'link', 'add', 'other', 'type', 'bridge'])
  await must('ip', ['-n', 'a', 'link', 'add', 'pair', 'type', 'veth', 'peer', 'name', 'end', 'netns', 'b'])
  await must('ip', ['-n', context.ns.name, 'link', 'add', 'witness', 'type', 'veth', 'peer', 'name', 'inside', 'netns', 'a'])
  await rig.drop()
  assert.equal((await context.ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname), ['lo'], 'the other end has gone with it')
})

kernelTest(test, 'rig: a namespace that was there before is opened and never deleted; what the rig made in it goes', async (context) => {
  const there = await context.ns.add()
  await using own = await openHost({ netns: there.path, root: join(context.tmp, 'root') })
  const before = await own.create(plain('before', 3))
  {
    await using host = await open(context)
    const rig = await host.rig({ [there.name]: [plain('red', 1)], fresh: [plain('red', 1)] })
    assert.equal([...rig.hosts].map(([, { made }]) => made), [false, true])
    await rig.host(there.name).create(plain('late', 2))
    assert.equal(await links(there.name), ['br-before', 'br-late', 'br-red', 'lo'])
    await rig.drop()
    assert.equal(await namespaces(context), [there.name])
    assert.equal(await links(there.name), ['br-before', 'lo'])
    const inside = await host.namespace(there.name)
    assert.equal((await inside.networks()).map(({ name }) => name), ['before'])
    await inside.drop()
    assert.is(await codeOf(inside.networks()), 'NETWRIGHT_CLOSED')
  }
  assert.equal(await links(there.name), ['br-before', 'lo'])
  await before.destroy()
})

kernelTest(test, 'rig: one bad network undoes all of it', async (context) => {
  const stranger = await context.ns.add()
  await stranger.must('ip', ['link', 'add', 'br-red', 'type', 'bridge'])
  await using host = await open(context)
  const error = await host.rig({ a: [plain('one', 1), plain('two', 2)], b: [served('red', 1)], [stranger.name]: [plain('red', 1)] }).then(() => undefined, (reason: unknown) => reason as Error & { code?: string })
  assert.is(error?.code, 'NETWRIGHT_NAME_IN_USE')
  assert.match(error?.message ?? '', 'br-red')
  assert.equal(await namespaces(context), [stranger.name])
  assert.equal(await links(stranger.name), ['br-red', 'lo'])
  assert.is(await codeOf(host.rig({ a: [plain('one', 1)], b: [{ ...plain('red', 1), bridge: 'much-too-long-a-name' }] })), 'NETWRIGHT_INVALID')
  for (const name of ['', '.', '..', 'x/y', 'x\0y', 'x'.repeat(256)]) assert.is(await codeOf(host.rig(['a', name])), 'NETWRIGHT_INVALID', JSON.stringify(name))
  assert.is(await codeOf(host.rig(['a', 'b'], { signal: AbortSignal.abort() })), 'NETWRIGHT_ABORTED')
  assert.equal(await namespaces(context), [stranger.name])
  await stranger.must('ip', ['link', 'del', 'br-red'])
}, { needs: ['dnsmasq'] })

kernelTest(test, 'rig: ends with its parent, and so does a namespace that was made', async (context) => {
  const host = await open(context)
  const rig = await host.rig({ a: [plain('red', 1)] })
  const single = await host.namespace('b')
  await single.create(plain('red', 1))
  const again = await host.namespace('b')
  assert.equal([single.made, again.made, (await again.networks()).length], [true, false, 1])
  await single.close() // closing alone stops nothing
  assert.equal(await namespaces(context), ['a', 'b'])
  await host.close()
  assert.equal(await namespaces(context), [])
  assert.is(await codeOf(rig.host('a').networks()), 'NETWRIGHT_CLOSED')
  assert.equal(await files(context), [])
})

kernelTest(test, 'rig: one of its namespaces can be dropped by itself', async (context) => {
  await using host = await open(context)
  {
    await using rig = await host.rig({ a: [plain('red', 1)], b: [plain('red', 1)] })
    await rig.host('a').drop()
    assert.equal(await namespaces(context), ['b'])
    assert.equal((await rig.host('b').networks()).map(({ active }) => active), [true])
    await must('ip', ['netns', 'add', 'a'])
  }
  assert.equal(await namespaces(context), ['a'], 'a stranger has the name now')
  await must('ip', ['netns', 'del', 'a'])
})

kernelTest(test, 'rig: twenty namespaces at once, in two rigs, do not get into each other\'s way', async (context) => {
  await using host = await open(context)
  const many = (prefix: string): Record<string, NetworkInput[]> => Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`${prefix}${String(i)}`, [plain('one', 1), plain('two', 2)]]))
  const [first, second] = await Promise.all([host.rig(many('x')), host.rig(many('y'))])
  assert.is((await namespaces(context)).length, 20)
  for (const name of ['x0', 'x9', 'y0', 'y9']) assert.equal(await links(name), ['br-one', 'br-two', 'lo'])
  await Promise.all([first.drop(), second.drop()])
  assert.equal(await namespaces(context), [])
})

kernelTest(test, 'rig: a namespace that a program is still in is told by name, and removed by the next host', async (context) => {
  await using host = await open(context, {}, { lockTimeout: 300 })
  const rig = await host.rig(['a'])
  const program = background('ip', ['netns', 'exec', 'a', 'sleep', '1000'])
  try {
    await eventually('the program', async () => (await must('ip', ['netns', 'pids', 'a'])).trim() === '' ? undefined : true)
    const error = await rig.drop().then(() => undefined, (reason: unknown) => reason as { code?: string, left?: readonly string[] })
    assert.equal([error?.code, error?.left], ['NETWRIGHT_UNDO_INCOMPLETE', ['namespace a']])
  } finally { await program.stop('SIGKILL') }
  // It waits 300 ms at most, and the kernel may be busy with other namespaces.
  await eventually('the end of the namespace', async () => await rig.drop().then(() => true, () => undefined))
})

test.run()
