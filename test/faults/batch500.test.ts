/** "Done when" 2 of issue 3: five hundred networks in one batch, and a failure at each stage. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, type NetworkInput, type NetworkWithPorts } from '../../src/index.js'
import { kernelTest } from '../harness/kernel-test.js'
import { settle, type Snapshot } from '../harness/snapshot.js'
import { withHost } from './bed.js'
import { state } from './state.js'

const COUNT = 500

const definition = (i: number): NetworkInput => ({
  name: `net${i}`, forward: 'nat', subnet: `10.${60 + (i >> 8)}.${i & 255}.0/24`, bridge: `nwb${i}`,
  // Two with leases, so that there are processes to start.
  ...i === 100 || i === 400 ? { dhcp: true } : { dns: { enable: false } },
})
/** One in ten has a port. */
const batch: NetworkWithPorts[] = Array.from({ length: COUNT }, (_, i) => ({ network: definition(i), ports: i % 10 === 0 ? [{ kind: 'tap' }] : [] }))

/** Steps of the undo, or behind the scenes, or of the start of a dnsmasq, which other tests fail one by one: deleting five hundred bridges takes ten seconds each time. */
const isForward = (step: string): boolean => !/^(?:remove |dig a grave|close the |look at links|delete buried|write dnsmasq|run dnsmasq|note dnsmasq)/.test(step)

kernelTest(test, 'create: of five hundred networks in one batch, whichever stage fails, nothing is left', async ({ ns, tmp }) => {
  const place = { netns: ns.name, guest: ns.name, root: tmp }
  const look = async (): Promise<Snapshot> => new Map([...await state(place)].map(([heading, lines]) => [heading, lines.filter((line) => !line.endsWith('/'))]))
  const before = await look()
  const left = async (what: string): Promise<void> => { assert.equal((await settle(before, look)).slice(0, 5), [], what) }
  const failed = new Set<string>()
  let stage = ''
  let over = false
  const hook = (step: string): void => {
    if (over || !isForward(step) || failed.has(step)) return
    failed.add(step)
    stage = step
    over = true
    throw new Error(`fault at ${step}`)
  }
  await withHost(place, { hook }, async (host) => {
    for (let made = false; !made;) {
      stage = ''
      over = false
      try { await host.create(batch); made = true } catch (error) { assert.match(String(error), `fault at ${stage}`) }
      if (!made) {
        await host.settled()
        await left(stage)
      }
    }
    over = true
    assert.equal([...failed], [
      'write the journal', 'record forwarding', 'make TAPs', 'make links', 'write sysctls', 'start dnsmasq',
      'commit nft', 'switch forwarding on', 'bring ports back', 'let the record stand',
    ])
    assert.is((await host.networks()).length, COUNT)
    await Promise.all((await host.networks()).map(async ({ name }) => { await (await host.network(name)).destroy() }))
    await host.settled()
  })
  await left('destroyed')
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'create: of five hundred networks in one batch a bad one, wherever it is, is named, and nothing is made', async ({ ns, tmp }) => {
  const place = { netns: ns.name, guest: ns.name, root: tmp }
  await ns.must('ip', ['addr', 'add', '10.99.0.1/24', 'dev', 'lo'])
  const before = await state(place)
  const steps: string[] = []
  await withHost(place, { hook: (step) => { steps.push(step) } }, async (host) => {
    for (const at of [0, 250, COUNT - 1]) {
      const named = async (bad: NetworkWithPorts): Promise<unknown> => await host.create(batch.with(at, bad)).then(() => 'nothing', (error: unknown) => error instanceof NetwrightError ? [error.code, error.place, error.message.split(':')[0]] : error)
      assert.equal(await named({ network: { ...definition(at), subnet: '10.99.0.0/24' } }), ['NETWRIGHT_SUBNET_IN_USE', `networks[${at}].subnet`, `network net${at}`])
      assert.equal(await named({ network: { ...definition(at), subnet: '10.99.0.0' } }), ['NETWRIGHT_INVALID', `networks[${at}].subnet`, `networks[${at}].subnet`])
      assert.equal(await named({ network: definition(at), ports: [{ kind: 'tap', address: '10.99.0.2' }] }), ['NETWRIGHT_INVALID', `networks[${at}].ports[0].address`, `networks[${at}].ports[0].address`])
    }
  })
  assert.equal(steps, [], 'nothing was even begun')
  assert.equal((await settle(before, async () => await state(place))).slice(0, 5), [])
  await ns.must('ip', ['addr', 'del', '10.99.0.1/24', 'dev', 'lo'])
}, { needs: ['dnsmasq'] })

test.run()
