/** TAPs made by the addon, as iproute2 sees them. */
import { write } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isErrno } from '../../src/netlink/errno.js'
import { native } from '../../src/netlink/native.js'
import { kernelTest, type TestNamespace } from '../harness/kernel-test.js'

interface Shown { readonly ifname: string, readonly ifindex: number, readonly linkinfo: { readonly info_kind: string, readonly info_data: Readonly<Record<string, unknown>> } }

const plain = { queues: 1, vnetHdr: false, persist: false, owner: -1, group: -1 }
const show = async (ns: TestNamespace, name: string): Promise<Shown | undefined> => (await ns.json<Shown[]>('ip', ['-j', '-d', 'link', 'show', 'dev', name]))[0]
const data = async (ns: TestNamespace, name: string): Promise<Readonly<Record<string, unknown>> | undefined> => (await show(ns, name))?.linkinfo.info_data
const refused = (promise: Promise<unknown>, name: string): Promise<void> => promise.then(() => { throw new Error(`not refused: ${name}`) }, (error: unknown) => { assert.ok(isErrno(error, name), String(error)) })
async function close (fds: readonly number[]): Promise<void> { for (const fd of fds) await native().closeAsync(fd) }

kernelTest(test, 'tap: has the name, index, owner and group asked for, and goes with its descriptor', async ({ ns }) => {
  const { name, fds } = await native().tapCreate(ns.fd, 'tap0', 4711, { ...plain, owner: 54321, group: 54322 })
  assert.equal([name, fds.length], ['tap0', 1])
  const shown = await show(ns, 'tap0')
  assert.equal([shown?.ifindex, shown?.linkinfo.info_kind], [4711, 'tun'])
  assert.equal(shown?.linkinfo.info_data, { type: 'tap', pi: false, vnet_hdr: false, multi_queue: false, persist: false, user: 54321, group: 54322 })
  await close(fds)
  assert.is((await ns.exec('ip', ['link', 'show', 'dev', 'tap0'])).code, 1)
}, { needs: ['tun'] })

kernelTest(test, 'tap: several queues with a header for each packet, persistent until deleted', async ({ ns }) => {
  const { fds } = await native().tapCreate(ns.fd, 'tap0', 0, { ...plain, queues: 4, vnetHdr: true, persist: true })
  assert.is(new Set(fds).size, 4)
  assert.equal(await data(ns, 'tap0'), { type: 'tap', pi: false, vnet_hdr: true, multi_queue: true, numqueues: 4, numdisabled: 0, persist: true })
  await close(fds)
  const index = (await show(ns, 'tap0'))?.ifindex ?? -1
  await native().tapDelete(ns.fd, 'tap0', index)
  assert.is((await ns.exec('ip', ['link', 'show', 'dev', 'tap0'])).code, 1)
}, { needs: ['tun'] })

kernelTest(test, 'tap: the kernel numbers a name with %d', async ({ ns }) => {
  const first = await native().tapCreate(ns.fd, 'vnet%d', 0, plain)
  const second = await native().tapCreate(ns.fd, 'vnet%d', 0, plain)
  assert.equal([first.name, second.name], ['vnet0', 'vnet1'])
  assert.is((await show(ns, 'vnet1'))?.ifname, 'vnet1')
  await close([...first.fds, ...second.fds])
}, { needs: ['tun'] })

