import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Writer } from '../../../src/bytes/writer.js'
import { KernelError, NetwrightError } from '../../../src/errors.js'
import { messages, NLM_F_ACK, type Message } from '../../../src/netlink/header.js'
import { chain, nftBatch, table } from '../../../src/netlink/nft/index.js'
import type { Transport } from '../../../src/netlink/transport.js'

/** NLMSG_ERROR (errno 0 is an ACK) for a message, as the kernel answers with NETLINK_CAP_ACK. */
function answer ({ type, flags, seq }: Message, errno: number): Buffer {
  const w = new Writer(64)
  w.u32(36); w.u16(2); w.u16(0x100); w.u32(seq); w.u32(0)
  w.s32(-errno); w.u32(16); w.u16(type); w.u16(flags); w.u32(seq); w.u32(0)
  return w.take()
}

/** A kernel that answers each message of a datagram by a script: errnos by position, `undefined` is silence. */
function scripted (script: readonly (readonly number[])[], overrun = false): Transport & { readonly sent: Message[][] } {
  const sent: Message[][] = []
  let last = 100
  return {
    protocol: 12, sent, sequence: () => ++last, close: () => Promise.resolve(),
    exchange: (datagram) => {
      const found = [...messages(Buffer.from(datagram))]
      sent.push(found)
      return Promise.resolve({ datagrams: found.flatMap((message, i) => (script[i] ?? []).map((errno) => answer(message, errno))), overrun })
    },
  }
}

const requests = [table.create({ family: 'inet', name: 't' }), chain.create({ family: 'inet', table: 't', name: 'c' }), chain.create({ family: 'inet', table: 't', name: 'd' })]

async function outcome (transport: Transport, options?: { genid?: number }): Promise<string> {
  return nftBatch(transport, requests, options).then(() => 'done', (error: unknown) => error instanceof KernelError ? error.message : error instanceof NetwrightError ? error.code : String(error))
}

test('batch: frames its requests between begin and end, in one datagram, and asks for the last one\'s ACK', async () => {
  const kernel = scripted([[], [], [], [0]])
  assert.is(await outcome(kernel), 'done')
  assert.is(kernel.sent.length, 1)
  const [sent = []] = kernel.sent
  assert.equal(sent.map(({ type }) => type), [0x10, 0xa00, 0xa03, 0xa03, 0x11])
  assert.equal(sent.map(({ flags }) => (flags & NLM_F_ACK) !== 0), [false, false, false, true, false])
  assert.is(new Set(sent.map(({ seq }) => seq)).size, 5)
  // nfgenmsg: unspec, version 0, subsystem 10 in network order.
  assert.is(sent[0]?.payload.toString('hex'), '0000000a')
})

test('batch: sends the generation in network order, and never generation 0', async () => {
  const kernel = scripted([[], [], [], [0]])
  assert.is(await outcome(kernel, { genid: 7 }), 'done')
  assert.is(await outcome(kernel, { genid: 0 }), 'done')
  assert.equal(kernel.sent.map(([begin]) => begin?.payload.toString('hex')), ['0000000a0800010000000007', '0000000a'])
})

test('batch: an ACK beside a refusal does not count, and the first refusal is named', async () => {
  assert.is(await outcome(scripted([[], [0], [2], [1, 0]])), 'NFT_MSG_NEWCHAIN inet t c: ENOENT')
  assert.is(await outcome(scripted([[], [], [], [0, 16]])), 'NFT_MSG_NEWCHAIN inet t d: EBUSY')
})

test('batch: a refusal of the whole batch is one of its beginning', async () => {
  assert.is(await outcome(scripted([[1]])), 'NFNL_MSG_BATCH_BEGIN nf_tables: EPERM')
  assert.match(await outcome(scripted([[85]]), { genid: 3 }), /^NFNL_MSG_BATCH_BEGIN nf_tables: ERESTART/)
})

test('batch: silence or lost replies mean unknown, a seen refusal means refused', async () => {
  assert.is(await outcome(scripted([])), 'NETWRIGHT_UNKNOWN_OUTCOME')
  assert.is(await outcome(scripted([[], [0], [0]])), 'NETWRIGHT_UNKNOWN_OUTCOME')
  assert.is(await outcome(scripted([[], [], [], [0]], true)), 'NETWRIGHT_UNKNOWN_OUTCOME')
  assert.is(await outcome(scripted([[], [17]], true)), 'NFT_MSG_NEWTABLE inet t: EEXIST')
})

test('batch: sends nothing where there is nothing to do', async () => {
  const kernel = scripted([])
  await nftBatch(kernel, [])
  assert.equal(kernel.sent, [])
})

test.run()
