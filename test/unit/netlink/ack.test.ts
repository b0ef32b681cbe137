import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DecodeError } from '../../../src/errors.js'
import { verdict } from '../../../src/netlink/ack.js'
import { messages, NLMSG_DONE, NLMSG_ERROR, type Message } from '../../../src/netlink/header.js'
import { link } from '../../../src/netlink/rtnl/link.js'
import { ack, done } from './fake-transport.js'

const request = link.create({ ifname: 'br0', linkinfo: { kind: 'bridge', data: { forwardDelay: 1 } } }, 'br0')
const header: Message = { type: 16, flags: 0x605, seq: 7, pid: 0, payload: Buffer.alloc(0) }

function only (datagram: Buffer): Message {
  const [first] = messages(datagram)
  if (first === undefined) throw new Error('no message')
  return first
}

test('ack: zero is success without a word', () => {
  assert.equal(verdict(request, only(ack(header))), {})
})

test('ack: a sentence on success is a warning', () => {
  assert.equal(verdict(request, only(ack(header, 0, { sentence: 'rule is deprecated' }))), { warning: 'rule is deprecated' })
})

test('ack: a refusal carries errno, sentence and the attribute', () => {
  const { error } = verdict(request, only(ack(header, 34, { sentence: 'Invalid forward delay', offset: 60 })))
  assert.is(error?.message, 'RTM_NEWLINK br0: ERANGE: Invalid forward delay (IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_FORWARD_DELAY)')
  assert.equal([error?.errno, error?.errnoName, error?.attribute, error?.code], [34, 'ERANGE', 'IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_FORWARD_DELAY', 'NETWRIGHT_KERNEL'])
})

test('ack: a missing attribute is named', () => {
  const { error } = verdict(request, only(ack(header, 22, { missingType: 4, missingNest: 40 })))
  assert.is(error?.message, 'RTM_NEWLINK br0: EINVAL: a required attribute is missing (IFLA_LINKINFO.IFLA_INFO_SLAVE_KIND)')
})

// The form without NETLINK_CAP_ACK, as include/uapi/linux/netlink.h describes it: struct nlmsgerr repeats the whole request, padded.
test('ack: without CAPPED the attributes come behind the repeated request', () => {
  const whole = Buffer.alloc(16 + request.body.length)
  whole.writeUInt32LE(whole.length, 0)
  request.body.copy(whole, 16)
  const text = Buffer.from('\x14\0\x01\0Numerical r.\0\0\0\0', 'latin1')
  const payload = Buffer.concat([Buffer.from([0xde, 0xff, 0xff, 0xff]), whole, text])
  const { error } = verdict(request, { type: NLMSG_ERROR, flags: 0x200, seq: 7, pid: 0, payload })
  assert.is(error?.sentence, 'Numerical r.')
})

test('ack: control characters are escaped and long sentences are cut', () => {
  const { error } = verdict(request, only(ack(header, 1, { sentence: 'bad\x1b[31m name\n\u202e' })))
  assert.is(error?.sentence, 'bad\\u001b[31m name\\u000a\\u202e')
  const long = verdict(request, only(ack(header, 1, { sentence: 'x'.repeat(5000) })))
  assert.is(long.error?.sentence?.length, 1024)
})

test('ack: the end of a dump may carry an error', () => {
  assert.equal(verdict(request, only(done(header))), {})
  const { error } = verdict(request, only(done(header, 22, { sentence: 'Attribute not supported in dump filter' })))
  assert.is(error?.message, 'RTM_NEWLINK br0: EINVAL: Attribute not supported in dump filter')
  assert.equal(verdict(request, { type: NLMSG_DONE, flags: 2, seq: 7, pid: 0, payload: Buffer.alloc(0) }), {})
})

test('ack: truncated payloads are refused', () => {
  const broken = (message: Message): void => { assert.throws(() => verdict(request, message), (error: unknown) => error instanceof DecodeError) }
  broken({ type: NLMSG_ERROR, flags: 0, seq: 7, pid: 0, payload: Buffer.alloc(3) })
  broken({ type: NLMSG_ERROR, flags: 0x300, seq: 7, pid: 0, payload: Buffer.alloc(10) })
  broken({ type: NLMSG_ERROR, flags: 0x300, seq: 7, pid: 0, payload: Buffer.concat([Buffer.alloc(20), Buffer.from([0xff, 0xff, 1, 0])]) })
  broken({ type: 16, flags: 0, seq: 7, pid: 0, payload: Buffer.alloc(4) })
})

test.run()
