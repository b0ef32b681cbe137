/** Hosts that work on a thread of their own: what becomes of them and of their caller. */
import { execFileSync } from 'node:child_process'
import { tracingChannel } from 'node:diagnostics_channel'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openHost, type NetwrightError } from '../../src/index.js'
import { exec } from '../harness/command.js'
import { kernelTest, type TestNamespace } from '../harness/kernel-test.js'
import { started } from '../harness/started.js'
import type { Order } from './thread-child.js'

const child = started(new URL('thread-child.js', import.meta.url))
const spec = (i: number): { readonly name: string, readonly forward: 'nat', readonly subnet: string, readonly bridge: string, readonly dns: { readonly enable: false } } =>
  ({ name: `net${String(i)}`, forward: 'nat', subnet: `10.61.${String(i)}.0/24`, bridge: `nwb${String(i)}`, dns: { enable: false } })

kernelTest(test, 'thread: a host works while its caller\'s event loop is held', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  const making = host.create(spec(0))
  await Promise.resolve() // what was asked for goes at the end of the turn
  const deadline = Date.now() + 20_000
  let seen = false
  // Nothing of this process's loop runs from here to the end of it.
  while (!seen && Date.now() < deadline) seen = execFileSync('ip', ['-n', ns.name, 'addr', 'show'], { encoding: 'utf8' }).includes('10.61.0.1/24')
  assert.ok(seen, 'the address never came')
  await (await making).destroy()
})

kernelTest(test, 'thread: hosts with one and without do the same', async ({ ns, tmp }) => {
  for (const thread of [true, false]) {
    await using host = await openHost({ netns: ns.path, root: tmp, thread })
    const network = await host.create({ ...spec(0), name: 'red' })
    assert.equal((await host.networks()).map(({ name, active, bridge }) => [name, active, bridge]), [['red', true, 'nwb0']])
    const port = await network.attach({ kind: 'tap', address: 'auto' })
    assert.is(port.fds.length, 1)
    assert.is((await host.port(port.dev)).mac, port.mac)
    assert.match(port.qemuArgs().join(' '), new RegExp(port.mac))
    assert.equal((await network.rules.list()).length, 0)
    assert.throws(() => host.domain('a/b'), /no name of a domain/)
    assert.equal(await host.domain('vm').interfaces().then(() => 'some', (error: unknown) => (error as NetwrightError).code), 'NETWRIGHT_NOT_FOUND')
    await port[Symbol.asyncDispose]() // its descriptor goes with it
    await network.destroy()
    await host.settled()
  }
})

kernelTest(test, 'thread: whoever subscribes between two calls of one turn hears of the second', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  const channel = tracingChannel<unknown, object>('netwright:operation')
  let heard = 0
  const listeners = { start: () => undefined, end: () => undefined, asyncStart: () => undefined, asyncEnd: () => { heard++ }, error: () => undefined }
  const before = host.networks()
  channel.subscribe(listeners)
  const network = await host.create(spec(0))
  channel.unsubscribe(listeners)
  await before
  assert.ok(heard > 0)
  await network.destroy()
})

kernelTest(test, 'thread: what a listener throws ends the work with it, and nothing stands', async ({ ns, tmp }) => {
  for (const thread of [true, false]) {
    await using host = await openHost({ netns: ns.path, root: tmp, thread })
    const refused = new Error('I did not want that')
    assert.ok(await host.apply({ networks: [spec(0)] }, { progress: () => { throw refused } }).catch((error: unknown) => error) === refused)
    assert.equal(await host.networks(), [])
    assert.ok(await host.apply({ networks: [spec(0)] }, { progress: ({ done }) => { if (done === 1) throw refused } }).catch((error: unknown) => error) === refused)
    assert.equal(await host.networks(), [])
    let told = 0
    const forever = (): unknown => { told++; return new Promise(() => undefined) }
    await host.apply({ networks: [spec(0)] }, { progress: forever }) // nobody waits for it
    assert.is(told, 3)
    const other = await host.define({ ...spec(1), subnet: '10.61.0.0/24' })
    await other.setAutostart(true)
    assert.ok(await host.autostart({ failed: () => { throw refused } }).catch((error: unknown) => error) === refused)
    for (const { name, active } of await host.networks()) {
      const network = await host.network(name)
      if (active) await network.destroy()
      await network.undefine()
    }
    await host.settled()
  }
})

kernelTest(test, 'thread: what is no data is refused, whatever it is', async ({ ns, tmp }) => {
  for (const thread of [true, false]) {
    await using host = await openHost({ netns: ns.path, root: tmp, thread })
    const gone = new Uint8Array(8)
    structuredClone(gone.buffer, { transfer: [gone.buffer] })
    for (const odd of [new Map([['name', () => 'red']]), new Set([() => 1]), new WeakMap(), gone, gone.buffer, Promise.resolve()]) {
      const codes = await Promise.all([host.create(odd as never), host.create([odd as never]), host.create({ ...spec(0), dns: odd as never })].map(async (made) => await made.then(() => 'made', (error: unknown) => (error as NetwrightError).code)))
      assert.equal(codes, ['NETWRIGHT_INVALID', 'NETWRIGHT_INVALID', 'NETWRIGHT_INVALID'])
    }
  }
})

kernelTest(test, 'thread: parts and verbs outlive the handle that they were taken from', async ({ ns, tmp }) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await using host = await openHost({ netns: ns.path, root: tmp })
  await host.create(spec(0))
  const { rules, leases: { list } } = await host.network('net0')
  const { statistics } = await (await host.network('net0')).attach({ kind: 'tap', fds: false })
  for (let round = 0; round < 5; round++) {
    collect()
    await new Promise(setImmediate) // finalizers run
    await host.networks()
  }
  assert.equal([await rules.list(), await list(), typeof (await statistics()).rxBytes], [[], [], 'number'])
  await (await host.network('net0')).destroy()
})

const run = async (ns: TestNamespace, tmp: string, order: Order['order']): Promise<string> =>
  (await exec(process.execPath, ['--enable-source-maps', '--expose-gc', child, JSON.stringify({ netns: ns.path, root: tmp, order } satisfies Order)])).stdout

kernelTest(test, 'thread: where it ends, calls fail, and the next host of the same process clears up', async ({ ns, tmp }) => {
  for (let round = 0; round < 3; round++) {
    assert.match(await run(ns, tmp, 'terminate'), /^create (done|NETWRIGHT_CLOSED), networks NETWRIGHT_CLOSED, close NETWRIGHT_CLOSED\nthen (0|60) networks\n$/)
    assert.equal((await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname), ['lo'])
    assert.is((await ns.must('nft', ['list', 'ruleset'])).trim(), '')
  }
})

kernelTest(test, 'thread: a host that supervises nothing lets its process end, once its links are deleted', async ({ ns, tmp }) => {
  assert.is(await run(ns, tmp, 'unclosed'), 'destroyed\n')
  assert.equal((await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname), ['lo'])
  await (await openHost({ netns: ns.path, root: tmp })).close() // its directories go with a host that is closed
})

kernelTest(test, 'thread: a host that supervises keeps its process alive until it is closed', async ({ ns, tmp }) => {
  assert.is(await run(ns, tmp, 'idle'), 'still there\nclosed\n')
})

kernelTest(test, 'thread: a part of a handle is enough to go on with', async ({ ns, tmp }) => {
  assert.is(await run(ns, tmp, 'parts'), '0 leases\n')
})

test.run()
