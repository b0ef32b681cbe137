import { execFile, execFileSync } from 'node:child_process'
import { on } from 'node:events'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { monitor, type Monitor, type MonitorEvent } from '../../src/netlink/monitor.js'
import { table } from '../../src/netlink/nft/index.js'
import { kernelTest } from '../harness/kernel-test.js'

const run = promisify(execFile)
const monitorFile = fileURLToPath(new URL('../../src/netlink/monitor.js', import.meta.url))
const nativeFile = fileURLToPath(new URL('../../src/netlink/native.js', import.meta.url))

/** Reads until an event is the wanted one; the test's own time-out is the bound. */
async function until (events: Monitor, wanted: (event: MonitorEvent) => boolean): Promise<readonly MonitorEvent[]> {
  const seen: MonitorEvent[] = []
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) throw new Error(`the monitor ended after ${String(seen.length)} events`)
    seen.push(value)
    if (wanted(value)) return seen
  }
}

/** A monitor does not keep the process alive, so a test that waits for it must. */
async function alive<T> (body: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 1000)
  try { return await body() } finally { clearInterval(timer) }
}

const isLink = (name: string, ifname: string) => (event: MonitorEvent): boolean => event.kind === 'message' && event.family === 'link' && event.name === name && event.message.ifname === ifname

kernelTest(test, 'monitor: hears of links, addresses, routes and neighbours that ip changes', async ({ ns }) => {
  await alive(async () => {
    const events = monitor({ netns: ns.fd, groups: ['link', 'addr', 'route', 'neigh'] })
    await events.ready
    for (const command of ['link add br0 type bridge', 'addr add 192.0.2.1/24 dev br0', 'link set br0 up', 'neigh add 192.0.2.7 lladdr 52:54:00:00:00:07 dev br0', 'route add 198.51.100.0/24 via 192.0.2.9', 'link del br0']) await ns.must('ip', command.split(' '))
    const seen = await until(events, isLink('RTM_DELLINK', 'br0'))
    const heard = (family: string, name: string, test: (message: Readonly<Record<string, unknown>>) => boolean): boolean =>
      seen.some((event) => event.kind === 'message' && event.family === family && event.name === name && test(Object.fromEntries(Object.entries(event.message))))
    assert.ok(heard('link', 'RTM_NEWLINK', ({ ifname }) => ifname === 'br0'))
    assert.ok(heard('addr', 'RTM_NEWADDR', ({ local, prefixlen }) => local === '192.0.2.1' && prefixlen === 24))
    assert.ok(heard('route', 'RTM_NEWROUTE', ({ dst, gateway }) => dst === '198.51.100.0' && gateway === '192.0.2.9'))
    assert.ok(heard('neigh', 'RTM_NEWNEIGH', ({ dst, lladdr }) => dst === '192.0.2.7' && lladdr === '52:54:00:00:00:07'))
    await events.return?.()
  })
})

kernelTest(test, 'monitor: hears of nftables and of nothing else', async ({ ns }) => {
  await alive(async () => {
    const events = monitor({ netns: ns.fd, groups: ['nft'] })
    await events.ready
    await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
    await ns.must('nft', ['add', 'table', 'inet', 'mine'])
    await ns.must('nft', ['delete', 'table', 'inet', 'mine'])
    const seen = await until(events, (event) => event.kind === 'message' && event.name === 'NFT_MSG_DELTABLE')
    assert.ok(seen.every((event) => event.kind === 'message' && event.family === 'nft'))
    const [first] = seen
    if (first?.kind !== 'message' || first.family !== 'nft') throw new Error('no nftables event')
    assert.is(first.name, 'NFT_MSG_NEWTABLE')
    assert.equal([table.decode(first.message).family, table.decode(first.message).name], ['inet', 'mine'])
    await events.return?.()
  })
}, { needs: ['nft'], leaves: true })

kernelTest(test, 'monitor: hears its own namespace only', async ({ ns }) => {
  const other = await ns.add()
  await alive(async () => {
    const events = monitor({ netns: ns.fd, groups: ['link'] })
    await events.ready
    await other.must('ip', ['link', 'add', 'elsewhere', 'type', 'bridge'])
    await ns.must('ip', ['link', 'add', 'here', 'type', 'bridge'])
    const seen = await until(events, isLink('RTM_NEWLINK', 'here'))
    assert.is(seen.some(isLink('RTM_NEWLINK', 'elsewhere')), false)
    await events.return?.()
  })
}, { leaves: true })