kernelTest(test, 'tap: many are made in one call, as asked one by one, with the descriptors that are to be kept', async ({ ns }) => {
  const taps = Array.from({ length: 40 }, (_, i) => ({ ...plain, name: `tap${i}`, ifindex: 5000 + i, persist: i % 2 === 0, queues: i === 3 ? 2 : 1, owner: i === 4 ? 54321 : -1, keep: i % 2 === 1 || i === 0 }))
  const lists = await native().tapsCreate(ns.fd, taps)
  assert.equal(lists.map((fds) => fds.length), taps.map(({ keep, queues }) => keep ? queues : 0))
  const shown = await ns.json<Shown[]>('ip', ['-j', '-d', 'link', 'show', 'type', 'tun'])
  assert.equal(shown.map(({ ifname, ifindex }) => [ifname, ifindex]), taps.map(({ name, ifindex }) => [name, ifindex]))
  assert.equal(shown.map(({ linkinfo }) => [linkinfo.info_data.persist, linkinfo.info_data.multi_queue, linkinfo.info_data.user]), taps.map(({ persist, queues, owner }) => [persist, queues > 1, owner < 0 ? undefined : owner]))
  await close(lists.flat())
  assert.equal((await ns.json<Shown[]>('ip', ['-j', 'link', 'show', 'type', 'tun'])).map(({ ifname }) => ifname), taps.filter(({ persist }) => persist).map(({ name }) => name))
  for (const { name, ifindex, persist } of taps) if (persist) await native().tapDelete(ns.fd, name, ifindex)
}, { needs: ['tun'] })

kernelTest(test, 'tap: a list ends at the first that fails, says which, and keeps no descriptor', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  const list = (name: string, ifindex: number) => [{ ...plain, name: 'tap0', ifindex: 0, keep: true }, { ...plain, name, ifindex, keep: true }, { ...plain, name: 'tap2', ifindex: 0, keep: true }]
  for (const [name, index, errno] of [['br0', 0, 'EBUSY'], ['tap1', 1, 'EBUSY'], ['tap%d', 0, 'ERANGE'], ['a-name-of-16-chr', 0, 'ENAMETOOLONG']] as const) {
    await native().tapsCreate(ns.fd, list(name, index)).then(() => { throw new Error(`not refused: ${name}`) }, (error: unknown) => {
      assert.ok(isErrno(error, errno), String(error))
      assert.is(error instanceof Error && 'index' in error ? error.index : undefined, 1)
    })
    assert.equal(await ns.json('ip', ['-j', 'link', 'show', 'type', 'tun']), [])
  }
  assert.equal(await native().tapsCreate(ns.fd, []), [])
  assert.throws(() => native().tapsCreate(ns.fd, [{ ...plain, name: 'tap0', ifindex: 0, keep: true, queues: 300 }]), (error: unknown) => error instanceof TypeError)
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['tun'] })

kernelTest(test, 'tap: refuses a name that any link has, and leaves that link as it was', async ({ ns }) => {
  await ns.must('ip', ['tuntap', 'add', 'dev', 'tap0', 'mode', 'tap', 'user', '1001', 'vnet_hdr'])
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  const before = await ns.json('ip', ['-j', '-d', 'link'])
  await refused(native().tapCreate(ns.fd, 'tap0', 0, { ...plain, persist: true, owner: 1002 }), 'EBUSY')
  await refused(native().tapCreate(ns.fd, 'br0', 0, plain), 'EBUSY')
  assert.equal(await ns.json('ip', ['-j', '-d', 'link']), before)
  await ns.must('ip', ['tuntap', 'del', 'dev', 'tap0', 'mode', 'tap'])
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['tun'] })

kernelTest(test, 'tap: leaves nothing where a part fails: index taken, name too long, too many queues', async ({ ns }) => {
  await refused(native().tapCreate(ns.fd, 'tap0', 1, plain), 'EBUSY')
  await refused(native().tapCreate(ns.fd, 'a-name-of-16-chr', 0, plain), 'ENAMETOOLONG')
  assert.throws(() => native().tapCreate(ns.fd, 'tap0', 0, { ...plain, queues: 257 }), (error: unknown) => error instanceof TypeError)
  assert.throws(() => native().tapCreate(ns.fd, 'tap0', 0, { ...plain, queues: 0 }), (error: unknown) => error instanceof TypeError)
  assert.equal((await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname), ['lo'])
}, { needs: ['tun'] })

