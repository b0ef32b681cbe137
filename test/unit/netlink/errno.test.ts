/** errno names, against the C library's own list by way of the addon's errors. */
import { constants } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError } from '../../../src/errors.js'
import { errnoName, isErrno } from '../../../src/netlink/errno.js'
import { native } from '../../../src/netlink/native.js'

test('errno: numbers have the kernel\'s names, whatever their sign', () => {
  assert.equal([17, -17, 11, 95, 54, 524, 999].map(errnoName), ['EEXIST', 'EEXIST', 'EAGAIN', 'EOPNOTSUPP', 'EXFULL', 'ENOTSUPP', 'errno 999'])
  for (const name of ['EPERM', 'ENODEV', 'EBUSY', 'ENOBUFS', 'ENETUNREACH', 'ESTALE'] as const) assert.is(errnoName(constants.errno[name]), name)
})

test('errno: both kinds of error are recognised, others are not', async () => {
  const error = await native().netnsOpen('/no/such').catch((reason: unknown) => reason)
  assert.ok(isErrno(error, 'ENOENT'))
  assert.not.ok(isErrno(error, 'EEXIST'))
  assert.ok(isErrno(new KernelError({ request: 'RTM_NEWLINK', object: 'br0', errno: 17, errnoName: 'EEXIST' }), 'EEXIST'))
  assert.not.ok(isErrno(new Error('ENOENT'), 'ENOENT'))
  assert.not.ok(isErrno('ENOENT', 'ENOENT'))
})

test('errno: an error of the addon says call, object, name and text', async () => {
  const error = await native().netnsOpen('/no/such').catch((reason: unknown) => reason)
  assert.instance(error, Error)
  assert.equal({ ...error as object, message: (error as Error).message }, { code: 'ENOENT', errno: 2, syscall: 'open', message: 'open /no/such: ENOENT, No such file or directory' })
})

test.run()