kernelTest(test, 'monitor: ends and closes its sockets when the signal aborts', async ({ ns }) => {
  const before = (await readdir('/proc/self/fd')).length
  await alive(async () => {
    const stop = new AbortController()
    const events = monitor({ netns: ns.fd, groups: ['link', 'nft'], signal: stop.signal })
    await events.ready
    const waiting = events.next()
    stop.abort()
    assert.equal(await waiting, { done: true, value: undefined })
    assert.equal(await events.next(), { done: true, value: undefined })
    await events.return?.()
    assert.is((await readdir('/proc/self/fd')).length, before)
    const never = monitor({ netns: ns.fd, groups: ['link'], signal: stop.signal })
    await never.ready
    assert.is((await never.next()).done, true)
  })
}, { needs: ['nft'] })

kernelTest(test, 'monitor: leaving the loop closes it', async ({ ns }) => {
  const before = (await readdir('/proc/self/fd')).length
  await alive(async () => {
    const events = monitor({ netns: ns.fd, groups: ['link'] })
    await events.ready
    await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
    for await (const event of events) if (event.kind === 'message') break
    assert.is((await readdir('/proc/self/fd')).length, before)
  })
}, { leaves: true })

kernelTest(test, 'monitor: more events than the reader takes are dropped with an overrun in their place', async ({ ns }) => {
  await alive(async () => {
    const events = monitor({ netns: ns.fd, groups: ['link'], limit: 3 })
    await events.ready
    for (let i = 0; i < 6; i++) await ns.must('ip', ['link', 'add', `br${String(i)}`, 'type', 'bridge'])
    const seen = await until(events, ({ kind }) => kind === 'overrun')
    assert.is(seen.length, 4)
    await ns.must('ip', ['link', 'add', 'later', 'type', 'bridge'])
    await until(events, isLink('RTM_NEWLINK', 'later'))
    await events.return?.()
  })
}, { leaves: true })

kernelTest(test, 'monitor: a full buffer of the kernel is an overrun', async ({ ns }) => {
  await alive(async () => {
    const events = monitor({ netns: ns.fd, groups: ['link'], receiveBuffer: 16_384 })
    await events.ready
    const lines = ['link add br0 type bridge', ...Array.from({ length: 100 }, (_, i) => `link set br0 mtu ${String(1300 + i)}`)].join('\n')
    // Nothing is read meanwhile: the event loop stands still while the batch runs.
    execFileSync('ip', ['-n', ns.name, '-batch', '-'], { input: lines })
    const seen = await until(events, ({ kind }) => kind === 'overrun')
    assert.ok(seen.length < 100)
    await ns.must('ip', ['link', 'add', 'later', 'type', 'bridge'])
    await until(events, isLink('RTM_NEWLINK', 'later'))
    await events.return?.()
  })
}, { leaves: true })

test('monitor: does not keep the process alive', async () => {
  const script = `import { monitor } from ${JSON.stringify(monitorFile)}\nconst events = monitor({ groups: ['link'] })\nvoid events.next()\nevents.ready.then(() => { console.log('listening') })`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 })
  assert.is(stdout, 'listening\n')
})

/** Runs `body` in a worker, with `events`, a monitor of the namespace that is `netns`; what it posts comes to `heard`. */
function inWorker (netns: number, groups: string, body: string, options = '', workerData?: unknown): Talking {
  const script = `import(${JSON.stringify(monitorFile)}).then(async ({ monitor }) => {
    const { parentPort } = require('node:worker_threads')
    const alive = setInterval(() => undefined, 1000)
    const events = monitor({ netns: ${String(netns)}, groups: ${groups}, ${options} })
    await events.ready
    parentPort.postMessage('ready')
    ${body}
    clearInterval(alive)
  })`
  return talking(new Worker(script, { eval: true, workerData }))
}

/** A worker, and what it says, one at a time. */
interface Talking { readonly worker: Worker, readonly exited: Promise<unknown>, said (): Promise<unknown> }
function talking (worker: Worker): Talking {
  const messages = on(worker, 'message')
  return { worker, exited: new Promise((resolve) => { worker.once('exit', resolve) }), said: async () => {
    const { value } = await messages.next() as { value: readonly unknown[] }
    return value[0]
  } }
}