kernelTest(test, 'tap: a persistent one is opened again where index, name and flags are as expected, else ESTALE and it is as before', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'br0', 'index', '4712', 'type', 'bridge'])
  await close((await native().tapCreate(ns.fd, 'tap0', 4711, { ...plain, vnetHdr: true, persist: true })).fds)
  await close((await native().tapCreate(ns.fd, 'tap1', 4713, { ...plain, queues: 2, persist: true })).fds)
  const before = await ns.json('ip', ['-j', '-d', 'link'])
  const wrong: readonly (readonly [string, number, { queues: number, vnetHdr: boolean }])[] = [
    ['tap0', 4713, { queues: 1, vnetHdr: true }], ['tap1', 4711, { queues: 1, vnetHdr: true }], ['tap0', 4711, { queues: 1, vnetHdr: false }],
    ['tap0', 4711, { queues: 2, vnetHdr: true }], ['tap1', 4713, { queues: 1, vnetHdr: false }], ['br0', 4712, { queues: 1, vnetHdr: false }],
    ['tap9', 4799, { queues: 1, vnetHdr: true }], ['tap', 4711, { queues: 1, vnetHdr: true }], ['tap0', 0, { queues: 1, vnetHdr: true }],
  ]
  for (const [name, index, options] of wrong) await refused(native().tapOpen(ns.fd, name, index, options), 'ESTALE')
  await refused(native().tapDelete(ns.fd, 'tap0', 4713), 'ESTALE')
  await refused(native().tapDelete(ns.fd, 'br0', 4712), 'ESTALE')
  assert.equal(await ns.json('ip', ['-j', '-d', 'link']), before)

  const one = await native().tapOpen(ns.fd, 'tap0', 4711, { queues: 1, vnetHdr: true })
  await refused(native().tapOpen(ns.fd, 'tap0', 4711, { queues: 1, vnetHdr: true }), 'EBUSY')
  const two = await native().tapOpen(ns.fd, 'tap1', 4713, { queues: 3, vnetHdr: false })
  assert.is((await data(ns, 'tap1'))?.numqueues, 3)
  await close([...one.fds, ...two.fds])
  await native().tapDelete(ns.fd, 'tap0', 4711)
  await native().tapDelete(ns.fd, 'tap1', 4713)
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['tun'] })

kernelTest(test, 'tap: one that is not persistent, or a TUN, is never taken over', async ({ ns }) => {
  const { fds } = await native().tapCreate(ns.fd, 'tap0', 4711, plain)
  await ns.must('ip', ['tuntap', 'add', 'dev', 'tun0', 'mode', 'tun'])
  const tun = (await show(ns, 'tun0'))?.ifindex ?? -1
  await refused(native().tapOpen(ns.fd, 'tap0', 4711, { queues: 1, vnetHdr: false }), 'ESTALE')
  await refused(native().tapOpen(ns.fd, 'tun0', tun, { queues: 1, vnetHdr: false }), 'ESTALE')
  await refused(native().tapDelete(ns.fd, 'tun0', tun), 'ESTALE')
  await ns.must('ip', ['tuntap', 'del', 'dev', 'tun0', 'mode', 'tun'])
  await close(fds)
}, { needs: ['tun'] })

kernelTest(test, 'tap: its descriptor carries the frames of its link', async ({ ns }) => {
  const { fds } = await native().tapCreate(ns.fd, 'tap0', 0, plain)
  await ns.must('ip', ['link', 'set', 'tap0', 'up'])
  const heard = ns.spawn('tcpdump', ['-lnni', 'tap0', '-c', '1', 'ether proto 0x88b5'])
  await heard.until(/listening on/)
  const frame = Buffer.concat([Buffer.from('ffffffffffff525400000001', 'hex'), Buffer.from('88b5', 'hex'), Buffer.alloc(46, 7)])
  await new Promise<void>((resolve, reject) => { write(fds[0] ?? -1, frame, (error) => { if (error === null) resolve(); else reject(error) }) })
  await heard.until(/52:54:00:00:00:01|0x88b5/)
  await close(fds)
}, { needs: ['tun', 'tcpdump'] })

test.run()
