import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attempt, Failure, UsageError } from '../../../src/cli/failure.js'
import { errorJson, errorText } from '../../../src/cli/report.js'
import { InputError, KernelError, NetwrightError, ProcessError } from '../../../src/errors.js'

const thrown = async (action: () => Promise<unknown>): Promise<unknown> => await action().then(() => undefined, (error: unknown) => error)

test('report: virsh\'s sentence, then libvirt\'s text for a code that has one', async () => {
  const error = await thrown(() => attempt('Failed to start network a', { NETWRIGHT_ACTIVE: 'Requested operation is not valid: network is already active' }, () => Promise.reject(new NetwrightError('NETWRIGHT_ACTIVE', 'a runs', { remedy: 'none in virsh' }))))
  assert.is(errorText(error), 'error: Failed to start network a\nerror: Requested operation is not valid: network is already active\n')
})

test('report: our own message and its remedy where libvirt has no text', async () => {
  const error = await thrown(() => attempt('Failed to start network a', {}, () => Promise.reject(new NetwrightError('NETWRIGHT_SUBNET_IN_USE', '10.0.0.0/24 is in use', { remedy: 'take another' }))))
  assert.is(errorText(error, 7), 'error: line 7: Failed to start network a\nerror: 10.0.0.0/24 is in use\nremedy: take another\n')
})

test('report: every complaint about a definition is a line', async () => {
  const error = await thrown(() => attempt('Failed to define network from x', {}, () => Promise.reject(new InputError([{ message: 'one', line: 3, column: 4 }, { message: 'two', path: 'ip[0]' }]))))
  assert.is(errorText(error), 'error: Failed to define network from x\nerror: line 3, column 4: one\nerror: ip[0]: two\n')
})

test('report: says what dnsmasq said and what is left', () => {
  assert.is(errorText(new ProcessError('NETWRIGHT_DNSMASQ_FAILED', 'dnsmasq exited', { exitCode: 2, lastLines: ['x\u001b'] }, { left: ['virbr1', 'vnet0'] })), 'error: dnsmasq exited\ndnsmasq: x\\x1b\nleft: virbr1, vnet0\n')
})

test('report: an error without a code is called internal', () => {
  assert.is(errorText(new TypeError('x is undefined')), 'error: internal error: x is undefined\n')
})

test('report: JSON holds code, message, sentence and every fact, on one line', async () => {
  const refusal = new KernelError({ request: 'RTM_NEWLINK', object: 'vx0', errno: 34, errnoName: 'ERANGE', sentence: 'too big' }, { remedy: 'r' })
  const text = errorJson(await thrown(() => attempt('Failed to start network a', {}, () => Promise.reject(refusal))), 2)
  assert.is(text.split('\n').length, 2)
  const { error } = JSON.parse(text) as { error: Record<string, unknown> }
  assert.equal(error, { code: 'NETWRIGHT_KERNEL', message: 'RTM_NEWLINK vx0: ERANGE: too big', sentence: 'Failed to start network a', remedy: 'r', request: 'RTM_NEWLINK', object: 'vx0', errno: 34, errnoName: 'ERANGE', reason: 'too big', line: 2 })
})

test('report: JSON of a wrong command and of libvirt\'s own texts', () => {
  assert.equal(JSON.parse(errorJson(new UsageError("unknown command: 'x'", 'r'))), { error: { code: 'NETWRIGHT_INVALID', message: "unknown command: 'x'", remedy: 'r' } })
  const found = new Failure({ sentence: "failed to get network 'x'", driver: 'Network not found: x' }, new NetwrightError('NETWRIGHT_NOT_FOUND', 'no'))
  assert.equal(JSON.parse(errorJson(found)), { error: { code: 'NETWRIGHT_NOT_FOUND', message: 'Network not found: x', sentence: "failed to get network 'x'" } })
})

test.run()
