/** Network namespaces as `ip netns` sees them, and its own as we see them. */
import { readdir, readlink, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isErrno } from '../../src/netlink/errno.js'
import { native } from '../../src/netlink/native.js'
import { must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'

const refused = (promise: Promise<unknown>, name: string): Promise<void> => promise.then(() => { throw new Error(`not refused: ${name}`) }, (error: unknown) => { assert.ok(isErrno(error, name), String(error)) })
const names = async (): Promise<string[]> => (JSON.parse(await must('ip', ['-j', 'netns', 'list']) || '[]') as { name: string }[]).map(({ name }) => name)

/** The network namespaces of all threads of this process. */
async function threads (): Promise<string[]> {
  const links = await Promise.all((await readdir('/proc/self/task')).map((task) => readlink(`/proc/self/task/${task}/ns/net`).catch(() => '')))
  return [...new Set(links.filter((link) => link !== ''))]
}

kernelTest(test, 'netns: one that we make is listed and entered by ip netns, with loopback down', async () => {
  await native().netnsCreate('/run/netns', 'nw-made')
  assert.ok((await names()).includes('nw-made'))
  const links = JSON.parse(await must('ip', ['-n', 'nw-made', '-j', 'link'])) as { ifname: string, operstate: string }[]
  assert.equal(links.map(({ ifname, operstate }) => [ifname, operstate]), [['lo', 'DOWN']])
  await refused(native().netnsCreate('/run/netns', 'nw-made'), 'EEXIST')
  await must('ip', ['netns', 'del', 'nw-made'])
  assert.not.ok((await names()).includes('nw-made'))
})

kernelTest(test, 'netns: one that ip netns made is opened and deleted by us', async () => {
  await must('ip', ['netns', 'add', 'nw-theirs'])
  const { fd, inode, device } = await native().netnsOpen('/run/netns/nw-theirs')
  const expected = await stat('/run/netns/nw-theirs', { bigint: true })
  assert.equal([inode, device], [expected.ino, expected.dev])
  native().close(fd)
  await native().netnsDelete('/run/netns', 'nw-theirs')
  assert.not.ok((await names()).includes('nw-theirs'))
  await refused(native().netnsOpen('/run/netns/nw-theirs'), 'ENOENT')
  await refused(native().netnsDelete('/run/netns', 'nw-theirs'), 'ENOENT')
})

kernelTest(test, 'netns: is opened by pid', async ({ ns }) => {
  const sleeper = ns.spawn('sleep', ['1000'])
  const path = `/proc/${sleeper.pid}/ns/net`
  for (let i = 0; i < 3_000 && await readlink(path) === await readlink('/proc/self/ns/net'); i++) await sleep(10) // until `ip netns exec` has entered
  const { fd, inode } = await native().netnsOpen(path)
  assert.is(inode, (await stat(ns.path, { bigint: true })).ino)
  native().close(fd)
})

kernelTest(test, 'netns: what is no network namespace is refused with EINVAL and holds nothing', async ({ tmp }) => {
  await must('mkfifo', [`${tmp}/fifo`])
  for (const path of ['/dev/null', tmp, '/proc/self/ns/mnt', `${tmp}/fifo`]) await refused(native().netnsOpen(path), 'EINVAL')
})

kernelTest(test, 'netns: names that would leave the directory are refused', async () => {
  for (const name of ['', '.', '..', '../x', 'a/b', 'a'.repeat(5000)]) await refused(native().netnsCreate('/run/netns', name), 'EINVAL')
  assert.throws(() => native().netnsCreate('/run/netns', 'a\0b'), (error: unknown) => error instanceof TypeError)
})

kernelTest(test, 'netns: a name without its mount, as a killed creation leaves it, is deleted all the same', async () => {
  await must('touch', ['/run/netns/nw-torn'])
  await native().netnsDelete('/run/netns', 'nw-torn')
  assert.not.ok((await names()).includes('nw-torn'))
})

kernelTest(test, 'netns: twenty made at once in a fresh directory are all there, under one mount', async ({ tmp }) => {
  const directory = `${tmp}/netns`
  const wanted = Array.from({ length: 20 }, (_, i) => `n${i}`)
  await Promise.all(wanted.map((name) => native().netnsCreate(directory, name)))
  const mounts = (await must('cat', ['/proc/self/mountinfo'])).split('\n').filter((line) => line.includes(`${directory} `))
  assert.is(mounts.length, 1)
  assert.match(mounts[0] ?? '', / shared:/)
  const opened = await Promise.all(wanted.map((name) => native().netnsOpen(`${directory}/${name}`)))
  assert.is(new Set(opened.map(({ inode }) => inode)).size, 20)
  for (const { fd } of opened) native().close(fd)
  await Promise.all(wanted.map((name) => native().netnsDelete(directory, name)))
  assert.equal(await readdir(directory), [])
  await must('umount', [directory])
})

kernelTest(test, 'netns: run enters for one call, returns its value, and leaves also when it throws', async ({ ns }) => {
  const { readlinkSync } = await import('node:fs')
  const here = readlinkSync('/proc/thread-self/ns/net')
  const there = `net:[${(await stat(ns.path, { bigint: true })).ino}]`
  assert.is(native().netnsRun(ns.fd, () => readlinkSync('/proc/thread-self/ns/net')), there)
  assert.is(readlinkSync('/proc/thread-self/ns/net'), here)
  assert.throws(() => native().netnsRun(ns.fd, () => { throw new RangeError('inside') }), (error: unknown) => error instanceof RangeError)
  assert.throws(() => native().netnsRun(ns.fd, async () => undefined), (error: unknown) => error instanceof TypeError)
  assert.throws(() => native().netnsRun(9999, () => undefined), (error: unknown) => isErrno(error, 'EBADF'))
  assert.is(readlinkSync('/proc/thread-self/ns/net'), here)
  assert.is(native().netnsRun(ns.fd, () => native().netnsRun(-1, () => readlinkSync('/proc/thread-self/ns/net'))), there)
})

kernelTest(test, 'netns: after every kind of job all threads are in their own namespace again', async ({ ns, tmp }) => {
  const before = await threads()
  const addon = native()
  const tap = await addon.tapCreate(ns.fd, 'tap0', 0, { queues: 1, vnetHdr: false, persist: false, owner: -1, group: -1 })
  await addon.closeAsync(tap.fds[0] ?? -1)
  await addon.filesRead(ns.fd, ['/proc/net/dev'], 100)
  await addon.ifindex(ns.fd, 'lo')
  await addon.netnsCreate(`${tmp}/netns`, 'one')
  await addon.netnsDelete(`${tmp}/netns`, 'one')
  await must('umount', [`${tmp}/netns`])
  const { pidfd } = await addon.processSpawn(ns.fd, '/bin/true', [], [], [-1, -1, -1], { newSession: false, directory: '' })
  await addon.processWait(pidfd, true)
  addon.close(pidfd)
  const channel = await addon.channelOpen(0, ns.fd, 0, 0)
  await addon.channelClose(channel)
  addon.netnsRun(ns.fd, () => undefined)
  let after = await threads()
  for (let i = 0; i < 3_000 && after.length > before.length; i++) { await sleep(10); after = await threads() } // a thread that has ended is seen for a moment
  assert.equal(after, before)
}, { needs: ['tun'] })

test.run()
