import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, type Network } from '../../src/index.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { host } from './bed.js'

/** What became of a verb: its error's code, or `done`. */
async function outcome (work: Promise<unknown>): Promise<string> {
  return await work.then(() => 'done', (error: unknown) => error instanceof NetwrightError ? error.code : String(error))
}

const definitions = (count: number): { name: string, forward: 'nat', subnet: string, bridge: string, dns: { enable: false } }[] =>
  Array.from({ length: count }, (_, i) => ({ name: `net${i}`, forward: 'nat', subnet: `10.60.${i}.0/24`, bridge: `nwb${i}`, dns: { enable: false } }))

const bridges = async ({ ns }: Pick<KernelTest, 'ns'>): Promise<string[]> => (await ns.json<{ ifname: string }[]>('ip', ['-j', 'link', 'show', 'type', 'bridge'])).map(({ ifname }) => ifname).sort()

kernelTest(test, 'stop: networks destroyed all at once are all gone, and those not asked for stay', async (bed) => {
  const h = await host(bed)
  const networks = await h.create(definitions(9))
  await Promise.all(networks.slice(0, 8).map(async (network) => { await network.destroy() }))
  await h.settled()
  assert.equal(await bridges(bed), ['nwb8'])
  assert.equal((await h.networks()).map(({ name }) => name), ['net8'])
  const rules = await bed.ns.must('nft', ['list', 'table', 'inet', 'netwright'])
  assert.match(rules, /"nwb8"/)
  assert.not.match(rules, /"nwb[0-7]"/)
  await networks[8]?.destroy()
  assert.is((await bed.ns.must('nft', ['list', 'ruleset'])).trim(), '')
  await h.close()
}, { needs: ['nft'] })

kernelTest(test, 'stop: among many at once each has its own answer', async (bed) => {
  const h = await host(bed)
  const networks = await h.create(definitions(5))
  const handle = async (name: string): Promise<Network> => await h.network(name)
  const [again, other] = [await handle('net1'), await handle('net2')]
  const late = new AbortController()
  const works = [networks[0]?.destroy(), networks[1]?.destroy(), again.destroy(), other.destroy({ signal: AbortSignal.abort() }), networks[3]?.destroy({ signal: late.signal }), networks[4]?.destroy()]
  const outcomes = Promise.all(works.map(async (work) => await outcome(Promise.resolve(work))))
  late.abort()
  const [first, second, twice, aborted, , last] = await outcomes
  assert.equal([first, last], ['done', 'done'])
  assert.equal([second, twice].filter((one) => one === 'done').length, 1, 'one of the two that destroy net1 has done it')
  assert.ok([second, twice].some((one) => one === 'NETWRIGHT_INACTIVE' || one === 'NETWRIGHT_NOT_FOUND'))
  assert.is(aborted, 'NETWRIGHT_ABORTED')
  assert.ok((await bridges(bed)).includes('nwb2'), 'what was aborted stands')
  for (const { name } of await h.networks()) await (await handle(name)).destroy()
  await h.settled()
  assert.equal(await bridges(bed), [])
  await h.close()
})

test.run()
