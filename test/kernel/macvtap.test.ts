/** macvtaps: guests straight on a device of the host's. The oracle is ip, and ping from behind that device. */
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError, NetwrightError, type MacvtapInput } from '../../src/index.js'
import { ping } from '../harness/guest.js'
import { kernelTest, veth, type Namespace } from '../harness/kernel-test.js'
import { receiver } from '../harness/receiver.js'
import { host } from './bed.js'

interface Shown { readonly ifname: string, readonly link: string, readonly address: string, readonly mtu: number, readonly flags: readonly string[], readonly inet6_addr_gen_mode: string, readonly linkinfo?: { readonly info_kind: string, readonly info_data?: { readonly mode?: string } } }
const show = async (ns: Namespace, dev: string): Promise<Shown | undefined> => (await ns.json<Shown[]>('ip', ['-j', '-d', 'link', 'show', 'dev', dev]))[0]
const names = async (ns: Namespace): Promise<string[]> => (await ns.json<Shown[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname)

async function codeOf (promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  return error instanceof KernelError ? error.errnoName : error instanceof NetwrightError ? error.code : error instanceof Error ? error.message : undefined
}

const GUEST = '10.7.0.9' // what the receiver answers for
const needs = ['macvtap', 'python3']

/** A device `up0` of the host's, and who is behind it. */
async function behind (ns: Namespace & { add (): Promise<Namespace> }): Promise<Namespace> {
  const outside = await ns.add()
  await veth(ns, 'up0', outside, 'eth0')
  await outside.must('ip', ['addr', 'add', '10.7.0.1/24', 'dev', 'eth0'])
  return outside
}

for (const mode of ['vepa', 'bridge', 'private', 'passthru'] as const) {
  kernelTest(test, `macvtap: in mode ${mode} an unrelated process that is handed its queues is reached through the device`, async (bed) => {
    const { ns, tmp } = bed
    const outside = await behind(ns)
    const before = await show(ns, 'up0')
    await using open = await host(bed)
    const port = await open.attach({ kind: 'macvtap', device: 'up0', mode, queues: 2 })
    const link = await show(ns, port.dev)
    assert.equal([link?.link, link?.linkinfo?.info_kind, link?.linkinfo?.info_data?.mode, link?.address, link?.mtu, link?.inet6_addr_gen_mode], ['up0', 'macvtap', mode, port.mac, 1500, 'none'])
    assert.equal([port.network, port.kind, port.device, port.mode, port.queues, port.fds.length], ['', 'macvtap', 'up0', mode, 2, 2])
    assert.is(port.mac === before?.address, mode === 'passthru')
    assert.is((await show(ns, 'up0'))?.address, before?.address)
    const other = receiver(ns, 'listen', join(tmp, 'socket'))
    await other.until(/listening/)
    await port.send(join(tmp, 'socket'), { close: true })
    await other.until(/got 2 /)
    assert.ok(await ping(outside, GUEST, 10))
    const [counted] = [await port.statistics()]
    assert.ok(counted.txPackets > 0 && counted.rxPackets > 0)
    await port.setLink('down')
    assert.equal([(await port.state()).link, (await port.state()).attached], ['down', true])
    assert.not.ok(await ping(outside, GUEST, 1))
    await other.stop('SIGKILL')
    assert.equal(await names(ns), ['lo', 'up0', port.dev]) // it stays until it is detached
    await port.detach()
    assert.equal(await names(ns), ['lo', 'up0'])
    assert.is(await codeOf(port.detach()), 'NETWRIGHT_NOT_FOUND')
  }, { needs })
}

kernelTest(test, 'macvtap: guests of one device reach each other in mode bridge, and not in mode private', async (bed) => {
  const { ns, tmp } = bed
  await behind(ns)
  const inside = await ns.add()
  await ns.must('ip', ['link', 'add', 'link', 'up0', 'name', 'eth0', 'netns', inside.name, 'type', 'macvlan', 'mode', 'bridge'])
  await inside.must('ip', ['addr', 'add', '10.7.0.3/24', 'dev', 'eth0'])
  await inside.must('ip', ['link', 'set', 'eth0', 'up'])
  await using open = await host(bed)
  for (const mode of ['bridge', 'private'] as const) {
    await using port = await open.attach({ kind: 'macvtap', device: 'up0', mode })
    const other = receiver(ns, 'listen', join(tmp, mode))
    await other.until(/listening/)
    await port.send(join(tmp, mode))
    await other.until(/got 1 /)
    await inside.exec('ip', ['neigh', 'flush', 'all'])
    assert.is(await ping(inside, GUEST, mode === 'bridge' ? 10 : 1), mode === 'bridge')
    await other.stop('SIGKILL')
  }
}, { needs })

kernelTest(test, 'macvtap: is opened where /sys shows the same namespace, as on the host itself', async (bed) => {
  const { ns, tmp } = bed
  await behind(ns)
  const script = `
    const { openHost } = await import(process.argv[1])
    const host = await openHost({ root: process.argv[2] })
    const port = await host.attach({ kind: 'macvtap', device: 'up0', mode: 'bridge' })
    console.log(port.fds.length)
    await port.detach()
    await host.close()
    process.exit()`
  // ip mounts /sys anew for the namespace.
  assert.is(await ns.must('ip', ['netns', 'exec', ns.name, process.execPath, '--input-type=module', '-e', script, new URL('../../src/index.js', import.meta.url).href, tmp]), '1\n')
}, { needs: ['macvtap'] })

kernelTest(test, 'macvtap: what cannot be is refused, and nothing is made', async (bed) => {
  const { ns } = bed
  await behind(ns)
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  await ns.must('ip', ['link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1'])
  await ns.must('ip', ['link', 'set', 'port0', 'master', 'br0'])
  await ns.must('ip', ['tuntap', 'add', 'tun0', 'mode', 'tun'])
  await using open = await host(bed)
  await using port = await open.attach({ kind: 'macvtap', device: 'up0', mac: '52:54:00:00:00:77', mtu: 1400, vnetHdr: true })
  assert.equal([port.mac, port.mtu, port.mode, port.dev], ['52:54:00:00:00:77', 1400, 'vepa', 'macvtap0'])
  const before = await names(ns)
  const refused: readonly (readonly [string, object])[] = [
    ['NETWRIGHT_NOT_FOUND', { device: 'eth9' }], ['NETWRIGHT_NAME_IN_USE', { device: 'port0' }], ['NETWRIGHT_NAME_IN_USE', { device: 'up0', mode: 'passthru' }],
    ['NETWRIGHT_NAME_IN_USE', { device: 'up0', dev: 'br0' }], ['NETWRIGHT_INVALID', { device: 'up0', mode: 'source' }], ['NETWRIGHT_INVALID', {}], ['NETWRIGHT_INVALID', { device: 'up0', queues: 0 }],
    ['NETWRIGHT_INVALID', { device: 'up0', mtu: 9000 }], ['NETWRIGHT_INVALID', { device: 'up0', mac: '01:00:5e:00:00:01' }], ['NETWRIGHT_INVALID', { device: 'port1', mode: 'passthru', mac: '52:54:00:00:00:78' }],
    ['NETWRIGHT_INVALID', { device: 'up0', kind: 'veth' }], ['NETWRIGHT_UPLINK_UNFIT', { device: 'lo' }], ['NETWRIGHT_UPLINK_UNFIT', { device: 'lo', mode: 'passthru' }], ['NETWRIGHT_UPLINK_UNFIT', { device: 'tun0' }], ['NETWRIGHT_UPLINK_UNFIT', { device: 'tun0', mode: 'passthru' }],
    ['NETWRIGHT_INVALID', { device: 'up0', adress: 'auto' }], ['NETWRIGHT_INVALID', { device: 'up0', address: 'auto' }], ['EBUSY', { device: 'up0', mac: '52:54:00:00:00:77' }],
  ]
  for (const [code, input] of refused) {
    const given: unknown = { kind: 'macvtap', ...input }
    const error = await codeOf(open.attach(given as MacvtapInput))
    assert.ok(error === code || (code === 'EBUSY' && ['EADDRINUSE', 'NETWRIGHT_NAME_IN_USE'].includes(error ?? '')), `${JSON.stringify(input)}: ${String(error)}`)
  }
  assert.equal(await names(ns), before)
  assert.equal((await open.ports()).map(({ dev }) => dev), ['macvtap0'])
  assert.match(await open.attach({ kind: 'macvtap', device: 'lo' }).then(() => '', String), /lo cannot carry a macvtap: it is the loopback/)
  for (const name of ['br0', 'port0', 'tun0']) await ns.must('ip', ['link', 'del', name])
}, { needs: ['macvtap'] })

kernelTest(test, 'macvtap: stays when its host is closed, is found by the next one, and opened by it; with lifetime process it ends', async (bed) => {
  const { ns, tmp } = bed
  const outside = await behind(ns)
  {
    await using first = await host(bed)
    const port = await first.attach({ kind: 'macvtap', device: 'up0', dev: 'guest0' })
    for (const fd of port.fds) closeSync(fd)
    assert.is(await codeOf(port.send(join(tmp, 'nobody'))), 'NETWRIGHT_CLOSED')
  }
  {
    await using second = await host(bed)
    const port = await second.port('guest0')
    const other = receiver(ns, 'listen', join(tmp, 'socket'))
    await other.until(/listening/)
    await port.send(join(tmp, 'socket'))
    await other.until(/got 1 /)
    assert.ok(await ping(outside, GUEST, 10))
    await other.stop('SIGKILL')
    await port.detach()
  }
  {
    await using third = await host(bed, { lifetime: 'process' })
    const port = await third.attach({ kind: 'macvtap', device: 'up0', dev: 'guest0' })
    for (const fd of port.fds) closeSync(fd)
    assert.ok((await names(ns)).includes('guest0'))
  }
  assert.equal(await names(ns), ['lo', 'up0'])
}, { needs })

test.run()
