/** A Transport over a socket of the npm package `netlink`, for programs that have one already. */
import { randomInt } from 'node:crypto'
import { isError, KernelError, NetwrightError } from '../errors.js'
import { errnoName, isErrno } from './errno.js'
import { native } from './native.js'
import { messages, NETLINK_ROUTE, NLM_F_ACK, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR, type Message } from './header.js'
import type { Reply, Transport } from './transport.js'

/** What is needed of the package's RawNetlinkSocket. */
export interface NetlinkSocket {
  send (message: Buffer, options: undefined, callback: (error?: Error) => void): void
  on (event: 'message', listener: (message: Buffer) => void): unknown
  on (event: 'error', listener: (error: Error) => void): unknown
  off (event: 'message', listener: (message: Buffer) => void): unknown
  off (event: 'error', listener: (error: Error) => void): unknown
  address (): { readonly port: number }
  close (): void
}

/**
 * So many rounds of the event loop without a datagram mean that nothing is queued: the kernel answers within sendmsg, so what is not
 * there in the next poll does not come. Two would do when called between poll and check; the third is for sends that the package defers.
 */
const QUIET_ROUNDS = 3

/**
 * Makes a transport of `new RawNetlinkSocket(Protocol.ROUTE)` (or NETFILTER, then with `protocol` 12).
 *
 * It **blocks the event loop**: the kernel carries a request out inside the package's sendmsg, and a request that waits for RTNL holds the
 * loop as long (4.8 s were measured). The package sets no socket options, so errors come without the kernel's sentence, buffers are the
 * system's, and dumps are filtered less by the kernel. Works in the main thread only: in a worker the package crashes the process when the worker ends.
 * An overrun would make the package abort the process, so NETLINK_NO_ENOBUFS is set on the socket and losses are counted; without the native addon
 * that is not possible. `close` closes the socket. Other messages on the socket (multicast groups) are left alone.
 */
export function fromNetlink (socket: NetlinkSocket, protocol: number = NETLINK_ROUTE): Transport {
  let sequence = randomInt(1, 0x7fffffff)
  let last: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined
  const lost = losses(socket, protocol)
  return {
    protocol,
    sequence: () => (sequence = sequence >= 0xffffffff ? 1 : sequence + 1),
    exchange: async (datagram) => {
      if (closing !== undefined) throw new NetwrightError('NETWRIGHT_CLOSED', 'the transport is closed')
      const turn = last.then(() => exchange(socket, Buffer.from(datagram), lost))
      last = turn.catch(() => undefined)
      return await turn
    },
    close: async () => {
      // Outside of the package's own callbacks, which go on using the socket after they return.
      closing ??= last.then(async () => { await round(); socket.close() })
      await closing
    },
  }
}

/** How many messages the socket lost since it was asked last; always 0 where the addon is not built or somebody else counts. */
function losses (socket: NetlinkSocket, protocol: number): () => number {
  try {
    const fd = native().socketTame(protocol, socket.address().port, 0)
    let before = 0
    return () => {
      const drops = native().socketDrops(fd)
      const more = drops - before
      before = drops
      return more
    }
  } catch (error) {
    if (error instanceof NetwrightError && error.code === 'NETWRIGHT_ADDON_MISSING') return () => 0
    if (isErrno(error, 'ENOENT')) return () => 0
    throw error
  }
}

const round = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** Which of the requests in a datagram still wait for their answer. */
class Awaited {
  readonly #acks = new Map<number, number>()
  readonly #all = new Set<number>()

  constructor (datagram: Buffer) {
    for (const { seq, flags } of messages(datagram)) {
      this.#all.add(seq)
      if ((flags & NLM_F_ACK) !== 0 || (flags & NLM_F_DUMP) === NLM_F_DUMP) this.#acks.set(seq, flags)
    }
  }

  get complete (): boolean { return this.#acks.size === 0 }

  /** Whether the message answers one of ours. */
  take ({ seq, type }: Message): boolean {
    if (!this.#all.has(seq)) return false
    if (type === NLMSG_ERROR || type === NLMSG_DONE) this.#acks.delete(seq)
    return true
  }
}

async function exchange (socket: NetlinkSocket, datagram: Buffer, lost: () => number): Promise<Reply> {
  lost()
  const awaited = new Awaited(datagram)
  const found: Buffer[] = []
  const seen: { rounds: number, overrun: boolean, failure?: Error } = { rounds: 0, overrun: false }
  const onMessage = (data: Buffer): void => {
    // Thrown inside the package's callback an error would end the process.
    try {
      const ours = [...messages(data)].filter((message) => awaited.take(message))
      if (ours.length === 0) return
      found.push(data)
      seen.rounds = 0
    } catch (error) { onError(isError(error) ? error : new Error(String(error))) }
  }
  const onError = (error: Error): void => {
    if ('code' in error && error.code === 'ENOBUFS') seen.overrun = true
    else seen.failure = error
  }
  socket.on('message', onMessage)
  socket.on('error', onError)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.send(datagram, undefined, (error) => { if (error === undefined) resolve(); else reject(refusal(error)) })
    })
    for (; seen.rounds < QUIET_ROUNDS && seen.failure === undefined && !awaited.complete; seen.rounds++) await round()
    if (seen.failure !== undefined) throw refusal(seen.failure)
    return { datagrams: found, overrun: lost() > 0 || seen.overrun }
  } finally {
    socket.off('message', onMessage)
    socket.off('error', onError)
  }
}

/** The package's errors carry errno and syscall; anything else stays as it is. */
function refusal (error: Error): Error {
  if (!('errno' in error) || !('syscall' in error) || typeof error.errno !== 'number') return error
  const errno = Math.abs(error.errno)
  return new KernelError({ request: String(error.syscall), object: 'netlink socket', errno, errnoName: errnoName(errno) }, { cause: error })
}
