/**
 * Many requests to the kernel, in slices: the next one is encoded while the kernel works on the one before. A slice fits the smallest send buffer,
 * its answers the smallest receive buffer (without CAP_NET_ADMIN in the initial user namespace buffers are small), so neither EMSGSIZE nor ENOBUFS
 * comes of the size of a batch.
 */
import { located, NetwrightError, type KernelError, type Whereabouts } from '../errors.js'
import { pacer } from '../netlink/breathe.js'
import { send, type Outcome } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import type { Request } from '../netlink/request.js'
import type { Transport } from '../netlink/transport.js'
import type { Context } from './context.js'

/** Requests that belong together, and whom they are about. */
export interface Piece {
  readonly requests: readonly Request[]
  readonly about?: Whereabouts
  /** Refusals that only say that it is done already. */
  readonly unless?: readonly string[]
}

/** Requests and bytes of one send at most. An answer takes the kernel about 800 bytes of the receive buffer, which holds 400 kB where it is small. */
const REQUESTS = 192
const BYTES = 48 << 10
/** Sends on their way at most: one in the kernel, one that waits for it. */
const AHEAD = 2

export interface Sending {
  readonly context: Pick<Context, 'logger'>
  readonly transport: Transport
  /** Asked between the slices; throws where it is to end. */
  readonly stop?: () => void
  /** What a refusal means: returns the error to throw, undefined where it is none. Default: `meaning`. */
  readonly refused?: (error: KernelError, request: Request, piece: Piece) => unknown
}

/** Sends all of them, in order. After the first refusal no more are sent; those on their way are waited for, then it is thrown, located. */
export async function sendPieces (pieces: Iterable<Piece>, sending: Sending): Promise<void> {
  const under: Promise<{ readonly error: unknown } | undefined>[] = []
  let failed: { readonly error: unknown } | undefined
  for await (const slice of slices(pieces)) {
    if (failed !== undefined) break
    try { sending.stop?.() } catch (error) { failed = { error }; break }
    under.push(deliver(slice, sending).then(() => undefined, (error: unknown) => ({ error })))
    if (under.length >= AHEAD) failed = await under.shift()
  }
  for (const one of under) {
    const other = await one
    failed ??= other
  }
  if (failed !== undefined) throw failed.error
}

/** All of them, encoded ahead of their time. */
export async function gathered (pieces: Iterable<Piece>): Promise<readonly Piece[]> {
  const pace = pacer()
  const all: Piece[] = []
  for (const piece of pieces) {
    all.push(piece)
    const rest = pace()
    if (rest !== undefined) await rest
  }
  return all
}

async function * slices (pieces: Iterable<Piece>): AsyncGenerator<Piece[], void, undefined> {
  const pace = pacer()
  let slice: Piece[] = []
  let [count, bytes] = [0, 0]
  for (const piece of pieces) {
    const size = piece.requests.reduce((sum, { body }) => sum + body.length + 16, 0)
    if (slice.length > 0 && (count + piece.requests.length > REQUESTS || bytes + size > BYTES)) {
      yield slice
      slice = []
      ;[count, bytes] = [0, 0]
    }
    slice.push(piece)
    count += piece.requests.length
    bytes += size
    const rest = pace()
    if (rest !== undefined) await rest
  }
  if (slice.length > 0) yield slice
}

async function deliver (slice: readonly Piece[], sending: Sending): Promise<void> {
  const outcomes = await send(sending.transport, slice.flatMap(({ requests }) => requests))
  let at = 0
  for (const piece of slice) {
    for (const outcome of outcomes.slice(at, at + piece.requests.length)) judge(outcome, piece, sending)
    at += piece.requests.length
  }
}

function judge (outcome: Outcome, piece: Piece, { context, refused = meaning }: Sending): void {
  const { error, request } = outcome
  if (error !== undefined && (piece.unless ?? []).some((name) => isErrno(error, name))) return
  const reason = error === undefined ? undefined : refused(error, request, piece)
  if (error !== undefined && reason === undefined) return
  try { settled(outcome, context, reason) } catch (thrown) { throw located(thrown, piece.about ?? {}) }
}

/** Throws what an outcome says: a refusal, or that nobody knows. */
export function settled ({ request, error, acknowledged, warning }: Outcome, { logger }: Pick<Context, 'logger'>, reason: unknown = error === undefined ? undefined : meaning(error, request)): void {
  if (warning !== undefined) logger.warn({ request: request.name, object: request.object }, warning)
  if (error !== undefined) throw reason
  if (!acknowledged) throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${request.name} ${request.object}: the kernel's answer was lost`, { remedy: 'try again; everything was undone' })
}

/** A refusal as the error that callers know. */
export function meaning (error: KernelError, { name, object }: Pick<Request, 'name' | 'object'>): unknown {
  // The kernel does not say which of the two names of a pair is taken; ours was free when it was chosen.
  if (isErrno(error, 'EEXIST') && name === 'RTM_NEWLINK' && object.startsWith('veth ')) return new NetwrightError('NETWRIGHT_NAME_IN_USE', `${object}: the guest's namespace has a link of the name that its side was to get, or ${object.slice(5)} was taken a moment ago`, { cause: error, conflict: { kind: 'link', name: object }, remedy: 'give the guest side another name: dev' })
  if (isErrno(error, 'EEXIST') && name === 'RTM_NEWLINK') return new NetwrightError('NETWRIGHT_NAME_IN_USE', `${object}: the name was taken a moment ago`, { cause: error, conflict: { kind: 'link', name: object } })
  if (isErrno(error, 'EXFULL')) return new NetwrightError('NETWRIGHT_BRIDGE_FULL', `${object}: its bridge has as many ports as the kernel takes, 1,023`, { cause: error, remedy: 'detach a port, or use another network' })
  return error
}
