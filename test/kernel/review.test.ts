/** Handles that outlive what they name, and operations that meet each other: what a program does that keeps a host open for months. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { getEventListeners } from 'node:events'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { InputError, NetwrightError, openHost, type PortInput } from '../../src/index.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

const red = { name: 'red', bridge: 'red0', forward: 'nat', ip: [{ address: '10.7.0.1', prefix: 24 }] } as const
const served = { ...red, ip: [{ address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.2', end: '10.7.0.99' }], host: [{ mac: '52:54:00:00:00:01', ip: '10.7.0.50' }] } }] } as const

async function codeOf (promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  return error instanceof NetwrightError ? error.code : error instanceof Error ? error.message : undefined
}

interface Link { readonly ifname: string }
const links = async (ns: Namespace): Promise<string[]> => (await ns.json<Link[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname).filter((name) => name !== 'lo').sort()

kernelTest(test, 'host: what a program without types passes is refused with the place, never taken for nothing', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp, recycle: { max: 2 } })
  const nothing: unknown = null
  const of = (call: (junk: never) => unknown, junk: unknown): (() => Promise<unknown>) => async () => await call(junk as never)
  const calls: readonly (readonly [path: string, call: () => Promise<unknown>])[] = [
    ['count', of((junk) => host.pool.fill(junk), nothing)],
    ['count', of((junk) => host.pool.fill(junk), 'two')],
    ['taps', of((junk) => host.pool.fill({ taps: junk }), nothing)],
    ['namespaces', of((junk) => host.rig(junk), 5)],
    ['namespaces', of((junk) => host.rig(junk), undefined)],
    ['namespaces.a', of((junk) => host.rig({ a: junk }), nothing)],
    ['options', of((junk) => host.rig(['a'], junk), nothing)],
    ['options', of((junk) => host.namespace('a', junk), 5)],
    ['nameOrUuid', of((junk) => host.network(junk), nothing)],
    ['name', of((junk) => host.links.addBridge(junk), 7)],
    ['ports', of((junk) => host.transaction((tx) => { tx.create(red, junk) }), {})],
  ]
  for (const [path, call] of calls) {
    const error = await call().then(() => undefined, (e: unknown) => e)
    assert.ok(error instanceof InputError, `${path}: ${String(error)}`)
    assert.is(error.issues[0]?.path, path)
  }
  assert.equal(await links(ns), [])
})

kernelTest(test, 'port: the handle of a TAP that went by itself does not detach the next one of its name', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using net = await host.create(red)
  const first = await net.attach({ kind: 'tap' })
  for (const fd of first.fds) closeSync(fd)
  const { exec } = ns
  for (let i = 0; i < 100 && (await exec('ip', ['link', 'show', first.dev])).code === 0; i++);
  const second = await net.attach({ kind: 'tap' })
  assert.is(second.dev, first.dev)
  assert.is(await codeOf(first.detach()), 'NETWRIGHT_NOT_FOUND')
  assert.equal((await net.ports()).map(({ dev }) => dev), [second.dev])
  await second[Symbol.asyncDispose]()
})

kernelTest(test, 'port: disposing closes only descriptors that are still the port\'s, also when it is done twice', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using net = await host.create(red)
  const port = await net.attach({ kind: 'tap' })
  const [fd = -1] = port.fds
  closeSync(fd)
  const mine = new Set<number>()
  while (!mine.has(fd) && mine.size < 64) mine.add(openSync('/dev/null', 'r')) // until the number is ours
  await port[Symbol.asyncDispose]()
  await port[Symbol.asyncDispose]()
  for (const one of mine) {
    assert.ok(fstatSync(one).isCharacterDevice())
    closeSync(one)
  }
  assert.equal(await net.ports(), [])
})

kernelTest(test, 'create: disposing a handle leaves alone another network that has its name by now', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  const first = await host.create(red)
  await first.destroy()
  const second = await host.create(red)
  await first[Symbol.asyncDispose]()
  await host.settled()
  assert.equal(await links(ns), ['red0'])
  await second[Symbol.asyncDispose]()
  await host.settled()
  assert.equal(await links(ns), [])
})

kernelTest(test, 'undefine: the ports that the last stop kept go too', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  const net = await host.define(red)
  await net.start()
  await net.attach({ kind: 'tap', fds: false })
  await net.stop()
  await host.settled()
  assert.equal(await links(ns), ['vnet0'])
  await net.undefine()
  await host.settled()
  assert.equal(await links(ns), [])
})

kernelTest(test, 'close: waits for what is going on, then nothing more is begun', async ({ ns, tmp }) => {
  const host = await openHost({ netns: ns.path, root: tmp })
  const making = host.create(served)
  await host.close()
  assert.is((await making).name, 'red')
  assert.is(await codeOf(host.networks()), 'NETWRIGHT_CLOSED')
  assert.is(await codeOf(host.transaction(() => { throw new Error('asked all the same') })), 'NETWRIGHT_CLOSED')
  assert.is(await codeOf(host.links.bridges()), 'NETWRIGHT_CLOSED')
  await using again = await openHost({ netns: ns.path, root: tmp })
  await (await again.network('red')).destroy()
}, { needs: ['dnsmasq'] })

kernelTest(test, 'signal: a long-lived one keeps no listener of ours', async ({ ns, tmp }) => {
  const { signal } = new AbortController()
  await using host = await openHost({ netns: ns.path, root: tmp })
  for (let i = 0; i < 3; i++) {
    const net = await host.create(red, { signal })
    const port = await net.attach({ kind: 'tap', fds: false }, { signal })
    await port.detach({ signal })
    await net.destroy({ signal })
  }
  assert.is(getEventListeners(signal, 'abort').length, 0)
})

kernelTest(test, 'owner: one that has networks below one root gets none below another, which would take their firewall away', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using other = await openHost({ netns: ns.path, root: `${tmp}/other` })
  const net = await host.create(red)
  assert.is(await codeOf(other.create({ ...red, name: 'blue', bridge: 'blue0', ip: [{ address: '10.8.0.1', prefix: 24 }] })), 'NETWRIGHT_NAME_IN_USE')
  assert.match((await ns.exec('nft', ['list', 'set', 'inet', 'netwright', 'masq4'])).stdout, /"red0"/)
  await net.destroy()
  await using _ = await other.create(red)
  assert.equal(await links(ns), ['red0'])
})

kernelTest(test, 'attach: an address that dnsmasq would not give, a group\'s MAC and an unknown kind are refused before anything is made', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using net = await host.create(served)
  assert.is(await codeOf(net.attach({ kind: 'tap', mac: '52:54:00:00:00:01', address: '10.7.0.60' })), 'NETWRIGHT_NAME_IN_USE')
  await using first = await net.attach({ kind: 'tap', mac: '52:54:00:00:00:09', address: 'auto' })
  assert.is(await codeOf(net.attach({ kind: 'tap', mac: '52:54:00:00:00:09', address: 'auto' })), 'NETWRIGHT_NAME_IN_USE')
  assert.is(await codeOf(net.attach({ kind: 'tap', mac: '01:54:00:00:00:09' })), 'NETWRIGHT_INVALID')
  for (const hostname of ['a b', 'a,b', 'infinite', '45m', 'a\nb', '']) assert.is(await codeOf(net.attach({ kind: 'tap', hostname })), 'NETWRIGHT_INVALID', hostname)
  const other: unknown = { kind: 'macvtap' }
  assert.is(await codeOf(net.attach(other as PortInput)), 'NETWRIGHT_INVALID')
  assert.equal(await links(ns), ['red0', first.dev])
}, { needs: ['dnsmasq'] })

kernelTest(test, 'umask: dnsmasq can read its files on a host where nobody may read anything by default', async ({ ns, tmp }) => {
  const before = process.umask(0o077)
  try {
    await using host = await openHost({ netns: ns.path, root: `${tmp}/host` })
    await using net = await host.create(served)
    assert.is((await net.info()).state, 'active')
  } finally { process.umask(before) }
}, { needs: ['dnsmasq'] })

kernelTest(test, 'definitions: a copy under another name, and what is no file, are left out and change nothing', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  const net = await host.define(red)
  const directory = `${tmp}/etc/netwright/networks`
  await copyFile(`${directory}/red.xml`, `${directory}/copy.xml`)
  await mkdir(`${directory}/directory.xml`)
  assert.equal((await host.networks()).map(({ name }) => name), ['red'])
  await net.undefine()
  assert.equal(await host.networks(), [])
})

kernelTest(test, 'autostart: a network that cannot start keeps no other from it', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  for (const n of [1, 2, 3]) {
    const net = await host.define({ name: `n${String(n)}`, bridge: `n${String(n)}`, ip: [{ address: `10.7.${String(n)}.1`, prefix: 24 }] })
    await net.setAutostart(true)
  }
  await ns.must('ip', ['link', 'add', 'n2', 'type', 'bridge'])
  assert.is(await codeOf(host.autostart()), 'NETWRIGHT_NAME_IN_USE')
  assert.equal((await host.networks()).filter(({ active }) => active).map(({ name }) => name), ['n1', 'n3'])
  for (const name of ['n1', 'n3']) await (await host.network(name)).destroy()
  await ns.must('ip', ['link', 'del', 'n2'])
})

kernelTest(test, 'firewall: a table that somebody has taken parts of, or put parts into, is made anew at the next start', async ({ ns, tmp }) => {
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using _red = await host.create(red)
  await ns.must('nft', ['add', 'element', 'inet', 'netwright', 'gw4', '{ 10.8.0.1 }'])
  await using _blue = await host.create({ ...red, name: 'blue', bridge: 'blue0', ip: [{ address: '10.8.0.1', prefix: 24 }] })
  for (const chain of ['forward', 'bymode']) await ns.must('nft', ['flush', 'chain', 'inet', 'netwright', chain])
  await ns.must('nft', ['delete', 'set', 'inet', 'netwright', 'outdev'])
  await using _green = await host.create({ ...red, name: 'green', bridge: 'green0', forward: { mode: 'nat', dev: 'up0' }, ip: [{ address: '10.9.0.1', prefix: 24 }] })
  const table = await ns.must('nft', ['list', 'table', 'inet', 'netwright'])
  for (const bridge of ['red0', 'blue0']) assert.match(table, new RegExp(`set out \\{[^}]*elements = \\{[^}]*"${bridge}"`))
  assert.match(table, /chain forward \{[^}]*iifname/)
})

kernelTest(test, 'host: an option of a wrong kind, and a port that is none, are NETWRIGHT_INVALID and named', async ({ ns, tmp }) => {
  const said = async (promise: Promise<unknown>): Promise<unknown> => await promise.then(() => undefined, (error: unknown) => error instanceof InputError ? error.message : error)
  // @ts-expect-error -- what a program without types may pass
  assert.is(await said(openHost({ owner: 3, netns: null, root: tmp })), 'owner: expected a string\nnetns: expected a string or a number')
  // @ts-expect-error -- as above
  assert.is(await said(openHost(null)), 'options: not an object')
  await using host = await openHost({ netns: ns.path, root: tmp })
  await using net = await host.create({ name: 'red', subnet: '10.7.0.0/24' })
  // @ts-expect-error -- as above
  assert.is(await said(net.attach(null)), "port: expected { kind: 'tap' } or { kind: 'veth', netns }")
})

test.run()
