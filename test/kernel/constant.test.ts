/** One network more costs the same however many there are, and nothing that others change is missed for it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { openHost, type Internals } from '../../src/engine/host.js'
import type { Host, NetworkInput } from '../../src/index.js'
import { thrown, codeOf } from '../faults/bed.js'
import { must } from '../harness/command.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'

const worker = started(new URL('constant-worker.js', import.meta.url))

/** What a stretch of the trace did: calls, and bytes that went through the kernel. */
interface Cost { calls: number, sent: number, received: number, read: number, listed: number }

/** Waiting is not work, nor is what allocators and timers do. */
const WORK = '!futex,epoll_wait,epoll_pwait,madvise,mprotect,mmap,munmap,brk,rt_sigprocmask,clock_gettime,sched_yield,getpid,gettid,clone,clone3,set_robust_list,rseq,exit,restart_syscall'

function costs (trace: string): ReadonlyMap<string, Cost> {
  const found = new Map<string, Cost>()
  let now: Cost | undefined
  for (const line of trace.split('\n')) {
    const mark = /MARK ([a-z]+ [a-z]+ \d+|[a-z]+ \d+|rest|end)/.exec(line)?.[1]
    if (mark !== undefined) { now = { calls: 0, sent: 0, received: 0, read: 0, listed: 0 }; found.set(mark, now); continue }
    // Wake-ups between threads are eight bytes, and as many as there happen to be.
    if (now === undefined || / = (?:8|-1 EAGAIN.*)$/.test(line)) continue
    // Tracked connections are the kernel's own (each bridge says hello to routers), and are forgotten behind the scenes.
    if (/nlmsg_type=0x10[0-3] /.test(line)) continue
    const [, call = ''] = /^\d+ +(?:<\.\.\. )?(\w+)/.exec(line) ?? []
    const bytes = Number(/\) += (\d+)$/.exec(line)?.[1] ?? 0)
    if (!line.includes('resumed>')) now.calls++
    if (call === 'sendmsg') now.sent += bytes
    if (call === 'recvmsg') now.received += bytes
    if (call === 'read' || call === 'pread64') now.read += bytes
    if (call === 'getdents64') now.listed += bytes
  }
  return found
}

kernelTest(test, 'constant: to the kernel and the file system, network 120 is what network 10 is, made and removed, and so are its ports', async ({ ns, tmp }) => {
  const out = join(tmp, 'trace')
  const work = { netns: ns.name, root: join(tmp, 'root'), counts: [10, 120] }
  await must('strace', ['-f', '-qq', '-s', '60', '-e', `trace=${WORK}`, '-e', 'signal=none', '-o', out, process.execPath, worker, JSON.stringify(work)], { env: { NODE_V8_COVERAGE: '' }, timeoutMs: 120_000 })
  const found = costs(await readFile(out, 'utf8'))
  for (const what of ['make given', 'make auto', 'remove given', 'remove auto', 'attach', 'detach']) {
    const [few, many] = [found.get(`${what} 10`), found.get(`${what} 120`)]
    assert.ok(few !== undefined && many !== undefined && few.calls > 50, what)
    const text = `${what}: ${JSON.stringify(few)} among 10, ${JSON.stringify(many)} among 120`
    // How threads meet differs from run to run, and when the sexton comes; 110 more of anything would show.
    assert.ok(many.calls - few.calls < 60, text)
    for (const kind of ['sent', 'received', 'read', 'listed'] as const) assert.ok(many[kind] - few[kind] < 6000, `${kind}: ${text}`)
  }
}, { needs: ['strace', 'tun'] })

const plain = (name: string, subnet: string): NetworkInput => ({ name, bridge: { name: `br-${name}` }, dns: { enable: false }, forward: { mode: 'nat' }, subnet })
const open = async ({ ns, tmp }: KernelTest, internals: Internals = {}): Promise<Host> => await openHost({ netns: ns.path, root: tmp }, internals)

/** So that everything is known that is to be kept up to date. */
async function experienced (host: Host): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await (await host.create(plain('first', '10.90.0.0/24'))).destroy()
    await host.settled()
  }
}

async function link (ns: Namespace, name: string, address: string): Promise<void> {
  await ns.must('ip', ['link', 'add', name, 'type', 'bridge'])
  await ns.must('ip', ['addr', 'add', address, 'dev', name])
  await ns.must('ip', ['link', 'set', name, 'up'])
}

