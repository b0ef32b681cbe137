/** Host bridges where nothing can be written, or where the bridge is deleted by others: nobody is locked out, nothing is half kept. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost } from '../../src/index.js'
import { must } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { eventually } from './bed.js'
import { asBefore, differs, nic, stateOf, unplug } from './host-bridge-bed.js'

const open = async ({ ns, tmp }: KernelTest): ReturnType<typeof openHost> => await openHost({ netns: ns.path, root: tmp, supervise: false })

/** Runs work while a directory is read-only. */
async function readOnly (path: string, work: () => Promise<void>): Promise<void> {
  await mkdir(path, { recursive: true })
  await must('mount', ['--bind', path, path])
  try {
    await must('mount', ['-o', 'remount,bind,ro', path])
    await work()
  } finally { await must('umount', [path]) }
}

kernelTest(test, 'host bridge: one that cannot be stored is not kept, and is taken back', async (context) => {
  await nic(context)
  const before = await stateOf(context.ns)
  await using host = await open(context)
  const trial = await host.hostBridge.create({ name: 'br0', uplink: 'eth0' })
  await readOnly(join(context.tmp, 'etc/netwright'), async () => {
    assert.match(await host.hostBridge.confirm('br0').then(() => 'kept', String), /EROFS/)
    assert.is((await host.hostBridge.list())[0]?.state, 'trial')
  })
  await trial.takeBack()
  await asBefore(context.ns, before, 'not stored')
  assert.equal(await host.hostBridge.list(), [])
  await unplug(context)
})

kernelTest(test, 'host bridge: at boot what is stored needs no storing, on a read-only /etc', async (context) => {
  await nic(context)
  await using host = await open(context)
  await (await host.hostBridge.create({ name: 'br0', uplink: 'eth0' }, { confirmWithin: 0 })).outcome
  await context.ns.must('ip', ['link', 'del', 'br0'])
  await readOnly(join(context.tmp, 'etc/netwright'), async () => { assert.equal((await host.autostart({ failed: ({ error }) => { throw error } })), []) })
  assert.is((await host.hostBridge.list())[0]?.state, 'kept')
  await (await host.hostBridge.remove('br0')).outcome
  await unplug(context)
})

kernelTest(test, 'host bridge: is taken back, too, where no lock can be written', async (context) => {
  await nic(context)
  const before = await stateOf(context.ns)
  await using host = await open(context)
  const trial = await host.hostBridge.create({ name: 'br0', uplink: 'eth0' }, { confirmWithin: 3 })
  await readOnly('/run/netwright', async () => {
    assert.is(await trial.outcome, 'taken back')
    await asBefore(context.ns, before, 'without a lock')
  })
  await unplug(context)
})

kernelTest(test, 'host bridge: a removal whose bridge is deleted meanwhile is finished', async (context) => {
  await nic(context)
  const before = await stateOf(context.ns)
  await using host = await open(context)
  await (await host.hostBridge.create({ name: 'br0', uplink: 'eth0' }, { confirmWithin: 0 })).outcome
  const removal = await host.hostBridge.remove('br0', { confirmWithin: 3 })
  await context.ns.must('ip', ['link', 'del', 'br0'])
  assert.is(await removal.outcome, 'kept')
  await eventually('what was before', async () => differs(before, await stateOf(context.ns)).length === 0 ? true : undefined)
  assert.is((await host.hostBridge.list())[0]?.state, 'inactive')
  await (await host.hostBridge.remove('br0')).outcome
  assert.equal(await host.hostBridge.list(), [])
  await unplug(context)
})

test.run()
