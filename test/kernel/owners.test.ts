/** Several owners and processes at once in one namespace: no effect on each other, and nothing is left. Faults B1, B3, B4, B6. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { openHost } from '../../src/engine/host.js'
import type { NetworkInput } from '../../src/network/spec.js'
import { codeOf, thrown } from '../faults/bed.js'
import { exec } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { random, type Found, type Work } from './owner-worker.js'

const worker = started(new URL('owner-worker.js', import.meta.url))
const program = started(new URL('../../src/cli/main.js', import.meta.url))
const env = { NODE_V8_COVERAGE: '' }

interface Daemon { readonly owner: string, readonly found: Promise<Found>, finish (): Promise<void> }

/** Starts a worker; `found` resolves when its operations are done, `finish` lets it take all away and waits for its end. */
function daemon ({ ns }: KernelTest, work: Work): Daemon {
  let said = (_: string): void => undefined
  const line = new Promise<string>((resolve) => { said = resolve })
  const child = ns.spawn(process.execPath, ['--enable-source-maps', worker, JSON.stringify(work)], { env })
  void child.until(/^(?:\{"bridges".*|Node\.js v.*)$/m, 150_000).then(([text]) => { said(text.startsWith('{') ? text : JSON.stringify({ failed: child.output() })) }, (error: unknown) => { said(JSON.stringify({ failed: String(error) })) })
  return {
    owner: work.owner,
    found: line.then((text) => {
      const found = JSON.parse(text) as Found & { readonly failed?: string }
      if (found.failed !== undefined) throw new Error(`${work.owner}: ${found.failed}`)
      return found
    }),
    finish: async () => {
      await writeFile(work.go, '')
      assert.is(await child.ended(60_000), 0, child.output())
    },
  }
}

/** `count` commands as people would give them, one a line; each must succeed, so it is written with a model of what stands. */
async function script (directory: string, seed: number, count: number): Promise<string> {
  const next = random(seed)
  const state = new Map<string, 'defined' | 'running'>()
  const lines: string[] = []
  for (let number = 0; number < 5; number++) {
    await writeFile(join(directory, `cli-${String(number)}.xml`), `<network><name>cli-${String(number)}</name><forward mode='nat'/><bridge name='br-cli-${String(number)}' stp='off'/><dns enable='no'/><ip address='10.99.${String(number)}.1' netmask='255.255.255.0'/></network>`)
  }
  while (lines.length < count) {
    const name = `cli-${String(Math.floor(next() * 5))}`
    const now = state.get(name)
    const dice = next()
    if (dice < 0.3) lines.push('net-list --all')
    else if (now === undefined) { lines.push(`net-define ${join(directory, `${name}.xml`)}`); state.set(name, 'defined') }
    else if (now === 'running') { lines.push(`net-destroy ${name}`); state.set(name, 'defined') }
    else if (dice < 0.8) { lines.push(`net-start ${name}`); state.set(name, 'running') }
    else { lines.push(`net-undefine ${name}`); state.delete(name) }
  }
  for (const [name, now] of state) lines.push(...now === 'running' ? [`net-destroy ${name}`] : [], `net-undefine ${name}`)
  return `${lines.join('\n')}\n`
}

interface Link { readonly ifname: string, readonly group?: string, readonly linkinfo?: { readonly info_kind?: string } }

/** What stands; what was stopped and waits to be deleted does not. */
async function bridges ({ ns }: KernelTest): Promise<string[]> {
  return (await ns.json<Link[]>('ip', ['-j', '-d', 'link', 'show', 'type', 'bridge'])).map(({ ifname }) => ifname).filter((name) => !/^nwx[0-9a-z]+$/.test(name)).sort()
}

async function members ({ ns }: KernelTest, table: string): Promise<string[]> {
  const listed = await ns.exec('nft', ['-j', 'list', 'set', 'inet', table, 'ours'])
  if (listed.code !== 0) return []
  const { nftables } = JSON.parse(listed.stdout) as { nftables: { set?: { elem?: string[] } }[] }
  return nftables.flatMap(({ set }) => set?.elem ?? []).sort()
}

/** Look-alikes: our prefix, our group, our alias, on links of somebody else. */
async function strangers ({ ns }: KernelTest, group: string): Promise<() => Promise<string>> {
  await ns.must('ip', ['link', 'add', 'virbr100', 'type', 'bridge'])
  await ns.must('ip', ['link', 'add', 'nwlike', 'group', group, 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'nwlike', 'alias', 'netwright network alpha-0'])
  await ns.must('ip', ['tuntap', 'add', 'dev', 'vnet0', 'mode', 'tap'])
  await ns.must('ip', ['link', 'set', 'vnet0', 'group', group])
  await ns.must('nft', ['add', 'table', 'inet', 'netwright-like'])
  return async () => JSON.stringify(await Promise.all(['virbr100', 'nwlike', 'vnet0'].map(async (name) => await ns.json('ip', ['-j', '-d', 'link', 'show', name])))) + await ns.must('nft', ['-n', 'list', 'table', 'inet', 'netwright-like'])
}

async function clear ({ ns }: KernelTest): Promise<void> {
  for (const name of ['virbr100', 'nwlike', 'vnet0']) await ns.must('ip', ['link', 'del', name])
  await ns.must('nft', ['delete', 'table', 'inet', 'netwright-like'])
}

const seedOf = (): number => Number(process.env.NETWRIGHT_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

kernelTest(test, 'owners: two daemons and the command line at once do not touch each other, nor look-alikes', async (context) => {
  const { ns, tmp } = context
  const seed = seedOf()
  console.log(`seed ${String(seed)}`)
  const roots = [join(tmp, 'a'), join(tmp, 'b')] as const
  for (const root of roots) await mkdir(root, { mode: 0o711 })
  const group = '1853309826' // of owner system, as another program may have copied it
  const look = await strangers(context, group)
  const before = await look()
  const daemons = [
    daemon(context, { netns: ns.name, root: roots[0], owner: 'alpha', seed, count: 300, go: join(tmp, 'go') }),
    daemon(context, { netns: ns.name, root: roots[1], owner: 'beta', seed: seed + 1, count: 300, go: join(tmp, 'go') }),
  ]
  const commands = exec(process.execPath, [program, '--root', roots[0], '--netns', ns.name, '--log', 'error'], { input: await script(tmp, seed + 2, 300), timeoutMs: 170_000, env })
  await Promise.allSettled([...daemons.map(({ found }) => found), commands])
  const [alpha, beta, { code, stderr }] = await Promise.all([daemons[0]?.found, daemons[1]?.found, commands])
  assert.is(code, 0, stderr)
  assert.is(stderr, '')
  const expected = [alpha, beta].map((found) => Object.values(found?.bridges ?? {}).sort())
  assert.equal(await bridges(context), [...expected.flat(), 'nwlike', 'virbr100'].sort(), 'bridges are those that the daemons made')
  assert.equal(await members(context, 'netwright-alpha'), expected[0])
  assert.equal(await members(context, 'netwright-beta'), expected[1])
  assert.equal(await members(context, 'netwright'), [])
  for (const one of daemons) await one.finish()
  assert.is(await look(), before, 'look-alikes are as before')
  await clear(context)
  console.log(JSON.stringify([alpha?.done, beta?.done]))
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'owners: two daemons of one owner change the same networks at once; whatever is said to stand stands, and all of it can be removed', async (context) => {
  const { ns, tmp } = context
  const seed = seedOf()
  console.log(`seed ${String(seed)}`)
  const root = join(tmp, 'root')
  await mkdir(root, { mode: 0o711 })
  const rivals = [seed, seed + 1].map((one) => daemon(context, { netns: ns.name, root, owner: 'system', seed: one, count: 200, rivals: true, go: join(tmp, 'go') }))
  await Promise.allSettled(rivals.map(({ found }) => found))
  const found = await Promise.all(rivals.map(async (one) => await one.found))
  const host = await openHost({ netns: ns.name, root, supervise: false })
  const active = (await host.networks()).filter((network) => network.active)
  assert.equal(await bridges(context), active.map(({ bridge }) => bridge).sort())
  assert.equal(await members(context, 'netwright'), active.map(({ bridge }) => bridge).sort())
  for (const { name } of await host.networks()) {
    const net = await host.network(name)
    if ((await net.info()).active) await net.destroy()
    if (await host.network(name).then(() => true, () => false)) await net.undefine()
  }
  await host.close()
  for (const rival of rivals) await rival.finish()
  console.log(JSON.stringify(found.map(({ done, errors }) => ({ done, errors }))))
}, { needs: ['dnsmasq', 'nft', 'tun'] })

const spec = (name: string, subnet: string): NetworkInput => ({ name, bridge: `br-${name}`, forward: { mode: 'nat' }, subnet, dns: { enable: false } })

kernelTest(test, 'owners: of several processes that create the same network exactly one does, the others learn that it is active', async ({ ns, tmp }) => {
  for (let round = 0; round < 5; round++) {
    const hosts = await Promise.all(Array.from({ length: 6 }, async () => await openHost({ netns: ns.name, root: tmp, supervise: false })))
    const outcomes = await Promise.allSettled(hosts.map(async (host) => await host.create(spec('same', '10.96.1.0/24'))))
    assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal([...new Set(outcomes.flatMap((outcome) => outcome.status === 'rejected' ? [codeOf(outcome.reason)] : []))], ['NETWRIGHT_ACTIVE'])
    await (await hosts[0]?.network('same'))?.destroy()
    for (const host of hosts) await host.close()
  }
})

kernelTest(test, 'owners: a stored network that two processes start at once is started by one', async ({ ns, tmp }) => {
  const words = ['--root', tmp, '--netns', ns.name]
  const host = await openHost({ netns: ns.name, root: tmp, supervise: false })
  const net = await host.define({ ...spec('twice', '10.96.2.0/24'), dns: {}, dhcp: true })
  const [mine, other] = await Promise.all([net.start().then(() => 'started', codeOf), exec(process.execPath, [program, ...words, 'net-start', 'twice'], { env })])
  assert.is([mine === 'started', other.code === 0].filter(Boolean).length, 1, `${mine} ${other.stderr}`)
  if (mine === 'started') assert.match(other.stderr, 'network is already active')
  else assert.is(mine, 'NETWRIGHT_ACTIVE')
  await net.stop()
  await net.undefine()
  await host.close()
}, { needs: ['dnsmasq'] })

kernelTest(test, 'owners: a stranger who takes the name between the check and the making keeps the link as it made it', async ({ ns, tmp }) => {
  // The hook runs between both: exactly the moment in which a stranger may come.
  const stranger = ['-j', '-d', 'link', 'show', 'br-late']
  let seen: unknown
  const host = await openHost({ netns: ns.name, root: tmp, supervise: false }, { hook: async (step) => {
    if (step !== 'make links' || seen !== undefined) return
    await ns.must('ip', ['link', 'add', 'br-late', 'mtu', '1400', 'type', 'bridge'])
    seen = await ns.json('ip', stranger)
  } })
  const error = await thrown(async () => await host.create(spec('late', '10.96.3.0/24')))
  assert.is(codeOf(error), 'NETWRIGHT_NAME_IN_USE')
  assert.equal(await ns.json('ip', stranger), seen)
  await ns.must('ip', ['link', 'del', 'br-late'])
  await host.close()
})

kernelTest(test, 'owners: a persistent TAP of somebody else is not taken over, even one that comes at the last moment', async ({ ns, tmp }) => {
  const show = ['-j', '-d', 'tuntap', 'show']
  let late = false
  const host = await openHost({ netns: ns.name, root: tmp, supervise: false }, { hook: async (step) => {
    if (late && step === 'make TAPs') await ns.must('ip', ['tuntap', 'add', 'dev', 'theirs1', 'mode', 'tap', 'user', '65534'])
  } })
  const net = await host.create(spec('taps', '10.96.4.0/24'))
  await ns.must('ip', ['tuntap', 'add', 'dev', 'theirs0', 'mode', 'tap', 'user', '65534'])
  const before = await ns.json('ip', show)
  assert.is(codeOf(await thrown(async () => await net.attach({ kind: 'tap', dev: 'theirs0' }))), 'NETWRIGHT_NAME_IN_USE')
  assert.equal(await ns.json('ip', show), before)
  late = true
  assert.is(codeOf(await thrown(async () => await net.attach({ kind: 'tap', dev: 'theirs1' }))), 'NETWRIGHT_NAME_IN_USE')
  assert.match(await ns.must('ip', ['tuntap', 'show']), /theirs1: tap persist user 65534/)
  for (const name of ['theirs0', 'theirs1']) await ns.must('ip', ['link', 'del', name])
  await net.destroy()
  await host.close()
}, { needs: ['tun'] })
test.run()
