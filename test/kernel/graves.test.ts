/** Names are free at once, links go later: stop buries, the sexton deletes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { openHost, type Internals } from '../../src/engine/host.js'
import type { Host } from '../../src/engine/api.js'
import { exec, must } from '../harness/command.js'
import { dhcp, guest } from '../harness/guest.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'

const worker = started(new URL('graves-worker.js', import.meta.url))
const program = started(new URL('../../src/cli/main.js', import.meta.url))
const env = { NODE_V8_COVERAGE: '' }
const red = { name: 'red', forward: 'nat', bridge: 'br-red', mac: '52:54:00:00:00:01', subnet: '10.95.1.0/24', dhcp: true } as const
const many = (count: number): { name: string, forward: 'nat', subnet: string, bridge: string, dns: { enable: false } }[] =>
  Array.from({ length: count }, (_, i) => ({ name: `net${String(i)}`, forward: 'nat', subnet: `10.60.${String(i)}.0/24`, bridge: `nwb${String(i)}`, dns: { enable: false } }))

const open = async ({ ns, tmp }: Pick<KernelTest, 'ns' | 'tmp'>, internals: Internals = {}): Promise<Host> => await openHost({ netns: ns.path, root: join(tmp, 'root') }, internals)

interface Link { readonly ifname: string, readonly ifindex: number, readonly group?: string, readonly master?: string, readonly flags: readonly string[] }
const links = async ({ ns }: Pick<KernelTest, 'ns'>): Promise<Link[]> => (await ns.json<Link[]>('ip', ['-j', 'link'])).filter(({ ifname }) => ifname !== 'lo')
const names = async (context: Pick<KernelTest, 'ns'>): Promise<string[]> => (await links(context)).map(({ ifname }) => ifname).sort()
const isGrave = (name: string): boolean => /^nwx[0-9a-z]{1,6}$/.test(name)

/** Holds the sexton before its nth step until it is let go. */
function held (at = 'delete buried links'): { readonly hook: (step: string) => Promise<void>, readonly reached: Promise<void>, readonly go: () => void } {
  let go = (): void => undefined
  let reach = (): void => undefined
  const gate = new Promise<void>((resolve) => { go = resolve })
  const reached = new Promise<void>((resolve) => { reach = resolve })
  return { reached, go, hook: async (step) => { if (step === at) { reach(); await gate } } }
}

kernelTest(test, 'graves: the same network starts again at once, and serves, while its old links still wait to be deleted', async (context) => {
  const { ns, tmp } = context
  const { hook, go } = held()
  await using host = await open(context, { hook })
  const network = await host.define(red)
  await network.start()
  const tap = { kind: 'tap', dev: 'tap7', mac: '52:54:00:00:01:01', fds: false } as const
  await network.attach(tap)
  await ns.must('ip', ['addr', 'add', '10.95.1.77/24', 'dev', 'br-red']) // somebody else's: no reason not to start again
  await network.destroy()
  const graves = await links(context)
  assert.is(graves.length, 2)
  for (const { ifname, flags, group, master } of graves) {
    assert.ok(isGrave(ifname), ifname)
    assert.ok(!flags.includes('UP') || master !== undefined, `${ifname}: a port may be up, since its bridge, which is down, takes no frame`)
    assert.match(String(group), /^\d+$/)
  }
  assert.is((await ns.must('ip', ['-4', 'addr', 'show', 'scope', 'global'])).includes('10.95.1.1/'), false, 'no grave has the gateway\'s address')
  await network.start()
  await network.attach(tap)
  assert.equal((await names(context)).filter((name) => !isGrave(name)), ['br-red', 'tap7'])
  const inside = await guest(ns, 'br-red')
  const lease = await dhcp(inside, tmp)
  assert.match(lease?.ip ?? 'no lease', /^10\.95\.1\./)
  assert.is((await inside.exec('ping', ['-n', '-c', '1', '-W', '30', '10.95.1.1'])).code, 0)
  assert.is((await links(context)).filter(({ ifname }) => isGrave(ifname)).length, 2, 'the old ones are still there')
  go()
  await host.settled()
  assert.equal((await names(context)).filter(isGrave), [])
  assert.is((await inside.exec('ping', ['-n', '-c', '1', '-W', '30', '10.95.1.1'])).code, 0)
  await ns.must('ip', ['link', 'del', inside.port])
  await network.destroy()
  await network.undefine()
}, { needs: ['dnsmasq', 'tun'] })

kernelTest(test, 'graves: settled means gone, and closing the host leaves nothing', async (context) => {
  const { hook, go } = held('look at links')
  const host = await open(context, { hook })
  const networks = await host.create(many(30))
  await Promise.all(networks.slice(0, 25).map(async (network) => { await network.destroy() }))
  assert.equal((await names(context)).filter((name) => !isGrave(name)), ['nwb25', 'nwb26', 'nwb27', 'nwb28', 'nwb29'])
  const groups = (await links(context)).filter(({ ifname }) => isGrave(ifname)).map(({ group }) => group)
  for (const group of groups) assert.ok(groups.filter((other) => other === group).length <= 8, 'no more than 8 bridges hold up everybody at a time')
  go()
  await host.settled()
  assert.equal(await names(context), ['nwb25', 'nwb26', 'nwb27', 'nwb28', 'nwb29'])
  await Promise.all(networks.slice(25).map(async (network) => { await network.destroy() }))
  await host.close()
  assert.equal(await names(context), [])
  assert.equal(await readdir(join(context.tmp, 'root/run/netwright')).catch(() => []), [])
})

