/** Requests over any transport: one, a read, a dump, or several rtnetlink messages in one send. */
import { Writer } from '../bytes/writer.js'
import { NetwrightError, type KernelError } from '../errors.js'
import { verdict } from './ack.js'
import { messages, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, type Message } from './header.js'
import { frame, type Request } from './request.js'
import type { Reply, Transport } from './transport.js'

/** What became of a request. Neither acknowledged nor refused means unknown: a reply was lost and it may be done. */
export interface Outcome {
  readonly request: Request
  readonly acknowledged: boolean
  readonly error?: KernelError
  /** The kernel's sentence on a request that it carried out. */
  readonly warning?: string
}

/** How often an interrupted dump is read again. */
const DUMP_ATTEMPTS = 10

/**
 * Several requests in one datagram, so in one sendmsg, each with its acknowledgement. Not atomic: each takes RTNL in turn, and later
 * ones run even where an earlier one failed. Resolves with one outcome a request, in order; a refusal is in its outcome, not thrown.
 * Throws KernelError where the send itself fails (nothing was done) and NETWRIGHT_CLOSED.
 */
export async function send (transport: Transport, requests: readonly Request[]): Promise<Outcome[]> {
  if (requests.length === 0) return []
  const { outcomes } = await exchange(transport, requests)
  return outcomes
}

/** One request with its acknowledgement. Throws KernelError where it is refused and NETWRIGHT_UNKNOWN_OUTCOME where no answer came. */
export async function call (transport: Transport, request: Request): Promise<Outcome> {
  const { outcomes: [outcome] } = await exchange(transport, [request])
  return settled(request, outcome)
}

/** Reads one object: the kernel's reply (or replies). `ip link show dev X`. Throws KernelError (ENODEV, ENOENT, …) and NETWRIGHT_UNKNOWN_OUTCOME. */
export async function get (transport: Transport, request: Request): Promise<Message[]> {
  const { outcomes: [outcome], replies } = await exchange(transport, [request])
  settled(request, outcome)
  return replies
}

/**
 * Reads all objects that match. A dump that changed under the reader (NLM_F_DUMP_INTR) or lost messages is never trusted: it is read
 * again, up to ten times. Throws KernelError, also for an error that comes inside NLMSG_DONE, and NETWRIGHT_UNKNOWN_OUTCOME
 * where every attempt was interrupted.
 */
export async function dump (transport: Transport, request: Request): Promise<Message[]> {
  for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
    const w = new Writer(64)
    const seq = transport.sequence()
    frame(w, request, seq, NLM_F_DUMP)
    const found = collect(request, await transport.exchange(w.take(), true), seq)
    if (found !== undefined) return found
  }
  throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${request.name} ${request.object}: interrupted by changes ${String(DUMP_ATTEMPTS)} times`, { remedy: 'try again when fewer objects change' })
}

/** The messages of a complete dump, undefined where it is not to be trusted. */
function collect (request: Request, reply: Reply, seq: number): Message[] | undefined {
  const found: Message[] = []
  let whole = false
  let interrupted = reply.overrun
  for (const message of answers(reply)) {
    if (message.seq !== seq) continue
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
    if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) { found.push(message); continue }
    const { error } = verdict(request, message)
    if (error !== undefined) throw error
    whole = true
  }
  return whole && !interrupted ? found : undefined
}

async function exchange (transport: Transport, requests: readonly Request[]): Promise<{ outcomes: Outcome[], replies: Message[] }> {
  const w = new Writer(1024)
  const sequences = requests.map((request) => {
    const seq = transport.sequence()
    frame(w, request, seq, NLM_F_ACK)
    return seq
  })
  const reply = await transport.exchange(w.take(), false)
  const acks = new Map<number, Message>()
  const replies: Message[] = []
  const ours = new Set(sequences)
  for (const message of answers(reply)) {
    if (!ours.has(message.seq)) continue
    if (message.type === NLMSG_ERROR) acks.set(message.seq, message)
    else replies.push(message)
  }
  const outcomes = requests.map((request, index) => {
    const ack = acks.get(sequences[index] ?? 0)
    return ack === undefined ? { request, acknowledged: false } : { request, acknowledged: true, ...verdict(request, ack) }
  })
  return { outcomes, replies }
}

function * answers (reply: Reply): Generator<Message> {
  for (const datagram of reply.datagrams) yield * messages(datagram)
}

function settled (request: Request, outcome: Outcome | undefined): Outcome {
  if (outcome?.error !== undefined) throw outcome.error
  if (outcome?.acknowledged === true) return outcome
  throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${request.name} ${request.object}: the kernel's answer was lost`, { remedy: 'read back whether it was carried out' })
}
