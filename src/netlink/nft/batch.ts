/**
 * One commit: all of the requests or none. One datagram, one sendmsg.
 *
 *     | NFNL_MSG_BATCH_BEGIN (genid) | request … request | NFNL_MSG_BATCH_END |
 *
 * Source: net/netfilter/nfnetlink.c, nfnetlink_rcv_batch.
 */
import { s32 } from '../../bytes/codec.js'
import { Writer } from '../../bytes/writer.js'
import { KernelError, NetwrightError } from '../../errors.js'
import { verdict } from '../ack.js'
import { encodeTable } from '../attr.js'
import { mapSlowly, pacer } from '../breathe.js'
import { messages, NLM_F_ACK, NLMSG_ERROR, type Message } from '../header.js'
import { frame, type Request } from '../request.js'
import type { Reply, Transport } from '../transport.js'
import { batchTable, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, nfgenmsg } from './header.js'
import { putHeader } from './message.js'

export interface BatchOptions {
  /** Refuse with ERESTART unless the ruleset still has this generation. 0 stands for "not checked" and is never sent. */
  readonly genid?: number
}

/** Not in os.constants: internal to the kernel, and what nfnetlink answers where the generation differs. */
const ERESTART = 85

/**
 * `nft -f -`: commits the requests as one transaction. Success is *no error in the whole batch* and the last request's ACK, since
 * the good requests of a refused batch are acknowledged too. Nothing is sent where there are no requests.
 *
 * Throws KernelError naming the first refused request; `errnoName` is ERESTART where `genid` is out of date (read again and retry, boundedly)
 * and EMSGSIZE where the batch does not fit the socket's buffer. Throws NETWRIGHT_UNKNOWN_OUTCOME where replies were lost and no refusal
 * was seen: read back what stands.
 */
export async function nftBatch (transport: Transport, requests: readonly Request[], options: BatchOptions = {}): Promise<void> {
  if (requests.length === 0) return
  const begin = batchEdge(NFNL_MSG_BATCH_BEGIN, options.genid)
  const w = new Writer(4096)
  const beginSeq = transport.sequence()
  frame(w, begin, beginSeq)
  const sequences = await mapSlowly(requests, (request, index) => {
    const seq = transport.sequence()
    frame(w, request, seq, index === requests.length - 1 ? NLM_F_ACK : 0)
    return seq
  })
  frame(w, batchEdge(NFNL_MSG_BATCH_END), transport.sequence())
  const reply = await transport.exchange(w.take(), false)
  await judge(reply, [begin, ...requests], [beginSeq, ...sequences])
}

function batchEdge (type: number, genid = 0): Request {
  const w = new Writer(16)
  putHeader(w, 'unspec', NFNL_SUBSYS_NFTABLES)
  if (genid !== 0) encodeTable(batchTable, w, { genid })
  const begin = type === NFNL_MSG_BATCH_BEGIN
  return { type, flags: 0, body: w.take(), name: begin ? 'NFNL_MSG_BATCH_BEGIN' : 'NFNL_MSG_BATCH_END', object: 'nf_tables', shape: { header: nfgenmsg.size, table: batchTable } }
}

async function judge (reply: Reply, requests: readonly Request[], sequences: readonly number[]): Promise<void> {
  const answers = new Map<number, Message>()
  const pace = pacer()
  for (const datagram of reply.datagrams) {
    for (const message of messages(datagram)) {
      const rest = pace()
      if (rest !== undefined) await rest
      if (message.type !== NLMSG_ERROR) continue
      // A request that is refused at the commit may have been acknowledged before: the refusal counts.
      if (!answers.has(message.seq) || isRefusal(message)) answers.set(message.seq, message)
    }
  }
  for (const [index, seq] of sequences.entries()) {
    const request = requests[index]
    const answer = answers.get(seq)
    if (request === undefined || answer === undefined) continue
    const { error } = verdict(request, answer)
    if (error !== undefined) throw named(error)
  }
  if (!reply.overrun && answers.has(sequences.at(-1) ?? 0)) return
  throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `nf_tables batch of ${String(requests.length - 1)} requests: the kernel's answer was lost`, { remedy: 'read back whether it was carried out' })
}

const isRefusal = (message: Message): boolean => message.payload.length >= 4 && s32.decode(message.payload) !== 0

function named (error: KernelError): KernelError {
  if (error.errno !== ERESTART) return error
  return new KernelError({ request: error.request, object: error.object, errno: ERESTART, errnoName: 'ERESTART', sentence: 'the ruleset was changed by somebody else meanwhile' })
}
