import { EventEmitter } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError, NetwrightError } from '../../../src/errors.js'
import { call, dump, send } from '../../../src/netlink/call.js'
import { fromNetlink, type NetlinkSocket } from '../../../src/netlink/from-netlink.js'
import { messages, type Message } from '../../../src/netlink/header.js'
import { link } from '../../../src/netlink/rtnl/link.js'
import { ack, done, message } from './fake-transport.js'

/** Behaves as the package's socket: the callback in a later turn, the answers as events in a still later one. */
class Socket extends EventEmitter implements NetlinkSocket {
  readonly sent: Buffer[] = []
  closed = 0
  readonly #answer: (requests: readonly Message[]) => readonly (Buffer | Error)[]
  constructor (answer: (requests: readonly Message[]) => readonly (Buffer | Error)[]) { super(); this.#answer = answer }
  send (data: Buffer, _options: undefined, callback: (error?: Error) => void): void {
    const copy = Buffer.from(data)
    this.sent.push(copy)
    const answers = this.#answer([...messages(copy)])
    setImmediate(() => {
      callback()
      setImmediate(() => { for (const item of answers) this.emit(item instanceof Error ? 'error' : 'message', item) })
    })
  }
  /** No socket of this process has it. */
  address (): { readonly port: number } { return { port: 1 } }
  close (): void { this.closed++ }
}

const create = (name: string): ReturnType<typeof link.create> => link.create({ ifname: name, linkinfo: { kind: 'bridge' } }, name)
const failure = (code: string, errno: number): Error => Object.assign(new Error(code), { code, errno, syscall: 'recvmsg' })

test('fromNetlink: requests are answered in order, one at a time', async () => {
  const socket = new Socket((requests) => requests.map((request) => ack(request)))
  const transport = fromNetlink(socket)
  const outcomes = await Promise.all([call(transport, create('a')), call(transport, create('b')), send(transport, [create('c'), create('d')])])
  assert.equal([outcomes[0].acknowledged, outcomes[1].acknowledged, outcomes[2].map(({ acknowledged }) => acknowledged)], [true, true, [true, true]])
  assert.is(socket.sent.length, 3)
  assert.is(socket.listenerCount('message') + socket.listenerCount('error'), 0)
})

test('fromNetlink: messages of multicast groups are left alone', async () => {
  const socket = new Socket((requests) => [message(16, 0, 0, Buffer.alloc(16)), ...requests.map((request) => ack(request))])
  const transport = fromNetlink(socket)
  assert.is((await call(transport, create('a'))).acknowledged, true)
})

test('fromNetlink: a dump ends with DONE', async () => {
  const socket = new Socket((requests) => requests.flatMap((request) => [message(16, 2, request.seq, Buffer.alloc(16)), done(request)]))
  assert.is((await dump(fromNetlink(socket), link.dump())).length, 1)
})

test('fromNetlink: a lost answer is an unknown outcome, not a wait for ever', async () => {
  const socket = new Socket(() => [failure('ENOBUFS', 105)])
  try { await call(fromNetlink(socket), create('a')); assert.unreachable() } catch (error) {
    assert.is(error instanceof NetwrightError && error.code, 'NETWRIGHT_UNKNOWN_OUTCOME')
  }
})

test('fromNetlink: a failing socket is an error with its errno', async () => {
  const socket = new Socket(() => [failure('EBADF', 9)])
  try { await call(fromNetlink(socket), create('a')); assert.unreachable() } catch (error) {
    assert.is(error instanceof KernelError && error.message, 'recvmsg netlink socket: EBADF')
  }
})

test('fromNetlink: a closed transport closes its socket once and takes no requests', async () => {
  const socket = new Socket(() => [])
  const transport = fromNetlink(socket, 12)
  assert.is(transport.protocol, 12)
  await Promise.all([transport.close(), transport.close()])
  assert.is(socket.closed, 1)
  try { await transport.exchange(Buffer.alloc(0), false); assert.unreachable() } catch (error) {
    assert.is(error instanceof NetwrightError && error.code, 'NETWRIGHT_CLOSED')
  }
})

test.run()