kernelTest(test, 'constant: routes, addresses and links that others make between two starts are in the way of the second, until they go', async (context) => {
  const { ns } = context
  const host = await open(context)
  await experienced(host)
  const refused = async (): Promise<string> => codeOf(await thrown(async () => await host.create(plain('next', '10.91.1.0/24'))))
  await link(ns, 'theirs', '10.91.1.77/32')
  assert.is(await refused(), 'NETWRIGHT_SUBNET_IN_USE')
  await ns.must('ip', ['addr', 'del', '10.91.1.77/32', 'dev', 'theirs'])
  await ns.must('ip', ['route', 'add', 'blackhole', '10.91.1.128/25', 'table', '77'])
  assert.is(await refused(), 'NETWRIGHT_SUBNET_IN_USE')
  await ns.must('ip', ['route', 'del', 'blackhole', '10.91.1.128/25', 'table', '77'])
  await ns.must('ip', ['route', 'add', '10.91.0.0/16', 'dev', 'theirs'])
  assert.is(await refused(), 'NETWRIGHT_SUBNET_IN_USE')
  // The kernel does not tell that this route goes with its link.
  await ns.must('ip', ['link', 'del', 'theirs'])
  await ns.must('ip', ['link', 'add', 'br-next', 'type', 'bridge'])
  assert.is(await refused(), 'NETWRIGHT_NAME_IN_USE')
  await ns.must('ip', ['link', 'del', 'br-next'])
  await (await host.create(plain('next', '10.91.1.0/24'))).destroy()
  await host.close()
})

kernelTest(test, 'constant: more changes than are kept for us are not missed', async (context) => {
  const { ns } = context
  const host = await open(context)
  await experienced(host)
  await link(ns, 'theirs', '10.93.0.1/32')
  const lines = Array.from({ length: 12_000 }, (_, i) => `route add 10.92.${String(i >> 8)}.${String(i & 255)}/32 dev theirs`)
  const file = join(context.tmp, 'batch')
  await writeFile(file, `${lines.join('\n')}\nroute add 10.91.1.0/28 dev theirs\n`)
  await ns.must('ip', ['-batch', file])
  assert.is(codeOf(await thrown(async () => await host.create(plain('next', '10.91.1.0/24')))), 'NETWRIGHT_SUBNET_IN_USE')
  await ns.must('ip', ['link', 'del', 'theirs'])
  await (await host.create(plain('next', '10.91.1.0/24'))).destroy()
  await host.close()
})

kernelTest(test, 'constant: an automatic subnet and bridge are the first that are free, whoever takes and frees them', async (context) => {
  const { ns } = context
  const host = await open(context)
  const auto = async (name: string): Promise<readonly [string, readonly string[]]> => {
    const { bridge, addresses } = await (await host.create({ name, dns: { enable: false }, subnet: 'auto/24' })).info()
    return [bridge, addresses]
  }
  for (let i = 0; i < 4; i++) assert.equal(await auto(`n${String(i)}`), [`virbr${String(i)}`, [`10.128.${String(i)}.1/24`]])
  await (await host.network('n1')).destroy()
  await link(ns, 'theirs', '10.128.4.9/24')
  await ns.must('ip', ['link', 'add', 'virbr4', 'type', 'bridge'])
  await host.settled()
  assert.equal(await auto('again'), ['virbr1', ['10.128.1.1/24']])
  assert.equal(await auto('n5'), ['virbr5', ['10.128.5.1/24']])
  await ns.must('ip', ['addr', 'del', '10.128.4.9/24', 'dev', 'theirs'])
  await ns.must('ip', ['link', 'del', 'virbr4'])
  assert.equal(await auto('n4'), ['virbr4', ['10.128.4.1/24']])
  // A definition that another host stores is spoken for.
  await using other = await openHost({ netns: ns.path, root: context.tmp, owner: 'other' })
  const stored = await other.define({ name: 'stored', subnet: 'auto/24' })
  assert.equal([(await stored.info()).bridge, (await stored.info()).addresses], ['virbr6', ['10.128.6.1/24']])
  assert.equal(await auto('n7'), ['virbr7', ['10.128.7.1/24']])
  await stored.undefine()
  assert.equal(await auto('n6'), ['virbr6', ['10.128.6.1/24']])
  for (const name of ['theirs']) await ns.must('ip', ['link', 'del', name])
  await Promise.all((await host.networks()).map(async ({ name }) => { await (await host.network(name)).destroy() }))
  await host.close()
})

kernelTest(test, 'constant: what another host makes and removes is seen at once, and two hosts take turns', async (context) => {
  const [one, two] = [await open(context), await open(context)]
  await experienced(one)
  await experienced(two)
  for (let i = 0; i < 5; i++) {
    await one.create(plain('red', '10.94.1.0/24'))
    assert.is(codeOf(await thrown(async () => await two.create(plain('red', '10.94.2.0/24')))), 'NETWRIGHT_ACTIVE')
    assert.equal((await two.networks()).map(({ name }) => name), ['red'])
    await two.create(plain('blue', '10.94.2.0/24'))
    await (await two.network('red')).destroy()
    assert.equal((await one.networks()).map(({ name }) => name), ['blue'])
    assert.is(codeOf(await thrown(async () => await one.network('red'))), 'NETWRIGHT_NOT_FOUND')
    await (await one.network('blue')).destroy()
    assert.equal(await two.networks(), [])
  }
  await one.close()
  await two.close()
})

