import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError } from '../../src/errors.js'
import { native } from '../../src/netlink/native.js'
import type { TapObject } from '../../src/kernel/object.js'
import { createTap, deleteTap, openTap } from '../../src/kernel/tap.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

const tap: TapObject = { type: 'tap', name: 'vnet0', index: 0x2222, group: 1, mac: 'fe:54:00:00:00:02', queues: 1, vnetHdr: false, persist: true, uid: -1, gid: -1 }

function close (fds: readonly number[]): void { for (const fd of fds) native().close(fd) }

async function names (ns: Namespace): Promise<string[]> {
  const taps = await ns.json<{ ifname: string }[]>('ip', ['-j', 'tuntap', 'show'])
  return taps.map(({ ifname }) => ifname)
}

async function refused (promise: Promise<unknown>): Promise<KernelError> {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  if (error instanceof KernelError) return error
  throw new Error(`not refused: ${String(error)}`)
}

kernelTest(test, 'tap: one that is not persistent goes with its descriptors', async ({ ns }) => {
  const { fds } = await createTap(ns.fd, { ...tap, persist: false })
  assert.equal(await names(ns), ['vnet0'])
  close(fds)
  assert.equal(await names(ns), [])
}, { needs: ['tun'] })

kernelTest(test, 'tap: a persistent one stays, is opened again by proof of its index, and is deleted', async ({ ns }) => {
  close((await createTap(ns.fd, tap)).fds)
  assert.equal(await names(ns), ['vnet0'])
  assert.is((await refused(openTap(ns.fd, { ...tap, index: 3 }))).errnoName, 'ESTALE')
  close((await openTap(ns.fd, tap)).fds)
  assert.is((await refused(deleteTap(ns.fd, { ...tap, index: 3 }))).errnoName, 'ESTALE')
  assert.equal(await names(ns), ['vnet0'])
  await deleteTap(ns.fd, tap)
  assert.equal(await names(ns), [])
}, { needs: ['tun'] })

kernelTest(test, 'tap: a name or an index that is taken is EBUSY, and nothing is left or taken over', async ({ ns }) => {
  await ns.must('ip', ['tuntap', 'add', 'dev', 'vnet0', 'mode', 'tap'])
  const taken = await refused(createTap(ns.fd, tap))
  assert.equal([taken.errnoName, taken.object, taken.request], ['EBUSY', 'tap vnet0', 'TUNSETIFF'])
  await ns.must('ip', ['link', 'add', 'br0', 'index', String(tap.index), 'type', 'bridge'])
  assert.is((await refused(createTap(ns.fd, { ...tap, name: 'vnet1' }))).errnoName, 'EBUSY')
  assert.equal(await names(ns), ['vnet0'])
  await ns.must('ip', ['link', 'del', 'br0'])
  await ns.must('ip', ['tuntap', 'del', 'dev', 'vnet0', 'mode', 'tap'])
}, { needs: ['tun'] })

test.run()
