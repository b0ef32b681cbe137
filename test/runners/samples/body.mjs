/** What each runner's sample file tests, as a test author writes it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { openHost } from 'netwright'
import { assertNoLeaks, withNetwork } from 'netwright/testing'

const red = { name: 'red', forward: 'nat', bridge: 'br-red', subnet: '10.7.0.0/24', dhcp: true }
const ip = (netns, ...args) => JSON.parse(execFileSync('nsenter', [`--net=${netns}`, 'ip', '-j', ...args]).toString() || '[]')
const root = () => mkdtempSync(join(process.env.SAMPLE_ROOT, 'root-'))

/** A network for one test, in a world of its own: nothing is left, and two at once may be alike. */
export async function works () {
  await assertNoLeaks(async () => {
    const answers = await Promise.all([1, 2].map(async () => await withNetwork(red, async ({ host, network, netns }) => {
      const guest = await network.attach({ kind: 'tap', address: 'auto', fds: false })
      const [bridge] = ip(netns, 'addr', 'show', 'br-red')
      assert.equal(bridge.addr_info[0].local, '10.7.0.1')
      assert.equal(guest.gateway, '10.7.0.1')
      await guest.detach()
      return await told(host)
    })))
    assert.deepEqual(answers, [['snapshot', 'link'], ['snapshot', 'link']])
  })
}

/** The kinds of the first two events: a snapshot, and a link that is made meanwhile. */
async function told (host) {
  const kinds = []
  for await (const { kind } of host.events()) {
    if (!kinds.includes(kind)) kinds.push(kind)
    if (kinds.includes('link')) break
    if (kinds.length === 1) await host.create({ name: 'blue', forward: 'nat', subnet: '10.8.0.0/24', dns: { enable: false } })
  }
  return kinds.filter((kind) => kind === 'snapshot' || kind === 'link')
}

/** Errors are what they are, whatever realm a runner puts its tests into. */
export async function refuses () {
  await assertNoLeaks(async () => {
    await withNetwork(red, async ({ host }) => {
      await assert.rejects(host.create({ ...red, name: 'other' }), { code: 'NETWRIGHT_NAME_IN_USE' })
      await assert.rejects(host.network('nobody'), { code: 'NETWRIGHT_NOT_FOUND' })
      await assert.rejects(host.create({ ...red, subnet: 'nonsense' }), { code: 'NETWRIGHT_INVALID' })
    })
    await assert.rejects(openHost({ netns: 'nobody', root: root() }), { code: 'NETWRIGHT_NO_NAMESPACE' })
    const stored = root()
    const host = await openHost({ root: stored })
    await (await host.define({ name: 'kept', forward: 'nat', subnet: 'auto/24' })).undefine()
    await host.close()
  })
}

/** A test that forgets a network. */
export async function leaves () {
  await withNetwork(red, async ({ host, netns, root: place }) => {
    await assertNoLeaks(async () => {
      await host.create({ name: 'left', forward: 'nat', bridge: 'left0', subnet: '10.9.0.0/24', dns: { enable: false } })
    }, { netns, root: place, patience: 100 })
  })
}
