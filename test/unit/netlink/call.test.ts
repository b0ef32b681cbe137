import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError, NetwrightError } from '../../../src/errors.js'
import { call, dump, get, send } from '../../../src/netlink/call.js'
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_EXCL, NLM_F_MULTI } from '../../../src/netlink/header.js'
import { dumpLinks, link } from '../../../src/netlink/rtnl/link.js'
import { ack, done, message, reply, scripted, type Answer } from './fake-transport.js'
import { fixture } from './rtnl-fixture.js'

const create = (name: string): ReturnType<typeof link.create> => link.create({ ifname: name, linkinfo: { kind: 'bridge' } }, name)
const code = async (promise: Promise<unknown>): Promise<string> => {
  try { await promise } catch (error) { if (error instanceof NetwrightError) return error.code; throw error }
  throw new Error('nothing was thrown')
}
const links = async (): Promise<readonly Buffer[]> => (await fixture('links')).messages.filter(({ type }) => type === 16).map(({ payload }) => payload)

test('call: asks for an acknowledgement and resolves with its warning', async () => {
  const transport = scripted(([request]) => {
    assert.is(request?.flags, 1 | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
    return reply(request === undefined ? Buffer.alloc(0) : ack(request, 0, { sentence: 'take care' }))
  })
  const outcome = await call(transport, create('br0'))
  assert.equal([outcome.acknowledged, outcome.warning], [true, 'take care'])
})

test('call: throws what the kernel refuses', async () => {
  const transport = scripted((requests) => reply(...requests.map((request) => ack(request, 17))))
  try { await call(transport, create('br0')); assert.unreachable() } catch (error) {
    assert.ok(error instanceof KernelError)
    assert.is(error.message, 'RTM_NEWLINK br0: EEXIST')
  }
})

test('call: a lost acknowledgement is an unknown outcome, and so is one with another sequence number', async () => {
  assert.is(await code(call(scripted(() => ({ datagrams: [], overrun: true })), create('br0'))), 'NETWRIGHT_UNKNOWN_OUTCOME')
  const other: Answer = ([request]) => reply(request === undefined ? Buffer.alloc(0) : ack({ ...request, seq: request.seq + 1 }))
  assert.is(await code(call(scripted(other), create('br0'))), 'NETWRIGHT_UNKNOWN_OUTCOME')
})

test('call: an overrun does not hide an acknowledgement that came', async () => {
  const transport = scripted((requests) => ({ datagrams: requests.map((request) => ack(request)), overrun: true }))
  assert.is((await call(transport, create('br0'))).acknowledged, true)
})

test('send: several requests are one datagram, with one outcome each, in order', async () => {
  const transport = scripted((requests) => {
    const [first, second] = requests
    if (first === undefined || second === undefined) throw new Error('three requests were sent')
    return reply(Buffer.concat([ack(second, 17), ack(first, 0, { sentence: 'hm' })]))
  })
  const outcomes = await send(transport, [create('a'), create('b'), create('c')])
  assert.is(transport.sent.length, 1)
  assert.equal(outcomes.map(({ request, acknowledged, error, warning }) => [request.object, acknowledged, error?.errnoName, warning]), [
    ['a', true, undefined, 'hm'], ['b', true, 'EEXIST', undefined], ['c', false, undefined, undefined],
  ])
})

test('send: nothing to send is not sent', async () => {
  assert.equal(await send(scripted(), []), [])
})

test('get: resolves with the reply, throws the refusal', async () => {
  const [payload = Buffer.alloc(0)] = await links()
  const found = await get(scripted((requests) => reply(...requests.flatMap((request) => [message(16, 0, request.seq, payload), ack(request)]))), link.get({ index: 1 }, 'lo'))
  assert.equal(found.map((one) => link.decode(one).ifname), ['lo'])
  const refused = scripted((requests) => reply(...requests.map((request) => ack(request, 19))))
  assert.is(await code(get(refused, link.get({ index: 9 }, 'x'))), 'NETWRIGHT_KERNEL')
})

test('dump: asks for a dump and collects until DONE, over several datagrams', async () => {
  const payloads = await links()
  const transport = scripted(([request], isDump) => {
    if (request === undefined) throw new Error('no request')
    assert.is(request.flags & NLM_F_DUMP, NLM_F_DUMP)
    assert.is(isDump, true)
    return reply(...payloads.map((payload) => message(16, NLM_F_MULTI, request.seq, payload)), done(request))
  })
  assert.is((await dump(transport, link.dump())).length, payloads.length)
})

test('dump: an interrupted dump is read again', async () => {
  const [payload = Buffer.alloc(0)] = await links()
  const interrupted: Answer = ([request]) => request === undefined ? reply() : reply(message(16, NLM_F_MULTI | NLM_F_DUMP_INTR, request.seq, payload), done(request))
  const atTheEnd: Answer = ([request]) => request === undefined ? reply() : reply(message(16, NLM_F_MULTI, request.seq, payload), done(request, 0, {}, NLM_F_DUMP_INTR))
  const overrun: Answer = () => ({ datagrams: [], overrun: true })
  const whole: Answer = ([request]) => request === undefined ? reply() : reply(message(16, NLM_F_MULTI, request.seq, payload), done(request))
  const transport = scripted(interrupted, atTheEnd, overrun, whole)
  assert.is((await dump(transport, link.dump())).length, 1)
  assert.is(transport.sent.length, 4)
})

test('dump: ten interruptions are an error', async () => {
  const interrupted: Answer = ([request]) => request === undefined ? reply() : reply(done(request, 0, {}, NLM_F_DUMP_INTR))
  const transport = scripted(...Array.from({ length: 12 }, () => interrupted))
  assert.is(await code(dump(transport, link.dump())), 'NETWRIGHT_UNKNOWN_OUTCOME')
  assert.is(transport.sent.length, 10)
})

test('dump: an error inside DONE is thrown', async () => {
  const transport = scripted((requests) => reply(...requests.map((request) => done(request, 22, { sentence: 'Attribute not supported in dump filter' }))))
  try { await dump(transport, link.dump()); assert.unreachable() } catch (error) {
    assert.is(error instanceof KernelError && error.message, 'RTM_GETLINK dump: EINVAL: Attribute not supported in dump filter')
  }
})

test('dumpLinks: filters what a kernel let through', async () => {
  const payloads = await links()
  const everything: Answer = ([request]) => request === undefined ? reply() : reply(...payloads.map((payload) => message(16, NLM_F_MULTI, request.seq, payload)), done(request))
  assert.equal((await dumpLinks(scripted(everything), { kind: 'bridge' })).map(({ ifname }) => ifname), ['br0'])
  assert.equal((await dumpLinks(scripted(everything), { master: 2 })).map(({ ifname }) => ifname).sort(), ['t0', 'v0'])
  assert.is((await dumpLinks(scripted(everything))).length, 5)
})

test.run()