kernelTest(test, 'graves: waiting for them can be given up, and they go all the same', async (context) => {
  const { hook, go, reached } = held()
  const host = await open(context, { hook })
  await (await host.create(red)).destroy()
  const signal = new AbortController()
  const waiting = host.settled({ signal: signal.signal }).then(() => 'settled', (error: unknown) => (error as { code?: string }).code)
  await reached
  signal.abort()
  assert.is(await waiting, 'NETWRIGHT_ABORTED')
  go()
  await host.close()
  assert.equal(await names(context), [])
}, { needs: ['dnsmasq'] })

for (const step of ['dig a grave', 'remove forwarding', 'close the record', 'delete buried links', 'delete buried links twice', 'close the grave']) {
  kernelTest(test, `graves: killed before "${step}", and the next command leaves nothing`, async (context) => {
    const { ns, tmp } = context
    const { code, stderr } = await exec(process.execPath, [worker, JSON.stringify({ netns: ns.name, root: join(tmp, 'root'), step, networks: many(20) })], { env, timeoutMs: 60_000 })
    assert.is(code, -1, stderr)
    assert.ok((await names(context)).length > 0 || step === 'close the grave')
    const listed = await must(process.execPath, [program, '--root', join(tmp, 'root'), '--netns', ns.name, 'net-list', '--name'], { env })
    // On a busy machine not all have been asked to stop together: those whose turn had not come stand as before.
    const standing = listed.split('\n').filter((line) => line !== '')
    assert.ok(standing.length < 20, 'nothing was stopped')
    assert.equal(await names(context), standing.map((name) => name.replace('net', 'nwb')).sort())
    const host = await open(context)
    for (const name of standing) await (await host.network(name)).destroy()
    await host.close()
    assert.equal(await names(context), [])
    assert.equal(await readdir(join(tmp, 'root/run/netwright')).catch(() => []), [])
  })
}

kernelTest(test, 'graves: after a sexton that failed the host tries again when it is waited for, and the next one too', async (context) => {
  let failures = 2
  const host = await open(context, { hook: (step) => { if (step === 'delete buried links' && failures-- > 0) throw new Error('fault') } })
  const networks = await host.create(many(2))
  await networks[0]?.destroy()
  const error = await host.settled().then(() => undefined, (reason: unknown) => reason as { code: string, left: string[] })
  // The first failure may have been before, or within, the waiting.
  if (error !== undefined) assert.equal([error.code, error.left], ['NETWRIGHT_UNDO_INCOMPLETE', ['link nwb0']])
  await host.settled().catch(() => undefined)
  await host.settled()
  assert.equal(await names(context), ['nwb1'])
  failures = Infinity // it tries once before, or within, the closing, and perhaps once more
  await networks[1]?.destroy()
  await host.close()
  assert.is((await names(context)).length, 1)
  await (await open(context)).close()
  assert.equal(await names(context), [])
})

kernelTest(test, 'graves: links of others stay, in the group of the owner, in one of theirs, even in that of a grave', async (context) => {
  const { ns } = context
  const { hook, go, reached } = held('look at links')
  await ns.must('ip', ['link', 'add', 'br-other', 'type', 'bridge'])
  await ns.must('ip', ['link', 'add', 'br-group', 'group', '4711', 'type', 'bridge'])
  await using host = await open(context, { hook })
  const networks = await host.create(many(3))
  await Promise.all(networks.map(async (network) => { await network.destroy() }))
  await reached
  const group = (await links(context)).find(({ ifname }) => isGrave(ifname))?.group ?? ''
  await ns.must('ip', ['link', 'add', 'br-moved', 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'br-moved', 'group', group])
  go()
  await host.settled()
  assert.equal(await names(context), ['br-group', 'br-moved', 'br-other'])
  for (const name of ['br-other', 'br-group', 'br-moved']) await ns.must('ip', ['link', 'del', name])
})

kernelTest(test, 'graves: where their name is taken, links are deleted at once', async (context) => {
  const { ns } = context
  await using host = await open(context)
  const network = await host.create(red)
  const index = (await links(context)).find(({ ifname }) => ifname === 'br-red')?.ifindex ?? 0
  await ns.must('ip', ['link', 'add', `nwx${index.toString(36)}`, 'type', 'bridge'])
  await network.destroy()
  assert.equal(await names(context), [`nwx${index.toString(36)}`])
  await host.settled()
  assert.equal(await names(context), [`nwx${index.toString(36)}`])
  await ns.must('ip', ['link', 'del', `nwx${index.toString(36)}`])
}, { needs: ['dnsmasq'] })

test.run()
