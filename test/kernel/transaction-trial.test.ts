/** Transactions on trial: kept when they are confirmed in time, else all is as before. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import { NetwrightError } from '../../src/index.js'
import { openHost } from '../../src/engine/host.js'
import { exec } from '../harness/command.js'
import { gateway, OUTSIDE, uplink } from './bed.js'
import { trial, unwatched } from './transaction-trial-bed.js'
import { before as red, coming, everything } from './transaction-trial-work.js'

/** The code of what `work` throws. */
const code = async (work: () => Promise<unknown>): Promise<string> => await work().then(() => 'nothing was thrown', (error: unknown) => error instanceof NetwrightError ? error.code : String(error))

trial('what is confirmed stays, and what is to go goes only then', async ({ host, attempt, other, guest }, { ns }) => {
  const committed = await attempt()
  assert.equal(committed.networks.map(({ name }) => name), ['coming', 'red'])
  assert.equal((await host.networks()).map(({ name, active }) => [name, active]), [['coming', true], ['going', true], ['red', true]])
  assert.is((await exec('ip', ['netns', 'exec', guest, 'ping', '-c', '1', '-w', '30', '10.77.3.1'])).code, 0, 'what is on trial carries packets')
  await committed.confirm()
  await committed.confirm()
  assert.is(await committed.outcome, 'kept')
  assert.is(await code(async () => { await committed.takeBack() }), 'NETWRIGHT_CLOSED')
  assert.equal((await host.networks()).map(({ name }) => name), ['coming', 'red'])
  assert.match(await ns.must('ip', ['link', 'show', 'nwred']), /mtu 1400/)
  await unwatched()
  await using another = await other()
  assert.equal((await another.networks()).map(({ name }) => name), ['coming', 'red'], 'whoever comes next takes nothing back')
  await (await another.network('red')).detach('nwtap0')
})

trial('what nobody confirms in time is taken back, and a confirmation comes too late', async ({ attempt, back, host }) => {
  const committed = await attempt({ confirmWithin: 2 })
  assert.is(await committed.outcome, 'taken back')
  assert.is(await code(async () => { await committed.confirm() }), 'NETWRIGHT_UNCONFIRMED')
  await back('not confirmed')
  assert.equal((await (await host.network('red')).forwards.list()).map(({ port }) => port), [8080])
  await (await attempt()).takeBack()
  await back('taken back at once')
  await (await attempt())[Symbol.asyncDispose]()
  await back('disposed')
})

trial('a probe that is not content, a signal and a host that is closed take it back', async ({ attempt, back, other, guest }) => {
  for (const probe of [() => false, () => { throw new Error('no') }]) {
    assert.is(await code(async () => await attempt({ probe })), 'NETWRIGHT_PROBE_FAILED')
    await back('the probe is not content')
  }
  const stop = new AbortController()
  assert.is(await code(async () => await attempt({ signal: stop.signal, probe: ({ networks, ports }) => {
    assert.equal([networks.map(({ name }) => name), ports.map(({ dev }) => dev)], [['coming', 'red'], ['nwveth0', 'nwtap0']])
    stop.abort()
  } })), 'NETWRIGHT_ABORTED')
  await back('the signal')
  assert.is(await code(async () => await attempt({ confirmWithin: 2, probe: async ({ signal }) => { await new Promise((resolve) => { signal.addEventListener('abort', resolve) }); signal.throwIfAborted() } })), 'NETWRIGHT_PROBE_FAILED')
  await back('the time is over while the probe runs')
  const closing = await other()
  const pending = await closing.transaction(everything({ guest }), { confirmWithin: 60, probe: 'none' })
  await closing.close()
  assert.is(await pending.outcome, 'taken back')
  await back('the host is closed')
})

trial('meanwhile nobody else changes those networks or takes their places, and everything else goes on', async ({ host, attempt, back, other }) => {
  const committed = await attempt()
  await using another = await other()
  const net = await another.network('red')
  for (const work of [
    async () => { await net.stop() }, async () => { await (await another.network('coming')).destroy() }, async () => { await (await another.network('going')).destroy() },
    async () => await net.update(red), async () => await net.forwards.add('9/tcp 10.77.1.10:9'), async () => await net.attach({ kind: 'tap' }), async () => { await net.detach('nwtap0') },
    async () => { await host.transaction((tx) => { tx.destroy('coming') }) }, async () => await attempt(),
  ]) assert.is(await code(work), 'NETWRIGHT_LOCKED', String(work))
  const free = { name: 'free', subnet: '10.77.9.0/24', dns: { enable: false } }
  assert.is(await code(async () => await another.create({ ...free, forward: 'nat', forwards: ['8080/tcp 10.77.9.2:80'] })), 'NETWRIGHT_PORT_IN_USE', 'the port that would come back')
  await (await another.create(free)).destroy()
  await another.settled()
  await committed.takeBack()
  await back('taken back')
})

trial('what would come back keeps its subnet meanwhile', async ({ host, back, other }) => {
  const { forwards, ...rest } = red
  const committed = await host.transaction((tx) => { tx.update({ ...rest, subnet: '10.77.5.0/24' }) }, { confirmWithin: 60, probe: 'none' })
  await using another = await other()
  assert.is(await code(async () => await another.create({ name: 'thief', subnet: '10.77.1.0/24', dns: { enable: false } })), 'NETWRIGHT_SUBNET_IN_USE')
  await committed.takeBack()
  await back(`taken back, with ${String(forwards?.length)} forwards`)
})

trial('one that only removes waits for its confirmation; with confirmWithin 0 it is kept at once', async ({ host, back, other }) => {
  const committed = await host.transaction((tx) => { tx.destroy('going') }, { confirmWithin: 60, probe: 'none' })
  await using another = await other()
  assert.is(await code(async () => { await (await another.network('going')).destroy() }), 'NETWRIGHT_LOCKED')
  await committed.takeBack()
  await back('nothing was removed')
  const kept = await host.transaction((tx) => { tx.destroy('going') }, { confirmWithin: 0, probe: 'none' })
  assert.is(await kept.outcome, 'kept')
  assert.equal((await host.networks()).map(({ name }) => name), ['red'])
})

trial('without a probe of its own it is the gateways that must answer', async ({ host, attempt, back }, { ns, tmp }) => {
  const outside = await uplink(ns)
  await gateway(ns, OUTSIDE.four)
  const { confirm, outcome } = await host.transaction((tx) => { tx.create(coming) }, { confirmWithin: 60 })
  await confirm()
  assert.is(await outcome, 'kept')
  await (await host.network('coming')).destroy()
  const mute = async (step: string): Promise<void> => { if (step === 'start the watcher') await outside.must('ip', ['link', 'set', 'eth0', 'arp', 'off']) }
  const other = await openHost({ netns: ns.path, root: join(tmp, 'root'), supervise: false }, { hook: mute })
  assert.is(await code(async () => await other.transaction((tx) => { tx.create(coming) }, { confirmWithin: 2.5 })), 'NETWRIGHT_PROBE_FAILED')
  await other.close()
  await ns.must('ip', ['link', 'del', 'up0'])
  await back('the gateway is silent')
  await (await attempt()).takeBack()
  await back('no gateway')
})

trial('bad options are refused with their place', async ({ attempt, back }) => {
  for (const options of [{ confirmWithin: -1 }, { confirmWithin: Number.NaN }, { confirmWithin: 1e9 }, { probe: 'gateway' as 'none' }]) assert.is(await code(async () => await attempt(options)), 'NETWRIGHT_INVALID')
  await back('nothing was done')
})

test.run()
