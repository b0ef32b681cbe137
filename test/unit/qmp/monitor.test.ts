/** The monitor's other end is anybody who can make a socket: what it says is bounded, in size and in time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../../src/errors.js'
import { isGone, openMonitor } from '../../../src/qmp/monitor.js'
import { plug, unplug } from '../../../src/qmp/nic.js'

const GREETING = '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2"}, "capabilities": ["oob"]}}\r\n'

interface Command { readonly execute: string, readonly id: number, readonly arguments: { readonly id?: string } }

/** A peer that greets and answers as it is told. */
async function peer (answer: (command: Command, socket: Socket) => string | undefined, greeting: string | undefined, work: (path: string, heard: string[]) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'qmp-'))
  const path = join(directory, 'qmp')
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    if (greeting !== undefined) socket.write(greeting)
    socket.on('data', (data) => {
      for (const line of String(data).split('\n').filter((one) => one !== '')) {
        const command = JSON.parse(line) as Command
        heard.push(`${command.execute} ${command.arguments.id ?? ''}`.trim())
        const text = command.execute === 'qmp_capabilities' ? '{"return": {}' : answer(command, socket)
        if (text !== undefined) socket.write(`${text}, "id": ${String(command.id)}}\r\n`)
      }
    })
  })
  await new Promise<void>((resolve) => { server.listen(path, resolve) })
  try { await work(path, heard) } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => { server.close(resolve) })
    await rm(directory, { recursive: true })
  }
}

async function refusal (work: Promise<unknown>): Promise<NetwrightError> {
  try { await work } catch (error) {
    if (error instanceof NetwrightError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const nic = { netdev: { type: 'tap', id: 'hostn' }, device: { driver: 'virtio-net-pci', id: 'n', netdev: 'hostn' } }
const refused = (desc: string): string => `{"error": {"class": "GenericError", "desc": "${desc}"}`

test('monitor: nobody there is told from somebody who does not answer', async () => {
  const gone = await refusal(openMonitor('/nonexistent/qmp'))
  assert.is(gone.code, 'NETWRIGHT_GUEST_UNREACHABLE')
  assert.ok(isGone(gone))
  await peer(() => '', undefined, async (path) => {
    const silent = await refusal(openMonitor(path, { timeout: 500 }))
    assert.is(silent.code, 'NETWRIGHT_GUEST_UNREACHABLE')
    assert.match(silent.message, /a greeting .* did not come within 500 ms/)
    assert.not(isGone(silent))
  })
})

test('monitor: an abort ends the waiting', async () => {
  await peer(() => undefined, GREETING, async (path) => {
    assert.is((await refusal(openMonitor(path, { signal: AbortSignal.abort() }))).code, 'NETWRIGHT_ABORTED')
    const monitor = await openMonitor(path)
    const controller = new AbortController()
    const answer = refusal(monitor.execute('query-pci', {}, { signal: controller.signal }))
    controller.abort()
    assert.is((await answer).code, 'NETWRIGHT_ABORTED')
    monitor.close()
    assert.is((await refusal(monitor.execute('query-pci'))).code, 'NETWRIGHT_GUEST_UNREACHABLE')
  })
})

test('monitor: what is no QMP, or has no end, is cut off', async () => {
  await peer(() => '', 'SSH-2.0-OpenSSH_9.2\r\n', async (path) => { assert.match((await refusal(openMonitor(path))).message, /SSH-2\.0.* is no QMP message/) })
  await peer(() => '', `{"QMP": "${'x'.repeat(5_000_000)}`, async (path) => { assert.match((await refusal(openMonitor(path))).message, /a message without end/) })
  await peer(() => '', '[1]\n', async (path) => { assert.match((await refusal(openMonitor(path))).message, /no QMP message/) })
})

test('nic: a refused device takes its backend with it, and QEMU\'s words are told', async () => {
  await peer(({ execute }) => execute === 'device_add' ? refused('no such driver') : execute === 'query-pci' ? '{"return": []' : '{"return": {}', GREETING, async (path, heard) => {
    const monitor = await openMonitor(path)
    const error = await refusal(plug(monitor, nic))
    assert.equal([error.code, error.message], ['NETWRIGHT_GUEST_REFUSED', 'QEMU refused device_add: no such driver (GenericError)'])
    assert.equal(heard.slice(1), ['netdev_add hostn', 'device_add n', 'query-pci', 'netdev_del hostn'])
    monitor.close()
  })
})

test('nic: where the undo fails too, what is left is named', async () => {
  await peer(({ execute }) => ['device_add', 'netdev_del'].includes(execute) ? refused('no') : '{"return": []', GREETING, async (path) => {
    const monitor = await openMonitor(path)
    const error = await refusal(plug(monitor, nic))
    assert.equal([error.code, error.left], ['NETWRIGHT_UNDO_INCOMPLETE', [`netdev hostn of ${path}`]])
    monitor.close()
  })
})

test('nic: a device that no answer came of is taken back', async () => {
  await peer(({ execute }) => execute === 'device_add' ? undefined : '{"return": {}', GREETING, async (path, heard) => {
    const monitor = await openMonitor(path)
    assert.is((await refusal(plug(monitor, nic, { timeout: 500 }))).code, 'NETWRIGHT_GUEST_UNREACHABLE')
    assert.equal(heard.slice(-2), ['device_del n', 'netdev_del hostn'])
    monitor.close()
  })
})

test('nic: a guest that does not let it go keeps it; one that refuses says so', async () => {
  await peer(() => '{"return": {}', GREETING, async (path, heard) => {
    const monitor = await openMonitor(path)
    const error = await refusal(unplug(monitor, { device: 'n', netdev: 'hostn' }, { timeout: 500 }))
    assert.equal([error.code, error.message], ['NETWRIGHT_GUEST_REFUSED', 'the guest has not let n go within 500 ms'])
    assert.equal(heard.at(-1), 'device_del n')
    monitor.close()
  })
  await peer(({ execute }, socket) => {
    if (execute === 'device_del') socket.write('{"event": "DEVICE_DELETED", "data": {"path": "/machine/x"}}\n{"event": "DEVICE_UNPLUG_GUEST_ERROR", "data": {"device": "n", "path": "/n"}}\n')
    return '{"return": {}'
  }, GREETING, async (path) => {
    const monitor = await openMonitor(path)
    assert.is((await refusal(unplug(monitor, { device: 'n', netdev: 'hostn' }))).message, 'the guest refused to let n go')
    monitor.close()
  })
})

test('nic: what is gone already is no error', async () => {
  await peer(() => '{"error": {"class": "DeviceNotFound", "desc": "Device \'n\' not found"}', GREETING, async (path) => {
    const monitor = await openMonitor(path)
    await unplug(monitor, { device: 'n', netdev: 'hostn' })
    monitor.close()
  })
})

test.run()
