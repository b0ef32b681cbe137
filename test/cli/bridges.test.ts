/** `netwright bridge` and `netwright tap` beside brctl, ip tuntap and ip link. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine } from './command-line.js'

interface Link { readonly ifname: string, readonly flags: readonly string[], readonly master?: string, readonly linkinfo?: { readonly info_data?: Record<string, unknown> } }

kernelTest(test, 'bridge show: is brctl show, byte for byte', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  assert.is(await line.must('-q', 'bridge', 'show'), '')
  for (const words of ['addbr zbr', 'addbr abr', 'addbr Bbr', 'stp zbr on']) await ns.must('brctl', words.split(' '))
  for (const tap of ['t1', 't10', 't0', 'T2']) {
    await ns.must('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap'])
    await ns.must('brctl', ['addif', 'abr', tap])
  }
  assert.is(await line.must('bridge', 'show'), `${await ns.must('brctl', ['show'])}\n`)
  assert.is(await line.must('bridge', 'show', 'abr'), `${await ns.must('brctl', ['show', 'abr'])}\n`)
  for (const link of ['t1', 't10', 't0', 'T2', 'zbr', 'abr', 'Bbr']) await ns.must('ip', ['link', 'del', link])
}, { needs: ['tun'] })

kernelTest(test, 'bridge: the verbs do what brctl does', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const shape = async (name: string): Promise<unknown> => {
    const [link] = await ns.json<Link[]>('ip', ['-j', '-d', 'link', 'show', 'dev', name])
    const data = link?.linkinfo?.info_data ?? {}
    return { flags: link?.flags, delay: data.forward_delay, stp: data.stp_state, vlan: data.vlan_filtering, ageing: data.ageing_time }
  }
  await line.must('bridge', 'add', 'ours')
  await ns.must('brctl', ['addbr', 'theirs'])
  assert.equal(await shape('ours'), await shape('theirs'))
  await line.must('bridge', 'stp', 'ours', 'on')
  await line.must('bridge', 'setfd', 'ours', '7')
  await ns.must('brctl', ['stp', 'theirs', 'on'])
  await ns.must('brctl', ['setfd', 'theirs', '7'])
  assert.equal(await shape('ours'), await shape('theirs'))
  await line.must('tap', 'add', 'dev', 'tap0', 'mode', 'tap', 'user', '1000')
  await line.must('bridge', 'addif', 'ours', 'tap0')
  assert.is((await ns.json<Link[]>('ip', ['-j', 'link', 'show', 'dev', 'tap0']))[0]?.master, 'ours')
  assert.match(await ns.must('ip', ['tuntap', 'show']), /^tap0: tap.*user 1000/m)
  await line.must('bridge', 'delif', 'ours', 'tap0')
  await line.must('tap', 'del', 'tap0', 'mode', 'tap')
  for (const name of ['ours', 'theirs']) await line.must('bridge', 'del', name)
}, { needs: ['tun'] })

kernelTest(test, 'bridge: a refusal names what is wrong, changes nothing and exits with 1', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  await ns.must('ip', ['link', 'add', 'up0', 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'up0', 'up'])
  await ns.must('ip', ['link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1'])
  const links = (): Promise<string> => ns.must('ip', ['-j', 'link'])
  const before = await links()
  for (const [words, message] of [
    [['bridge', 'add', 'up0'], /up0/], [['bridge', 'add', 'a-name-of-sixteen'], /a-name-of-sixteen|15/], [['bridge', 'del', 'up0'], /up/], [['bridge', 'del', 'none0'], /none0/],
    [['bridge', 'del', 'v0'], /v0/], [['bridge', 'addif', 'up0', 'none0'], /none0/], [['bridge', 'addif', 'none0', 'v0'], /none0/], [['bridge', 'delif', 'up0', 'v0'], /v0/],
    [['bridge', 'stp', 'v0', 'on'], /v0/], [['bridge', 'stp', 'up0', 'maybe'], /maybe/], [['bridge', 'setfd', 'up0', 'x'], /'x'/], [['bridge', 'show', 'v0'], /v0/], [['tap', 'del', 'v0'], /v0/], [['tap', 'add', 'v0'], /v0/],
  ] as const) {
    const { stderr, code } = await line.run(words)
    assert.is(code, 1, `${words.join(' ')}: ${stderr}`)
    assert.match(stderr, /^error: /, words.join(' '))
    assert.match(stderr, message, words.join(' '))
    assert.not.match(stderr, /internal error/, words.join(' '))
  }
  assert.is(await links(), before)
  for (const name of ['up0', 'v0']) await ns.must('ip', ['link', 'del', name])
})

test.run()