kernelTest(test, 'monitor: hears in a worker what it hears in the main thread, and leaves no descriptor', async ({ ns }) => {
  const before = (await readdir('/proc/self/fd')).length
  const { exited, said } = inWorker(ns.fd, "['link', 'nft']", "const heard = []; for await (const { name } of events) { heard.push(name); if (name === 'NFT_MSG_DELTABLE') break } parentPort.postMessage([...new Set(heard)].sort().join())")
  assert.is(await said(), 'ready')
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  await ns.must('ip', ['link', 'del', 'br0'])
  await ns.must('nft', ['add', 'table', 'inet', 'mine'])
  await ns.must('nft', ['delete', 'table', 'inet', 'mine'])
  assert.is(await said(), 'NFT_MSG_DELTABLE,NFT_MSG_NEWGEN,NFT_MSG_NEWTABLE,RTM_DELLINK,RTM_NEWLINK')
  assert.is(await exited, 0)
  assert.is((await readdir('/proc/self/fd')).length, before)
}, { needs: ['nft'] })

kernelTest(test, 'monitor: in a worker, a full buffer of the kernel is an overrun', async ({ ns }) => {
  // It stands still until all has happened.
  const done = new Int32Array(new SharedArrayBuffer(4))
  const { worker, said } = inWorker(ns.fd, "['link']", "Atomics.wait(require('node:worker_threads').workerData, 0, 0); for await (const { kind } of events) if (kind === 'overrun') break; parentPort.postMessage('overrun'); process.exit(0)", 'receiveBuffer: 16384', done)
  assert.is(await said(), 'ready')
  await ns.must('ip', ['-batch', '-'], { input: ['link add br0 type bridge', ...Array.from({ length: 500 }, (_, i) => `link set br0 mtu ${String(1300 + i)}`)].join('\n') })
  Atomics.store(done, 0, 1)
  Atomics.notify(done, 0)
  assert.is(await said(), 'overrun')
  await worker.terminate()
}, { leaves: true })

kernelTest(test, 'monitor: a worker that listens may be terminated at any moment', async ({ ns }) => {
  const before = (await readdir('/proc/self/fd')).length
  const flood = ns.spawn('sh', ['-c', 'ip link add br0 type bridge; i=1300; while [ $i -lt 2300 ]; do ip link set br0 mtu $i; i=$((i + 1)); done; ip link del br0'])
  for (let round = 0; round < 30; round++) {
    const { worker, said } = inWorker(ns.fd, "['link', 'addr', 'nft']", 'for await (const event of events) parentPort.postMessage(event.kind)')
    if (round % 3 !== 0) await said()
    await worker.terminate()
  }
  await flood.stop()
  await ns.exec('ip', ['link', 'del', 'br0'])
  // Their threads end a moment after they are told to.
  for (let tries = 0; tries < 3_000 && (await readdir('/proc/self/fd')).length > before; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.is((await readdir('/proc/self/fd')).length, before)
}, { needs: ['nft'] })

kernelTest(test, 'monitor: in a worker, a closed descriptor is an error of ready', async () => {
  const { worker, said } = talking(new Worker(`import(${JSON.stringify(monitorFile)}).then(({ monitor }) => monitor({ netns: 999, groups: ['link'] }).ready).catch((error) => { require('node:worker_threads').parentPort.postMessage(String(error)) })`, { eval: true }))
  assert.match(String(await said()), /EBADF/)
  await worker.terminate()
})

kernelTest(test, 'monitor: a closed descriptor is an error of ready and of the first next', async () => {
  const script = `import { monitor } from ${JSON.stringify(monitorFile)}\nimport { native } from ${JSON.stringify(nativeFile)}\nnative()\nconst events = monitor({ netns: 999, groups: ['link'] })\nconst ready = await events.ready.then(() => 'ready', (error) => error.constructor.name)\nconst next = await events.next().then(() => 'event', (error) => error.message)\nconsole.log(ready, next, (await events.next()).done)`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 })
  assert.match(stdout, /^\w+ .*EBADF.* true\n$/)
})

test.run()
