/** Ports handed to processes that are not our children: python3 and QEMU take them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError, NetwrightError } from '../../src/index.js'
import { background } from '../harness/command.js'
import { ping } from '../harness/guest.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'
import { receiver } from '../harness/receiver.js'
import { eventually, host } from './bed.js'

const red = { name: 'red', bridge: 'red0', forward: 'nat', dns: { enable: false }, ip: [{ address: '10.7.0.1', prefix: 24 }] } as const

async function codeOf (promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  return error instanceof KernelError ? error.errnoName : error instanceof NetwrightError ? error.code : error instanceof Error ? error.message : undefined
}

const there = async (ns: Namespace, dev: string): Promise<boolean> => (await ns.exec('ip', ['link', 'show', 'dev', dev])).code === 0
const gone = async (ns: Namespace, dev: string): Promise<void> => { await eventually(`the end of ${dev}`, async () => await there(ns, dev) ? undefined : true) }

for (const [how, path] of [['listen', 'socket'], ['packets', 'packets'], ['listen', '@netwright-test']] as const) {
  kernelTest(test, `handover: both queues go to an unrelated process (${how} ${path}), carry its packets, and the link ends with it`, async (bed) => {
    const { ns, tmp } = bed
    await using open = await host(bed)
    await using net = await open.create(red)
    const port = await net.attach({ kind: 'tap', queues: 2 })
    const socket = path.startsWith('@') ? path : join(tmp, path)
    const other = receiver(path.startsWith('@') ? { spawn: background } : await ns.add(), how, socket) // one that lives in another namespace, as in a jail; abstract names are of a network namespace
    await other.until(/listening/)
    await port.send(socket, { close: true })
    const [, count, text = ''] = await other.until(/got (\d+) (.*)\n/)
    assert.is(count, '2')
    assert.equal(JSON.parse(text), { ...JSON.parse(JSON.stringify((await net.ports())[0])) as object, vhost: 0 })
    assert.ok(await ping(ns, '10.7.0.9'))
    assert.is(await codeOf(port.send(socket)), 'NETWRIGHT_CLOSED') // ours are closed
    await other.stop('SIGKILL')
    await gone(ns, port.dev)
    assert.equal(await net.ports(), [])
  }, { needs: ['tun', 'python3'] })
}

kernelTest(test, 'handover: a receiver that never takes them leaves nothing here, and the link goes all the same', async (bed) => {
  const { ns, tmp } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  for (const how of ['deaf', 'deaf-once'] as const) {
    const port = await net.attach({ kind: 'tap', queues: 2 })
    const socket = join(tmp, how)
    const other = receiver(ns, how, socket, '10.7.0.60')
    await other.until(/listening/)
    assert.is(await codeOf(port.send(socket, { timeout: 200 })), 'NETWRIGHT_TIMEOUT')
    assert.is(await codeOf(port.send(socket, { signal: AbortSignal.timeout(200) })), 'NETWRIGHT_ABORTED')
    assert.is(await codeOf(port.send(socket, { signal: AbortSignal.abort() })), 'NETWRIGHT_ABORTED')
    await port[Symbol.asyncDispose]()
    await gone(ns, port.dev) // while what was sent still waits in the receiver's socket
    assert.is(await codeOf(port.send(socket)), 'NETWRIGHT_CLOSED')
    await other.stop('SIGKILL')
  }
}, { needs: ['tun', 'python3'] })

kernelTest(test, 'handover: a receiver that is not there, or ends without taking them, is an error that says so', async (bed) => {
  const { ns, tmp } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  await using port = await net.attach({ kind: 'tap' })
  const socket = join(tmp, 'socket')
  assert.is(await codeOf(port.send(socket)), 'ENOENT')
  const other = receiver(ns, 'deaf', socket, '10.7.0.60')
  await other.until(/listening/)
  const sent = codeOf(port.send(socket, { timeout: 60_000 }))
  await other.stop('SIGKILL')
  assert.ok(['ECONNRESET', 'ECONNREFUSED'].includes(await sent ?? ''), await sent) // refused where it had ended before we came
  assert.is(await codeOf(port.send(socket)), 'ECONNREFUSED')
  for (const wrong of ['', 'x'.repeat(108), { fd: -1 }, { fd: 99_999 }]) assert.ok(['NETWRIGHT_INVALID', 'EBADF'].includes(await codeOf(port.send(wrong)) ?? ''))
  assert.is(await codeOf(port.send(socket, { fds: [0] })), 'NETWRIGHT_INVALID')
  assert.is(await codeOf(port.send(socket, { data: '' })), 'NETWRIGHT_INVALID')
  assert.ok(await there(ns, port.dev))
}, { needs: ['tun', 'python3'] })

kernelTest(test, 'handover: closing the host ends it', async (bed) => {
  const { ns, tmp } = bed
  const open = await host(bed)
  const net = await open.create(red)
  const port = await net.attach({ kind: 'tap', fds: false })
  const other = receiver(ns, 'deaf', join(tmp, 'socket'), '10.7.0.60')
  await other.until(/listening/)
  const sent = codeOf(port.send(join(tmp, 'socket'), { timeout: 60_000 }))
  await open.close()
  assert.is(await sent, 'NETWRIGHT_ABORTED')
  await using next = await host(bed)
  await (await next.network(net.name)).destroy()
}, { needs: ['tun', 'python3'] })

kernelTest(test, 'handover: is offered at a socket, to one of the right user, and the socket is gone afterwards', async (bed) => {
  const { ns, tmp } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  const made = await net.attach({ kind: 'tap', fds: false }) // persistent: its queue is opened for it
  const port = await open.port(made.dev)
  const socket = join(tmp, 'socket')
  const exists = async (): Promise<boolean> => await access(socket).then(() => true, () => false)
  const offered = port.offer(socket, { timeout: 60_000 })
  await eventually('the socket', async () => await exists() ? true : undefined)
  assert.is(await codeOf(port.offer(socket, { timeout: 200 })), 'EBUSY') // its one queue is open
  const other = receiver(ns, 'connect', socket)
  await other.until(/got 1 /)
  await offered
  assert.not.ok(await exists())
  assert.ok(await ping(ns, '10.7.0.9'))
  await other.stop('SIGKILL')
  assert.ok(await there(ns, port.dev))

  assert.is(await codeOf(port.offer(socket, { timeout: 200 })), 'NETWRIGHT_TIMEOUT')
  assert.not.ok(await exists())
  const enough = new AbortController()
  const refused = codeOf(port.offer(socket, { timeout: 60_000, uid: 54321, signal: enough.signal }))
  await eventually('the socket', async () => await exists() ? true : undefined)
  assert.is((await ns.must('stat', ['-c', '%a %u', socket])).trim(), '600 54321')
  const wrong = receiver(ns, 'connect', socket) // root, who may connect to anything
  await wrong.until(/got 0/)
  enough.abort()
  assert.is(await refused, 'NETWRIGHT_ABORTED') // it had gone on waiting
  await ns.must('touch', [socket])
  assert.is(await codeOf(port.offer(socket, { timeout: 200 })), 'EADDRINUSE')
  assert.ok(await exists()) // not ours
}, { needs: ['tun', 'python3'] })

/** Puts a link to a file of root's where a socket appears, as the owner of its directory may. */
const SWAP = `
#include <stdio.h>
#include <unistd.h>
int main(int count, char **words) {
  if (count < 3 || chdir(words[1]) || setgid(54321) || setuid(54321)) return 1;
  puts("swapping"); fflush(stdout);
  for (;;) if (!access("socket", F_OK) && !symlink(words[2], "link") && !rename("link", "socket")) { usleep(300); unlink("socket"); }
}`

