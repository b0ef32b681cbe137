/** What several callers ask one host for at the same moment. */
import { closeSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, type Host } from '../../src/index.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { openHost } from '../../src/engine/host.js'
import { host } from './bed.js'

interface Definition { name: string, forward: 'nat', subnet: string, bridge: string, dns: { enable: false } }

const definition = (i: number): Definition => ({ name: `net${i}`, forward: 'nat', subnet: `10.60.${i}.0/24`, bridge: `nwb${i}`, dns: { enable: false } })
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** What became of each: what it resolved with, or its error's code. */
const outcomes = async <T>(works: readonly Promise<T>[]): Promise<(T | string)[]> =>
  await Promise.all(works.map(async (work) => await work.catch((error: unknown) => error instanceof NetwrightError ? error.code : String(error))))

const links = async ({ ns }: Pick<KernelTest, 'ns'>, ...of: readonly string[]): Promise<string[]> => (await ns.json<{ ifname?: string }[]>('ip', ['-j', 'link', 'show', ...of])).flatMap(({ ifname }) => ifname ?? []).sort()

/** How often the lock was taken for what the host did meanwhile. */
async function locks (h: Host, work: () => Promise<void>): Promise<number> {
  const { lock: { count } } = await h.diagnostics()
  await work()
  return (await h.diagnostics()).lock.count - count
}

kernelTest(test, 'together: networks asked for one by one in one moment are made in few batches, each for its caller', async (bed) => {
  const h = await host(bed)
  await h.create(definition(99))
  const taken = await locks(h, async () => {
    const made = await Promise.all(range(20).map(async (i) => await h.create({ network: definition(i), ports: [{ kind: 'tap', dev: `tap${i}` }] })))
    assert.equal(made.map(({ name }) => name), range(20).map((i) => `net${i}`))
  })
  assert.ok(taken <= 3, `${taken} times`)
  for (const i of range(20)) assert.equal(await links(bed, 'master', `nwb${i}`), [`tap${i}`])
  const infos = await Promise.all((await h.networks()).map(async ({ name }) => await (await h.network(name)).state()))
  assert.ok(infos.every(({ link }) => link === 'up'))
  await Promise.all((await h.networks()).map(async ({ name }) => { await (await h.network(name)).destroy() }))
  await h.settled()
  assert.equal(await links(bed), ['lo'])
  await h.close()
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'together: one that cannot be made has its own answer, and the others are made', async (bed) => {
  const h = await host(bed)
  await bed.ns.must('ip', ['link', 'add', 'other', 'type', 'bridge'])
  const late = new AbortController()
  const asked = [
    h.create(definition(0)), h.create({ ...definition(1), subnet: '10.60.0.0/24' }), h.create({ ...definition(2), name: 'net0' }), h.create({ ...definition(3), bridge: 'other' }),
    h.create(definition(4), { signal: late.signal }), h.create({ network: definition(5), ports: [{ kind: 'tap', dev: 'other' }] }), h.create(definition(6)),
  ]
  late.abort()
  const seen = (await outcomes(asked)).map((one) => typeof one === 'string' ? one : one.name)
  assert.equal(seen, ['net0', 'NETWRIGHT_SUBNET_IN_USE', 'NETWRIGHT_ACTIVE', 'NETWRIGHT_NAME_IN_USE', 'NETWRIGHT_ABORTED', 'NETWRIGHT_NAME_IN_USE', 'net6'])
  assert.equal(await links(bed, 'type', 'bridge'), ['nwb0', 'nwb6', 'other'])
  await bed.ns.must('ip', ['link', 'del', 'other'])
  await Promise.all((await h.networks()).map(async ({ name }) => { await (await h.network(name)).destroy() }))
  await h.close()
  assert.equal(await links(bed), ['lo'])
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'together: one that is aborted while the batch is made is taken back, and the others stay', async (bed) => {
  const late = new AbortController()
  await using h = await openHost({ netns: bed.ns.path, root: bed.tmp }, { hook: (step) => { if (step === 'make links') late.abort() } })
  const asked = [h.create(definition(0)), h.create({ network: definition(1), ports: [{ kind: 'tap', dev: 'tap1' }] }, { signal: late.signal }), h.create(definition(2))]
  assert.equal((await outcomes(asked)).map((one) => typeof one === 'string' ? one : one.name), ['net0', 'NETWRIGHT_ABORTED', 'net2'])
  assert.equal((await h.networks()).map(({ name }) => name).sort(), ['net0', 'net2'])
  await h.settled()
  assert.equal(await links(bed), ['lo', 'nwb0', 'nwb2'])
  for (const name of ['net0', 'net2']) await (await h.network(name)).destroy()
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'together: a network that somebody else is at keeps nobody waiting but those who want it', async (bed) => {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => { release = resolve })
  let begun = (): void => undefined
  const starting = new Promise<void>((resolve) => { begun = resolve })
  await using slow = await openHost({ netns: bed.ns.path, root: bed.tmp }, { hook: async (step) => { if (step === 'start dnsmasq') { begun(); await released } } })
  await using h = await openHost({ netns: bed.ns.path, root: bed.tmp })
  const first = slow.create({ ...definition(0), dns: { enable: true } })
  await starting
  const same = outcomes([h.create({ ...definition(0) })])
  const others = await outcomes([h.create(definition(1)), h.create(definition(2))])
  assert.equal(others.map((one) => typeof one === 'string' ? one : one.name), ['net1', 'net2'])
  release()
  assert.is((await first).name, 'net0')
  assert.equal(await same, ['NETWRIGHT_ACTIVE'])
  for (const { name } of await h.networks()) await (await h.network(name)).destroy()
}, { needs: ['nft', 'dnsmasq'] })

kernelTest(test, 'together: ports that come to one network, and leave it, in one moment', async (bed) => {
  const h = await host(bed)
  const [red, blue] = await h.create([definition(0), definition(1)])
  if (red === undefined || blue === undefined) throw new Error('nothing was made')
  const attached = await outcomes([...range(12).map(async (i) => await red.attach({ kind: 'tap', dev: `tap${i}`, fds: i % 2 === 0 })), red.attach({ kind: 'tap', dev: 'tap3' }), blue.attach({ kind: 'tap', dev: 'tapb' })])
  assert.equal(attached.map((one) => typeof one === 'string' ? one : `${one.dev} ${one.fds.length}`), [...range(12).map((i) => `tap${i} ${i % 2 === 0 ? 1 : 0}`), 'NETWRIGHT_NAME_IN_USE', 'tapb 1'])
  assert.equal(await links(bed, 'master', 'nwb0'), range(12).map((i) => `tap${i}`).sort())
  assert.equal(await links(bed, 'master', 'nwb1'), ['tapb'])
  const taken = await locks(h, async () => {
    const left = await outcomes([...range(10).map(async (i) => { await red.detach(`tap${i}`) }), red.detach('tap99')])
    assert.equal(left, [...range(10).map(() => undefined), 'NETWRIGHT_NOT_FOUND'])
  })
  assert.ok(taken <= 13, `${taken} times`)
  assert.equal(await links(bed, 'master', 'nwb0'), ['tap10', 'tap11'])
  for (const one of attached) if (typeof one !== 'string') for (const fd of one.fds) closeSync(fd)
  for (const network of [red, blue]) await network.destroy()
  await h.close()
  assert.equal(await links(bed), ['lo'])
}, { needs: ['nft', 'tun'] })

test.run()
