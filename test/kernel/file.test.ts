/** Small files inside a namespace, compared with what a program inside reads. */
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isErrno } from '../../src/netlink/errno.js'
import { native } from '../../src/netlink/native.js'
import { kernelTest } from '../harness/kernel-test.js'

const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => { throw new Error('not refused') }, (error: unknown) => error)

kernelTest(test, 'file: /proc/sys/net and /proc/net show the namespace given', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'here0', 'type', 'bridge'])
  await ns.must('sysctl', ['-qw', 'net.ipv4.conf.here0.rp_filter=2'])
  const [filter, dev, routes, missing] = await native().filesRead(ns.fd, ['/proc/sys/net/ipv4/conf/here0/rp_filter', '/proc/net/dev', '/proc/net/route', '/proc/sys/net/ipv4/conf/gone0/rp_filter'], 65536)
  assert.is(filter?.toString(), '2\n')
  assert.is(dev?.toString(), await ns.must('cat', ['/proc/net/dev']))
  assert.is(routes?.toString(), await ns.must('cat', ['/proc/net/route']))
  assert.is(missing, null)
  const [own] = await native().filesRead(-1, ['/proc/sys/net/ipv4/conf/here0/rp_filter'], 100)
  assert.is(own, null)
  await ns.must('ip', ['link', 'del', 'here0'])
})

kernelTest(test, 'file: values are written in the namespace given, in order, and only there', async ({ ns }) => {
  const own = await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')
  await native().filesWrite(ns.fd, [{ path: '/proc/sys/net/ipv4/ip_forward', data: '1' }, { path: '/proc/sys/net/ipv4/conf/lo/forwarding', data: '0' }])
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward']), '1\n')
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv4.conf.lo.forwarding']), '0\n')
  assert.is(await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8'), own)
  await native().filesWrite(ns.fd, [{ path: '/proc/sys/net/ipv4/ip_forward', data: '0' }])
})

kernelTest(test, 'file: stops at the first that fails and says which', async ({ ns }) => {
  const error = await rejection(native().filesWrite(ns.fd, [
    { path: '/proc/sys/net/ipv4/ip_default_ttl', data: '65' }, { path: '/proc/sys/net/ipv4/ip_default_ttl', data: 'x' }, { path: '/proc/sys/net/ipv4/ip_default_ttl', data: '66' },
  ]))
  assert.ok(isErrno(error, 'EINVAL'))
  assert.equal({ ...error as object }, { code: 'EINVAL', errno: 22, syscall: 'write', path: '/proc/sys/net/ipv4/ip_default_ttl', index: 1 })
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv4.ip_default_ttl']), '65\n')
})

kernelTest(test, 'file: is never created by a write, and a directory cannot be read', async ({ ns, tmp }) => {
  assert.ok(isErrno(await rejection(native().filesWrite(ns.fd, [{ path: `${tmp}/none`, data: 'x' }])), 'ENOENT'))
  assert.equal(await native().filesRead(ns.fd, [`${tmp}/none`], 10), [null])
  assert.ok(isErrno(await rejection(native().filesRead(ns.fd, ['/dev/null', tmp], 10)), 'EISDIR'))
})

kernelTest(test, 'file: an ordinary one is read up to the limit and written whole', async ({ tmp }) => {
  const text = 'ä'.repeat(50_000)
  await writeFile(`${tmp}/a`, 'longer than nothing')
  await native().filesWrite(-1, [{ path: `${tmp}/a`, data: text }])
  assert.is(await readFile(`${tmp}/a`, 'utf8'), text)
  const [whole, part, none] = await native().filesRead(-1, [`${tmp}/a`, `${tmp}/a`, '/dev/null'], 1_000_000)
  assert.is(whole?.toString(), text)
  assert.is(part?.length, 100_000)
  assert.is(none?.length, 0)
  assert.equal((await native().filesRead(-1, [`${tmp}/a`], 7))[0], Buffer.from(text).subarray(0, 7))
  assert.equal((await native().filesRead(-1, [`${tmp}/a`], 0))[0]?.length, 0)
})

kernelTest(test, 'file: interface indexes are those of the namespace given', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'here0', 'index', '4711', 'type', 'bridge'])
  assert.equal([await native().ifindex(ns.fd, 'here0'), await native().ifindex(-1, 'here0'), await native().ifindex(ns.fd, 'a-name-that-is-too-long')], [4711, 0, 0])
  await ns.must('ip', ['link', 'del', 'here0'])
})

test.run()
