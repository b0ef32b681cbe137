/** Host bridges over what this machine's kernel may lack: VLANs, bonds, a VLAN of a bond, Wi-Fi. Run by scripts/test-vm, inside Debian's kernel. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import { openHost, NetwrightError } from '../../src/index.js'
import { must } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { asBefore, differs, HOST, nic, ROUTER, stateOf, traffic, unplug } from '../kernel/host-bridge-bed.js'

interface Link { readonly ifname: string, readonly master?: string, readonly operstate: string, readonly linkinfo?: { readonly info_kind?: string, readonly info_data?: { readonly id?: number, readonly mode?: string } } }
const links = async ({ ns }: Pick<KernelTest, 'ns'>): Promise<ReadonlyMap<string, Link>> => new Map((await ns.json<Link[]>('ip', ['-j', '-d', 'link'])).map((link) => [link.ifname, link]))
const open = async ({ ns, tmp }: KernelTest): ReturnType<typeof openHost> => await openHost({ netns: ns.path, root: join(tmp, 'root'), supervise: false })
const pings = async ({ ns }: KernelTest, address: string): Promise<boolean> => (await ns.exec('ping', ['-n', '-c', '1', '-w', '5', '-i', '0.2', address])).code === 0

kernelTest(test, 'host bridge over a VLAN that it makes: the NIC keeps what is untagged, and all is as before when it is taken back', async (context) => {
  const router = await nic(context)
  await must('ip', ['-n', router.name, 'link', 'add', 'link', 'lan', 'name', 'lan.20', 'type', 'vlan', 'id', '20'])
  for (const words of [['link', 'set', 'lan.20', 'up'], ['addr', 'add', '10.20.0.1/24', 'dev', 'lan.20']]) await must('ip', ['-n', router.name, ...words])
  const before = await stateOf(context.ns)
  const flow = await traffic(context, router)
  await using host = await open(context)
  for (const input of [{ name: 'br0', uplink: 'eth0', vlan: 20 }, { name: 'br0', uplink: 'eth0.20' }]) {
    const trial = await host.hostBridge.create(input)
    const found = await links(context)
    assert.is(found.get('eth0.20')?.master, 'br0')
    assert.is(found.get('eth0.20')?.linkinfo?.info_data?.id, 20)
    await context.ns.must('ip', ['addr', 'add', '10.20.0.2/24', 'dev', 'br0'])
    assert.ok(await pings(context, '10.20.0.1'), 'frames of the bridge are tagged')
    await trial.takeBack()
    await asBefore(context.ns, before, 'taken back')
  }
  await (await host.hostBridge.create({ name: 'br0', uplink: 'eth0', vlan: 20 }, { confirmWithin: 0 })).outcome
  await (await host.hostBridge.remove('br0')).outcome
  await asBefore(context.ns, before, 'removed')
  const { lost, lost6 } = await flow.end()
  assert.ok(lost <= 3 && lost6 <= 3, `${String(lost)} and ${String(lost6)} pings were lost`)
  await unplug(context)
})

kernelTest(test, 'host bridge over a VLAN that is there: its addresses move', async (context) => {
  await nic(context)
  const { ns } = context
  for (const words of ['link add link eth0 name eth0.30 type vlan id 30', 'link set eth0.30 up', 'addr add 10.30.0.2/24 dev eth0.30', 'route add 10.31.0.0/16 via 10.30.0.1']) await ns.must('ip', words.split(' '))
  const before = await stateOf(ns)
  await using host = await open(context)
  const trial = await host.hostBridge.create({ name: 'br0', uplink: 'eth0.30' }, { probe: 'none' })
  assert.match(await ns.must('ip', ['route']), /10\.31\.0\.0\/16 via 10\.30\.0\.1 dev br0/)
  await trial.takeBack()
  assert.equal(differs(before, await stateOf(ns)), [])
  await unplug(context)
})

kernelTest(test, 'host bridge over a bond that it makes: what the NIC had moves to the bridge and back', async (context) => {
  const router = await nic(context)
  const { ns } = context
  await ns.must('ip', ['link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'other1', 'netns', router.name])
  await ns.must('ip', ['link', 'set', 'eth1', 'up'])
  await router.must('ip', ['link', 'set', 'other1', 'up'])
  const before = await stateOf(ns)
  const flow = await traffic(context, router)
  await using host = await open(context)
  const trial = await host.hostBridge.create({ name: 'br0', bond: { members: ['eth0', 'eth1'], mode: 'active-backup' } })
  const found = await links(context)
  assert.is(found.get('bond0')?.master, 'br0')
  assert.is(found.get('bond0')?.linkinfo?.info_data?.mode, 'active-backup')
  assert.equal(['eth0', 'eth1'].map((dev) => found.get(dev)?.master), ['bond0', 'bond0'])
  assert.match(await ns.must('ip', ['addr', 'show', 'dev', 'br0']), new RegExp(HOST.four.replaceAll('.', '\\.')))
  assert.ok(await pings(context, ROUTER.beyond) && await pings(context, ROUTER.beyond6))
  console.log(`bond: moved in ${trial.movedInMs.toFixed(1)} ms`)
  await trial.takeBack()
  await asBefore(ns, before, 'taken back')
  const { lost, lost6, sent } = await flow.end()
  console.log(`bond: ${String(lost)} and ${String(lost6)} of ${String(sent)} pings lost`)
  await ns.must('ip', ['link', 'del', 'eth1'])
  await unplug(context)
})

kernelTest(test, 'host bridge over a VLAN of a bond: what is untagged moves to the bond', async (context) => {
  const router = await nic(context)
  const { ns } = context
  await must('ip', ['-n', router.name, 'link', 'add', 'link', 'lan', 'name', 'lan.20', 'type', 'vlan', 'id', '20'])
  for (const words of [['link', 'set', 'lan.20', 'up'], ['addr', 'add', '10.20.0.1/24', 'dev', 'lan.20']]) await must('ip', ['-n', router.name, ...words])
  const before = await stateOf(ns)
  await using host = await open(context)
  const trial = await host.hostBridge.create({ name: 'br0', bond: { members: ['eth0'] }, vlan: 20 })
  const found = await links(context)
  assert.is(found.get('bond0.20')?.master, 'br0')
  assert.match(await ns.must('ip', ['addr', 'show', 'dev', 'bond0']), new RegExp(HOST.four.replaceAll('.', '\\.')))
  assert.ok(await pings(context, ROUTER.beyond))
  await ns.must('ip', ['addr', 'add', '10.20.0.2/24', 'dev', 'br0'])
  assert.ok(await pings(context, '10.20.0.1'))
  await trial.takeBack()
  await asBefore(ns, before, 'taken back')
  await unplug(context)
})

kernelTest(test, 'host bridge: a bond without members is refused with the reason', async (context) => {
  const { ns } = context
  await ns.must('ip', ['link', 'add', 'bond7', 'type', 'bond'])
  await ns.must('ip', ['link', 'set', 'bond7', 'up'])
  await using host = await open(context)
  const refusal = async (uplink: string): Promise<NetwrightError> => {
    try { await host.hostBridge.create({ name: 'br0', uplink }) } catch (error) { if (error instanceof NetwrightError) return error; throw error }
    throw new Error(`${uplink} was taken`)
  }
  const empty = await refusal('bond7')
  assert.is(empty.code, 'NETWRIGHT_UPLINK_UNFIT')
  assert.match(empty.message, /a bond without members/)
  await ns.must('ip', ['link', 'del', 'bond7'])
})

test.run()