kernelTest(test, 'constant: of a batch that goes one by one, another host sees what is left, and nothing is left in the end', async (context) => {
  const { tmp } = context
  const host = await open(context)
  const batch = Array.from({ length: 9 }, (_, i) => plain(`n${String(i)}`, `10.95.${String(i)}.0/24`))
  await host.create(batch)
  const left = batch.map(({ name }) => name)
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    await (await host.network(name)).destroy()
    await using other = await open(context)
    assert.equal((await other.networks()).map((network) => network.name), left)
  }
  await host.close()
  assert.equal(await readdir(join(tmp, 'run/netwright')).catch(() => []), [])
})

kernelTest(test, 'constant: a link that somebody moves into a grave right before the deletion stays', async (context) => {
  const { ns } = context
  let worst = false
  const host = await open(context, { hook: async (step) => {
    if (!worst || step !== 'delete buried links') return
    worst = false
    const [grave] = (await ns.json<{ ifname: string, group: string }[]>('ip', ['-j', 'link'])).filter(({ ifname }) => ifname.startsWith('nwx'))
    await ns.must('ip', ['link', 'set', 'theirs', 'group', grave?.group ?? 'none'])
  } })
  await experienced(host)
  await ns.must('ip', ['link', 'add', 'theirs', 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'theirs', 'up'])
  for (let i = 0; i < 3; i++) {
    worst = true
    await (await host.create(plain('next', '10.91.1.0/24'))).destroy()
    await host.settled()
    assert.equal((await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname).sort(), ['lo', 'theirs'])
  }
  await ns.must('ip', ['link', 'del', 'theirs'])
  await host.close()
})

kernelTest(test, 'constant: a record of who needs forwarding that ends in the middle of a line is gone on with', async (context) => {
  const { ns } = context
  const forwards = async (): Promise<string> => (await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward'])).trim()
  const host = await open(context)
  const red = await host.create(plain('red', '10.94.1.0/24'))
  const file = join('/run/netwright', (await readdir('/run/netwright')).find((name) => name.endsWith('.forwarding.json')) ?? 'none')
  await writeFile(file, '{"add":[{"owner":"sys', { flag: 'a' })
  const blue = await host.create(plain('blue', '10.94.2.0/24'))
  assert.is(await forwards(), '1')
  await red.destroy()
  assert.is(await forwards(), '1')
  await blue.destroy()
  assert.is(await forwards(), '0')
  await host.close()
  assert.equal(await readdir('/run/netwright').catch(() => []), [])
})

kernelTest(test, 'constant: a rule, a set or an element of ours that somebody takes away is back with the next start', async (context) => {
  const { ns } = context
  const host = await open(context)
  await host.create(plain('red', '10.94.1.0/24'))
  await experienced(host)
  const listed = async (table: string): Promise<string> => (await ns.must('nft', ['list', 'table', 'inet', table])).replaceAll(/ # handle \d+/g, '')
  const [whole, guard] = [await listed('netwright'), await listed('netwright-guard')]
  const damages = [['flush', 'chain', 'inet', 'netwright', 'forward'], ['delete', 'element', 'inet', 'netwright', 'ours', '{ "br-red" }'], ['flush', 'chain', 'inet', 'netwright-guard', 'postrouting'], ['flush', 'ruleset']]
  for (const damage of damages) {
    await ns.must('nft', damage)
    await (await host.create(plain('first', '10.90.0.0/24'))).destroy()
    assert.is(await listed('netwright'), whole, damage.join(' '))
    assert.is(await listed('netwright-guard'), guard, damage.join(' '))
  }
  // What others do in tables of their own is no reason to make ours anew, but is told of.
  await ns.must('nft', ['add table inet theirs; add chain inet theirs f { type filter hook forward priority 0; policy drop; }'])
  const net = await host.define(plain('blue', '10.94.2.0/24'))
  assert.equal((await net.start()).warnings.map(({ code }) => code), ['FOREIGN_DROP'])
  await net.stop()
  assert.equal((await net.start()).warnings.map(({ code }) => code), ['FOREIGN_DROP'])
  await net.stop()
  await ns.must('nft', ['delete table inet theirs'])
  assert.equal((await net.start()).warnings, [])
  await net.destroy()
  await net.undefine()
  await (await host.network('red')).destroy()
  await host.close()
}, { needs: ['nft'] })

test.run()