kernelTest(test, 'handover: an offer gives the socket to a user, and nothing that he puts in its place', async (bed) => {
  const { ns, tmp } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  await using port = await net.attach({ kind: 'tap' })
  const [jail, secret, swap] = [join(tmp, 'jail'), join(tmp, 'secret'), join(tmp, 'swap')]
  await mkdir(jail)
  await chown(jail, 54321, 54321)
  await chmod(tmp, 0o711)
  await writeFile(secret, '', { mode: 0o644 })
  await ns.must('cc', ['-x', 'c', '-o', swap, '-'], { input: SWAP })
  const swapper = ns.spawn(swap, [jail, secret])
  await swapper.until(/swapping/)
  for (let i = 0; i < 500; i++) {
    await codeOf(port.offer(join(jail, 'socket'), { uid: 54321, timeout: 2 }))
    const { uid, mode } = await stat(secret)
    assert.equal([uid, mode & 0o777], [0, 0o644], `after ${String(i)} offers`)
  }
  await swapper.stop('SIGKILL')
}, { needs: ['tun'] })

kernelTest(test, 'handover: a running QEMU gets the queues over its QMP socket, and lets them go', async (bed) => {
  const { ns, tmp } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  await using port = await net.attach({ kind: 'tap', queues: 2, vnetHdr: true })
  const path = join(tmp, 'qmp')
  const qemu = spawn('ip', ['netns', 'exec', ns.name, 'qemu-system-x86_64', '-S', '-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', 'tcg', '-m', '32', '-device', 'pcie-root-port,id=root0', '-qmp', `unix:${path},server=on,wait=off`], { stdio: 'inherit' })
  try {
    await eventually('QMP', async () => await access(path).then(() => true, () => undefined))
    const socket = connect(path).on('error', () => undefined) // it may be reset when QEMU ends
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
    const next = async (): Promise<string> => { for (;;) { const { value } = await lines.next() as { value: string }; if (!value.includes('"event"')) return value } }
    const ask = async (execute: string, args: object = {}): Promise<string> => { socket.write(`${JSON.stringify({ execute, arguments: args })}\n`); return await next() }
    assert.match(await next(), /QMP/)
    assert.is(await ask('qmp_capabilities'), '{"return": {}}')
    const names = port.fds.map((_, i) => `net0-${String(i)}`)
    for (const [i, fd] of port.fds.entries()) {
      await port.send(socket, { fds: [fd], data: `${JSON.stringify({ execute: 'getfd', arguments: { fdname: names[i] } })}\n` })
      assert.is(await next(), '{"return": {}}')
    }
    const { netdev, device } = port.qemu({ id: 'net0', fds: names })
    assert.is(await ask('netdev_add', netdev), '{"return": {}}')
    assert.is(await ask('device_add', { ...device, bus: 'root0' }), '{"return": {}}')
    assert.match(await ask('query-rx-filter', { name: 'net0' }), new RegExp(`"main-mac": "${port.mac}"`))
    const over = once(qemu, 'close')
    socket.write(`${JSON.stringify({ execute: 'quit' })}\n`)
    assert.equal(await over, [0, null])
    socket.destroy()
  } finally { qemu.kill('SIGKILL'); if (qemu.exitCode === null && qemu.signalCode === null) await once(qemu, 'close') }
}, { needs: ['tun', 'qemu'] })

kernelTest(test, 'vhost: a port with it is refused where the host has none, and nothing is made', async (bed) => {
  const { ns } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  const names = async (): Promise<string[]> => (await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname)
  const before = await names()
  assert.is(await codeOf(net.attach({ kind: 'tap', vhost: true })), 'NETWRIGHT_UNSUPPORTED')
  await open.settled()
  assert.equal(await names(), before)
  assert.is(await codeOf(net.attach({ kind: 'tap', vhost: true, fds: false })), 'NETWRIGHT_INVALID')
}, { needs: ['tun', 'no-vhost-net'] })

kernelTest(test, 'vhost: a port has a descriptor of it for each queue', async (bed) => {
  await using open = await host(bed)
  await using net = await open.create(red)
  await using port = await net.attach({ kind: 'tap', queues: 2, vhost: true })
  assert.equal([port.fds.length, port.vhostFds.length, new Set([...port.fds, ...port.vhostFds]).size], [2, 2, 4])
  assert.match(port.qemuArgs()[1] ?? '', /fds=3:4,vhost=on,vhostfds=5:6/)
}, { needs: ['tun', 'vhost-net'] })

test.run()
