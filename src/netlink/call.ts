/** Requests over any transport: one, a read, a dump, or several rtnetlink messages in one send. */
import { Writer } from '../bytes/writer.js'
import { NetwrightError, type KernelError } from '../errors.js'
import { errnoIn, verdict } from './ack.js'
import { errnoName } from './errno.js'
import { mapSlowly, pacer } from './breathe.js'
import { endOf, isPlainAck, messageAt, messages, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, sequenceAt, type Message } from './header.js'
import { frame, type Request } from './request.js'
import type { Sieve } from './sieve.js'
import type { Reply, Transport } from './transport.js'

/** What became of a request. Neither acknowledged nor refused means unknown: a reply was lost and it may be done. */
export interface Outcome {
  readonly request: Request
  readonly acknowledged: boolean
  readonly error?: KernelError | undefined
  /** Of the error: `ENODEV`. */
  readonly errnoName?: string
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
  return (await exchange(transport, requests)).map(({ outcome }) => outcome)
}

/** One request with its acknowledgement. Throws KernelError where it is refused and NETWRIGHT_UNKNOWN_OUTCOME where no answer came. */
export async function call (transport: Transport, request: Request): Promise<Outcome> {
  const [answer] = await exchange(transport, [request])
  return settled(request, answer?.outcome)
}

/** Reads one object: the kernel's reply (or replies). `ip link show dev X`. Throws KernelError (ENODEV, ENOENT, …) and NETWRIGHT_UNKNOWN_OUTCOME. */
export async function get (transport: Transport, request: Request): Promise<Message[]> {
  const [answer] = await exchange(transport, [request])
  settled(request, answer?.outcome)
  return described(request, answer?.replies)
}

/** How many objects are asked for at once: their descriptions fit into the smallest receive buffer. */
const AT_ONCE = 32

/**
 * Reads many objects with few sends: one answer a request, in order, with the refusal where there is one. Throws as `get`, but for refusals.
 * `absent`: the errno by which the kernel says that there is no such object; then there are no replies. For hundreds of them, errors would cost more than all else.
 */
export async function getEach (transport: Transport, requests: readonly Request[], absent?: number): Promise<readonly { readonly error?: KernelError, readonly replies: readonly Message[] }[]> {
  const chunks = Array.from({ length: Math.ceil(requests.length / AT_ONCE) }, (_, i) => requests.slice(i * AT_ONCE, (i + 1) * AT_ONCE))
  const found = await Promise.all(chunks.map(async (chunk) => await exchange(transport, chunk, absent)))
  return found.flat().map(({ outcome, replies, none }) => {
    if (outcome.error !== undefined || none) return { ...outcome.error === undefined ? {} : { error: outcome.error }, replies: [] }
    settled(outcome.request, outcome)
    return { replies: described(outcome.request, replies) }
  })
}

/**
 * Reads all objects that match. A dump that changed under the reader (NLM_F_DUMP_INTR) or lost messages is never trusted: it is read
 * again, up to ten times. Throws KernelError, also for an error that comes inside NLMSG_DONE, and NETWRIGHT_UNKNOWN_OUTCOME
 * where every attempt was interrupted. `sieve`: only what it keeps is wanted; others may come all the same.
 */
