/** What a host tells of itself: channels to listen to, and a snapshot. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tracingChannel } from 'node:diagnostics_channel'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DnsmasqTrace, NetlinkTrace, OperationTrace } from '../../src/index.js'
import { native } from '../../src/netlink/native.js'
import { must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { host } from './bed.js'

const red = { name: 'red', forward: 'nat', bridge: 'br-red', subnet: '10.95.1.0/24', dhcp: true } as const
const quiet = (name: string, third: number): { name: string, subnet: string, dns: { enable: false } } => ({ name, subnet: `10.95.${String(third)}.0/24`, dns: { enable: false } })

/** Resolves where `work` does not. */
const refused = async (work: Promise<unknown>): Promise<void> => { assert.ok(await work.then(() => false, () => true)) }

interface Heard<T> { readonly begun: readonly T[], readonly ended: readonly (T & { readonly error?: unknown, readonly result?: unknown })[] }

/** Listens to a channel while `work` runs. */
async function hear<T extends object> (name: string, work: () => Promise<void>): Promise<Heard<T>> {
  const begun: T[] = []
  const ended: T[] = []
  const channel = tracingChannel<unknown, T>(name)
  const nothing = (): void => undefined
  const listeners = { start: (message: T): void => { begun.push({ ...message }) }, end: nothing, asyncStart: nothing, asyncEnd: (message: T): void => { ended.push(message) }, error: nothing }
  channel.subscribe(listeners)
  try { await work() } finally { channel.unsubscribe(listeners) }
  return { begun, ended }
}

kernelTest(test, 'diagnostics: every operation is told, with its names and its outcome', async (context) => {
  await using opened = await host(context, { owner: 'rig' })
  const { begun, ended } = await hear<OperationTrace>('netwright:operation', async () => {
    const [first, second] = await opened.create([quiet('one', 1), quiet('two', 2)])
    await refused(opened.create(quiet('one', 3)))
    await Promise.all([first?.destroy(), second?.destroy()])
    const kept = await opened.define(quiet('three', 4))
    await kept.start()
    await kept.stop()
    await kept.undefine()
  })
  assert.equal(begun.map(({ operation }) => operation), ['create', 'create', 'destroy', 'destroy', 'define', 'start', 'stop', 'undefine'])
  assert.equal(begun[0], { operation: 'create', owner: 'rig', netns: context.ns.path, names: ['one', 'two'], count: 2 })
  assert.equal(ended.map(({ operation, names }) => [operation, ...names]).sort(), [['create', 'one'], ['create', 'one', 'two'], ['define'], ['destroy', 'one'], ['destroy', 'two'], ['start', 'three'], ['stop', 'three'], ['undefine', 'three']])
  const failed = ended.filter(({ error }) => error !== undefined)
  assert.equal(failed.map(({ operation, error }) => [operation, (error as { code?: string }).code]), [['create', 'NETWRIGHT_ACTIVE']])
})

kernelTest(test, 'diagnostics: every exchange with the kernel is told, with what was sent and where the time went', async (context) => {
  await using opened = await host(context)
  const { begun, ended } = await hear<NetlinkTrace>('netwright:netlink', async () => { await (await opened.create(quiet('one', 1))).destroy(); await opened.settled() })
  assert.is(begun.length, ended.length)
  assert.ok(ended.some(({ protocol }) => protocol === 0) && ended.some(({ protocol }) => protocol === 12))
  assert.ok(ended.some(({ messages, dump }) => messages > 1 && !dump), 'links and addresses go in one send')
  for (const { bytes, answerBytes = 0, queueMs = -1, waitMs = -1, spentMs = -1, workMs = -1 } of ended) {
    assert.ok(bytes >= 16 && answerBytes > 0)
    assert.ok(queueMs >= 0 && waitMs >= 0 && workMs >= 0 && spentMs >= waitMs)
  }
  for (const trace of begun) assert.equal(Object.keys(trace).sort(), ['bytes', 'dump', 'messages', 'protocol'])
})

