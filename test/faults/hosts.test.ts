/** Hosts on which a start cannot work: it says what, where and what to do, and nothing has changed. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../src/errors.js'
import { must } from '../harness/command.js'
import { udpEcho } from '../harness/guest.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { settle } from '../harness/snapshot.js'
import { bed, codeOf, same, thrown, withHost, type Bed } from './bed.js'
import { alone, red, type Place } from './operations.js'
import { state } from './state.js'

/** The typed error of a start that does not work; what stands is as before, while the host is open and afterwards. */
async function refused ({ place, before, operation }: Bed): Promise<NetwrightError> {
  const error = await withHost(place, {}, async (host) => {
    const reason = await thrown(async () => await operation.run(host, place))
    same('what stands after the refusal', await settle(before, async () => await state(place)))
    return reason
  })
  if (!(error instanceof NetwrightError)) throw error
  return error
}

const needs = { needs: ['dnsmasq', 'nft'] }
const red1 = async (context: KernelTest, work: (stand: Bed) => Promise<void>): Promise<void> => { await bed('start nat with DHCP', context, work) }

kernelTest(test, 'host: without dnsmasq a network that needs it is refused before the kernel hears of it', async (context) => {
  await red1(context, async (stand) => {
    const program = (await must('sh', ['-c', 'command -v dnsmasq'])).trim()
    await must('mount', ['--bind', '/dev/null', program])
    try {
      const steps: string[] = []
      const error = await withHost(stand.place, { hook: (step) => { steps.push(step) } }, async (host) => await thrown(async () => await stand.operation.run(host, stand.place)))
      assert.is(codeOf(error), 'NETWRIGHT_DNSMASQ_MISSING')
      assert.match(error instanceof NetwrightError ? error.remedy ?? '' : '', /apt-get install dnsmasq-base/)
      assert.equal(steps, [])
    } finally { await must('umount', [program]) }
    same('what stands', await settle(stand.before, async () => await state(stand.place)))
  })
}, needs)

kernelTest(test, 'host: whoever has port 53 is named, and everything is undone', async (context) => {
  await red1(context, async (stand) => {
    const { server } = await udpEcho(context.ns, '0.0.0.0', 53)
    const error = await refused(stand)
    assert.is(error.code, 'NETWRIGHT_PORT_IN_USE')
    assert.match(error.message, 'port 53')
    assert.match(error.holder ?? '', /^node \(pid \d+\)$/)
    await server.stop()
    await withHost(stand.place, {}, async (host) => { await stand.operation.run(host, stand.place) })
    await stand.restore('after')
  })
}, needs)

kernelTest(test, 'host: a link of somebody else that has the bridge\'s name is named and left alone', async (context) => {
  const { ns } = context
  await red1(context, async (stand) => {
    const show = ['-j', '-d', 'link', 'show', 'nw-red']
    await ns.must('ip', ['link', 'add', 'nw-red', 'mtu', '1400', 'type', 'veth', 'peer', 'name', 'their-peer'])
    const theirs = await ns.json('ip', show)
    const error = await withHost(stand.place, {}, async (host) => await thrown(async () => await stand.operation.run(host, stand.place)))
    assert.is(codeOf(error), 'NETWRIGHT_NAME_IN_USE')
    assert.equal(error instanceof NetwrightError && error.conflict, { kind: 'veth', name: 'nw-red' })
    assert.equal(await ns.json('ip', show), theirs)
    await ns.must('ip', ['link', 'del', 'nw-red'])
    same('what stands', await settle(stand.before, async () => await state(stand.place)))
  })
}, needs)

kernelTest(test, 'host: a subnet that is routed already is refused: the same one, one inside, one around', async (context) => {
  const { ns } = context
  await red1(context, async (stand) => {
    await ns.must('ip', ['link', 'add', 'far', 'type', 'bridge'])
    await ns.must('ip', ['link', 'set', 'far', 'up'])
    for (const route of ['10.77.1.0/24', '10.77.1.128/25', '10.77.0.0/16', '10.77.1.77/32', 'fd00:77:1::/64', 'fd00:77:1::/48']) {
      await ns.must('ip', ['route', 'add', route, 'dev', 'far'])
      const error = await withHost(stand.place, {}, async (host) => await thrown(async () => await stand.operation.run(host, stand.place)))
      assert.is(codeOf(error), 'NETWRIGHT_SUBNET_IN_USE', route)
      assert.equal(error instanceof NetwrightError && error.conflict, { kind: 'route', name: route, detail: 'dev far' })
      await ns.must('ip', ['route', 'del', route, 'dev', 'far'])
    }
    await ns.must('ip', ['link', 'del', 'far'])
    same('what stands', await settle(stand.before, async () => await state(stand.place)))
  })
}, needs)

kernelTest(test, 'host: a bridge name that is too long is refused with its place', async ({ ns, tmp }) => {
  await withHost({ netns: ns.name, guest: ns.name, root: tmp }, {}, async (host) => {
    const error = await thrown(async () => await host.define(alone.replace('nw-alone', 'sixteen-letters-')))
    assert.is(codeOf(error), 'NETWRIGHT_INVALID')
    assert.match(String(error), /line 3/)
    assert.equal(await host.networks(), [])
  })
})

kernelTest(test, 'host: a start that is aborted at any step is undone', async (context) => {
  await red1(context, async (stand) => {
    // After the last step there is nothing left to abort.
    for (let at = 1; at < stand.steps.length; at++) {
      const controller = new AbortController()
      let count = 0
      const hook = (): void => { if (++count === at) controller.abort(new Error('enough')) }
      const error = await withHost(stand.place, { hook }, async (host) => await thrown(async () => await (await host.network('red')).start({ signal: controller.signal })))
      const where = stand.steps[at - 1] ?? '?'
      assert.is(codeOf(error), 'NETWRIGHT_ABORTED', where)
      same(`what stands after an abort at ${where}`, await settle(stand.before, async () => await state(stand.place)))
    }
  })
}, needs)

kernelTest(test, 'host: a namespace that is deleted or replaced is noticed; what runs in it can be destroyed, and the host closed', async ({ tmp }) => {
  await must('ip', ['netns', 'add', 'nw-going'])
  const place: Place = { netns: 'nw-going', guest: '', root: tmp }
  await withHost(place, {}, async (host) => {
    const net = await host.create(red)
    await must('ip', ['netns', 'del', 'nw-going'])
    for (const work of [async () => await host.create(alone), async () => await net.attach({ kind: 'tap' })]) {
      const error = await thrown(work)
      assert.is(codeOf(error), 'NETWRIGHT_NO_NAMESPACE')
      assert.match(String(error), /\/run\/netns\/nw-going was deleted/)
    }
    await must('ip', ['netns', 'add', 'nw-going'])
    assert.match(String(await thrown(async () => await host.create(alone))), /replaced by another one/)
    assert.is((await net.info()).active, true)
    await net.destroy()
    assert.equal(await host.networks(), [])
  })
  assert.is(codeOf(await thrown(async () => { await withHost({ ...place, netns: 'nw-gone' }, {}, async () => { await Promise.resolve() }) })), 'NETWRIGHT_NO_NAMESPACE')
  await must('ip', ['netns', 'del', 'nw-going'])
}, needs)

test.run()