export async function dump (transport: Transport, request: Request, sieve?: Sieve): Promise<Message[]> {
  for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
    const w = new Writer(64)
    const seq = transport.sequence()
    frame(w, request, seq, NLM_F_DUMP)
    const found = await collect(request, await transport.exchange(w.take(), true, sieve), seq)
    if (found !== undefined) return found
  }
  throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${request.name} ${request.object}: interrupted by changes ${String(DUMP_ATTEMPTS)} times`, { remedy: 'try again when fewer objects change' })
}

/** The messages of a complete dump, undefined where it is not to be trusted. */
async function collect (request: Request, reply: Reply, seq: number): Promise<Message[] | undefined> {
  const pace = pacer()
  const found: Message[] = []
  let whole = false
  let interrupted = reply.overrun
  for (const message of answers(reply)) {
    const rest = pace()
    if (rest !== undefined) await rest
    if (message.seq !== seq) continue
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
    if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) { found.push(message); continue }
    const { error } = verdict(request, message)
    if (error !== undefined) throw error
    whole = true
  }
  return whole && !interrupted ? found : undefined
}

/**
 * Which of these dumps find nothing: all of them in few sends, since the end of such a dump comes at once. False where something came, or where the kernel
 * did not get to it, being at a longer one: then ask by `dump`. Throws KernelError where the send itself fails.
 */
export async function dumpsNothing (transport: Transport, requests: readonly Request[]): Promise<readonly boolean[]> {
  const chunks = Array.from({ length: Math.ceil(requests.length / AT_ONCE) }, (_, i) => requests.slice(i * AT_ONCE, (i + 1) * AT_ONCE))
  return (await Promise.all(chunks.map(async (chunk) => await nothingOf(transport, chunk)))).flat()
}

async function nothingOf (transport: Transport, requests: readonly Request[]): Promise<readonly boolean[]> {
  const w = new Writer(requests.reduce((sum, { body }) => sum + 16 + (body.length + 3 & ~3), 0))
  const numbers = requests.map((request) => {
    const seq = transport.sequence()
    frame(w, request, seq, NLM_F_DUMP)
    return seq
  })
  const [ended, other] = [new Set<number>(), new Set<number>()]
  for (const { seq, type, payload } of answers(await transport.exchange(w.take(), false))) (type === NLMSG_DONE && isZero(payload) ? ended : other).add(seq)
  return numbers.map((seq) => ended.has(seq) && !other.has(seq))
}

/** The error inside NLMSG_DONE. */
const isZero = (payload: Buffer): boolean => payload.length < 4 || payload.readUInt32LE(0) === 0

/** `none`: the kernel has said that there is no such object, by the errno that was told to mean it. */
interface Answer { readonly outcome: Outcome, readonly replies: readonly Message[], readonly none: boolean }

/** What came for a request: its acknowledgement, `done` where that says nothing else, and other messages. */
interface Came { ack?: Message | 'done', replies?: Message[] }
type Answered = { readonly [K in keyof Came]: Readonly<Came[K]> }
const NO_REPLIES: readonly Message[] = []

/** Framed and read in slices, sent in one piece. */
async function exchange (transport: Transport, requests: readonly Request[], absent?: number): Promise<Answer[]> {
  if (requests.length === 0) return []
  const w = new Writer(requests.reduce((sum, { body }) => sum + 16 + (body.length + 3 & ~3), 0))
  const came = new Map<number, Came>()
  const all = await mapSlowly(requests, (request) => {
    const seq = transport.sequence()
    const one: Came = {}
    came.set(seq, one)
    frame(w, request, seq, NLM_F_ACK)
    return one
  })
  await sort(await transport.exchange(w.take(), false), came)
  return await mapSlowly(requests, (request, index) => answerOf(request, all[index] ?? {}, absent))
}

/** Every message to the request that it answers, by its sequence number. */
async function sort ({ datagrams }: Reply, came: ReadonlyMap<number, Came>): Promise<void> {
  const pace = pacer()
  for (const datagram of datagrams) {
    for (let offset = 0, next = 0; offset < datagram.length; offset = next) {
      const rest = pace()
      if (rest !== undefined) await rest
      next = endOf(datagram, offset)
      const one = came.get(sequenceAt(datagram, offset))
      if (one === undefined) continue
      if (isPlainAck(datagram, offset)) { one.ack = 'done'; continue }
      const message = messageAt(datagram, offset)
      if (message.type === NLMSG_ERROR) one.ack = message
      else (one.replies ??= []).push(message)
    }
  }
}

function answerOf (request: Request, { ack, replies = NO_REPLIES }: Answered, absent: number | undefined): Answer {
  if (ack === undefined) return { outcome: { request, acknowledged: false }, replies, none: false }
  if (ack === 'done') return { outcome: { request, acknowledged: true }, replies, none: false }
  const errno = errnoIn(ack)
  const none = absent !== undefined && errno === absent
  if (none) return { outcome: { request, acknowledged: true }, replies, none }
  return { outcome: errno > 0 ? new Refused(request, ack, errnoName(errno)) : { request, acknowledged: true, ...verdict(request, ack) }, replies, none }
}

/** An error with its stack costs more than the request. Whoever sends hundreds that may be refused looks at the errno, and no error is made then. */
class Refused implements Outcome {
  readonly acknowledged = true
  readonly request: Request
  readonly errnoName: string
  readonly #ack: Message
  #error: KernelError | undefined

  constructor (request: Request, ack: Message, name: string) {
    this.request = request
    this.errnoName = name
    this.#ack = ack
  }

  get error (): KernelError | undefined { return this.#error ??= verdict(this.request, this.#ack).error }
}

function * answers (reply: Reply): Generator<Message> {
  for (const datagram of reply.datagrams) yield * messages(datagram)
}

function settled (request: Request, outcome: Outcome | undefined): Outcome {
  if (outcome?.error !== undefined) throw outcome.error
  if (outcome?.acknowledged === true) return outcome
  throw unknown(request)
}

/** A read that succeeded has an answer; where there is none, it was lost. */
function described (request: Request, replies: readonly Message[] | undefined): Message[] {
  if (replies === undefined || replies.length === 0) throw unknown(request)
  return [...replies]
}

function unknown (request: Request): NetwrightError {
  return new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${request.name} ${request.object}: the kernel's answer was lost`, { remedy: 'read back whether it was carried out' })
}