kernelTest(test, 'diagnostics: every start of a dnsmasq is told, from the process until it answers', async (context) => {
  await using opened = await host(context)
  let seen: number | undefined
  const { begun, ended } = await hear<DnsmasqTrace>('netwright:dnsmasq', async () => {
    const network = await opened.create(red)
    const pids = (await must('pgrep', ['-x', 'dnsmasq'])).trim().split('\n').map(Number)
    const { dnsmasq, networks } = await opened.diagnostics()
    assert.equal([dnsmasq.running, dnsmasq.count, dnsmasq.failed, networks], [1, 1, 0, 1])
    await network.destroy()
    assert.is(pids.length, 1)
    seen = pids[0]
  })
  assert.equal(begun, [{ owner: 'system', network: 'red' }])
  assert.equal(ended.map(({ pid }) => pid), [seen])
}, { needs: ['dnsmasq'] })

kernelTest(test, 'diagnostics: the snapshot counts calls, waiting for the kernel and for the lock, and what waits to be deleted', async (context) => {
  await using opened = await host(context, { lockTimeout: 300 })
  const fresh = await opened.diagnostics()
  assert.equal(fresh.operations, {})
  assert.equal([fresh.networks, fresh.ports, fresh.graves, fresh.connections], [0, 0, 0, 0])
  const network = await opened.create(quiet('one', 1))
  await network.attach({ kind: 'tap', fds: false })
  await refused(opened.create(quiet('one', 2)))
  const before = await opened.diagnostics()
  assert.equal([before.networks, before.ports], [1, 1])
  assert.equal([before.operations.create?.count, before.operations.create?.failed, before.operations.attach?.count], [2, 1, 1])
  assert.ok(before.kernel.exchanges > fresh.kernel.exchanges)
  const [id = ''] = await readdir(join(context.tmp, 'run/netwright'))
  const fd = await native().lockTry(`/run/netwright/${id}.lock`, null)
  await refused(opened.create(quiet('two', 2)))
  await native().lockRelease(fd ?? -1, `/run/netwright/${id}.lock`, true)
  const locked = await opened.diagnostics()
  assert.equal([locked.lock.failed, locked.lock.count > before.lock.count, locked.lock.longestMs > before.lock.longestMs], [1, true, true])
  await network.destroy()
  await opened.settled()
  const after = await opened.diagnostics()
  assert.equal([after.networks, after.ports, after.graves, after.connections, after.operations.destroy?.count], [0, 0, 0, 0, 1])
  assert.ok(after.kernel.workedMs > 0 && after.kernel.waitedMs >= 0 && after.kernel.longestWaitMs >= 0)
})

kernelTest(test, 'diagnostics: waiting for RTNL, which somebody else holds, is told apart from the kernel\'s own work', async (context) => {
  const other = await context.ns.add()
  for (let i = 0; i < 6; i++) await other.must('ip', ['link', 'add', `b${String(i)}`, 'group', '99', 'type', 'bridge'])
  await other.must('sh', ['-c', 'for i in 0 1 2 3 4 5; do ip link set b$i group 99; done'])
  await using opened = await host(context)
  const { ended } = await hear<NetlinkTrace>('netwright:netlink', async () => {
    const deleting = { now: true }
    const end = other.must('ip', ['link', 'del', 'group', '99']).then(() => { deleting.now = false })
    for (let i = 0; deleting.now; i++) await opened.links.addBridge(`mine${String(i)}`)
    await end
  })
  const longest = ended.reduce((one, two) => (one.spentMs ?? 0) > (two.spentMs ?? 0) ? one : two)
  assert.ok((longest.workMs ?? Infinity) < (longest.spentMs ?? 0) / 2, `${String(longest.workMs)} of ${String(longest.spentMs)} ms`)
  const { kernel } = await opened.diagnostics()
  assert.ok(kernel.longestWaitMs >= (longest.spentMs ?? 0) - (longest.workMs ?? 0))
  for (const { name } of await opened.links.bridges()) await opened.links.deleteBridge(name)
})

test.run()
