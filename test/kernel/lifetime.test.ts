/** `lifetime: 'process'`: whatever ends the process, what its host made is removed without a next command. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { openHost, type Host } from '../../src/index.js'
import { must } from '../harness/command.js'
import { networkState } from '../harness/snapshot.js'
import { eventually, host as open } from './bed.js'
import { cleared, env, life, lifetime, living, names, order, pidsOf, reapers, worker, type Plan } from './lifetime-bed.js'

const program = started(new URL('../../src/cli/main.js', import.meta.url))

const ends: Readonly<Record<string, { readonly plan: Plan, readonly code: number }>> = {
  'process.abort()': { plan: { end: 'abort' }, code: -1 },
  'process.exit() without a close': { plan: { end: 'exit' }, code: 0 },
  'an exception that nobody catches': { plan: { end: 'throw' }, code: 1 },
  'a close': { plan: { end: 'close' }, code: 0 },
}
for (const [how, { plan, code }] of Object.entries(ends)) {
  lifetime(`${how} leaves nothing`, async (context) => {
    const before = await networkState(context.ns.name)
    const owner = await living(context, plan)
    assert.is(await owner.ended(), code)
    if (plan.end === 'close') assert.equal(await reapers(), [], 'the reaper is gone when close() resolves')
    await cleared(context, before)
  })
}

for (const step of ['write the journal', 'make links', 'start dnsmasq', 'note dnsmasq', 'commit nft', 'let the record stand']) {
  lifetime(`killed in the middle of a start, before "${step}"`, async (context) => {
    const before = await networkState(context.ns.name)
    assert.is(await life(context, { step, end: 'wait' }).ended(), -1)
    await cleared(context, before)
  })
}

for (const step of ['dig a grave', 'remove nft elements', 'close the record', 'delete buried links']) {
  lifetime(`killed in the middle of a stop, before "${step}"`, async (context) => {
    const before = await networkState(context.ns.name)
    assert.is(await life(context, { step, destroy: true, end: 'wait' }).ended(), -1)
    await cleared(context, before)
  })
}

lifetime('the reaper outlives signals to the group, the terminal and the service, and needs neither the working directory nor a home', async (context) => {
  const before = await networkState(context.ns.name)
  const cwd = await mkdtemp(join(context.tmp, 'cwd-'))
  // A session leader: its end is a hang-up for its group.
  const leader = spawn('setsid', ['--wait', 'sh', '-c', '"$@"; true', 'sh', process.execPath, worker, order(context, { end: 'wait' })], { cwd, env: { ...process.env, ...env, HOME: cwd }, stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise<void>((resolve) => { leader.stdout.on('data', (data: Buffer) => { if (String(data).includes('ready')) resolve() }) })
  const [reaper = -1, ...more] = await reapers()
  assert.equal(more, [])
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.kill(reaper, signal)
  assert.equal(await readdir(`/proc/${String(reaper)}/fd`), ['0', '1', '2'])
  assert.is((await readFile(`/proc/${String(reaper)}/environ`, 'utf8')).includes('HOME='), false)
  const [main = -1] = await pidsOf(`${process.execPath} ${worker}`).then((pids) => pids.filter((pid) => pid !== reaper))
  const group = Number((await must('ps', ['-o', 'pgid=', '-p', String(main)])).trim())
  assert.is.not(Number((await must('ps', ['-o', 'pgid=', '-p', String(reaper)])).trim()), group)
  await rmdir(cwd)
  process.kill(-group, 'SIGKILL')
  await cleared(context, before)
})

lifetime('a reaper that is killed is replaced, and the new one does the work', async (context) => {
  const before = await networkState(context.ns.name)
  const owner = await living(context, { end: 'wait' })
  const seen: number[] = []
  for (let round = 0; round < 3; round++) {
    const pid = await eventually('another reaper', async () => (await reapers()).find((one) => !seen.includes(one)))
    seen.push(pid)
    process.kill(pid, 'SIGKILL')
  }
  await eventually('the last one', async () => (await reapers()).find((one) => !seen.includes(one)))
  await owner.stop('SIGKILL')
  await cleared(context, before)
})

lifetime('where the reaper dies with its process, the next command removes everything', async (context) => {
  const before = await networkState(context.ns.name)
  const owner = await living(context, { end: 'wait' })
  process.kill(owner.pid, 'SIGSTOP')
  for (const pid of await reapers()) process.kill(pid, 'SIGKILL')
  await owner.stop('SIGKILL')
  assert.is((await names(context)).length, 12) // two TAPs had descriptors
  const { stdout } = await context.ns.exec(process.execPath, [program, '--root', join(context.tmp, 'root'), '--netns', context.ns.name, '--json', 'net-list', '--all'], { env })
  assert.equal(stdout.trim() === '' ? [] : JSON.parse(stdout), [])
  await cleared(context, before)
})

lifetime('what other processes and other hosts made stays; a stored network is stopped and stays defined; ports on others\' networks go', async (context) => {
  const { ns, tmp } = context
  await mkdir(join(tmp, 'root'), { mode: 0o711 })
  const place = { root: join(tmp, 'root') }
  const quiet = { forward: 'nat', dns: { enable: false } } as const
  await using kept = await open(context, place)
  await using mortal = await open(context, { ...place, lifetime: 'process' })
  await using second = await open(context, { ...place, lifetime: 'process' })
  await kept.create({ name: 'theirs', bridge: 'br-theirs', subnet: '10.61.1.0/24', ...quiet })
  await kept.define({ name: 'stored', bridge: 'br-stored', subnet: '10.61.2.0/24', ...quiet })
  await second.create({ name: 'second', bridge: 'br-second', subnet: '10.61.3.0/24', ...quiet })
  const owner = await living(context, { guestOf: 'theirs', stored: 'stored', end: 'wait' })
  const others = await (await kept.network('stored')).attach({ kind: 'tap', fds: false, dev: 'ours' })
  await mortal.create({ name: 'mine', bridge: 'br-mine', subnet: '10.61.4.0/24', ...quiet })
  await mortal.close()
  assert.ok((await names(context)).includes('br-stored'))
  assert.not.ok((await names(context)).includes('br-mine'))
  await owner.stop('SIGKILL')
  await eventually('the reaper\'s work', async () => (await names(context)).join() === 'br-second,br-theirs,ours' ? true : undefined)
  await eventually('the end of the owner\'s reaper', async () => (await pidsOf('engine/reap.js')).length === 1 ? true : undefined) // that of `second` is left
  const list = async (host: Host): Promise<string[]> => (await host.networks()).map(({ name, active, persistent, ports }) => `${name} ${String(active)} ${String(persistent)} ${String(ports)}`)
  assert.equal(await list(kept), ['second true false 0', 'stored false true 1', 'theirs true false 0'])
  assert.equal((await ns.must('nft', ['list', 'set', 'inet', 'netwright', 'ours'])).match(/"br-\w+"/g)?.sort(), ['"br-second"', '"br-theirs"'])
  assert.is((await ns.must('cat', ['/proc/sys/net/ipv4/ip_forward'])).trim(), '1')
  await others.detach()
  await (await kept.network('stored')).undefine()
  await (await kept.network('theirs')).destroy()
  assert.equal(await reapers().then((pids) => pids.length), 1)
})

lifetime('a namespace without a name is cleared too', async (context) => {
  await must('ip', ['netns', 'add', 'nameless'])
  const owner = await living({ ...context, ns: { ...context.ns, path: '/run/netns/nameless' } }, { end: 'wait' })
  await must('ip', ['netns', 'del', 'nameless'])
  await owner.stop('SIGKILL')
  await cleared(context, await networkState(context.ns.name))
})

lifetime('what the reaper cannot remove is told by the next host, which removes it', async (context) => {
  const { ns, tmp } = context
  const before = await networkState(ns.name)
  const owner = await living(context, { count: 2, end: 'wait' })
  const [forwarding = ''] = (await readdir('/run/netwright')).filter((name) => name.endsWith('.forwarding.json'))
  const path = join('/run/netwright', forwarding)
  const text = await readFile(path, 'utf8')
  await rm(path)
  await mkdir(path)
  await owner.stop('SIGKILL')
  await eventually('the reaper\'s end', async () => (await pidsOf('engine/reap.js')).length === 0 ? true : undefined)
  await rmdir(path)
  await writeFile(path, text)
  const told: string[] = []
  const logger = { trace: () => undefined, debug: () => undefined, info: () => undefined, warn: () => undefined, error: (_: object, message = '') => { told.push(message) }, child: () => logger }
  await (await openHost({ netns: ns.path, root: join(tmp, 'root'), logger })).close()
  assert.is(told.length, 1)
  assert.match(told[0] ?? '', /^a reaper could not remove what its process left: .*forwarding/)
  await cleared(context, before)
})

test('lifetime: an unknown one is refused', async () => {
  const refused = await openHost(JSON.parse('{ "lifetime": "forever" }') as object).then(() => 'opened', (error: unknown) => String(error))
  assert.match(refused, /lifetime: "forever" is not a lifetime: process, unlimited/)
})

test.run()
