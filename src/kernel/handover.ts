/** Hands open descriptors to another process over a unix socket, on a thread of ours. Source: unix(7), SCM_RIGHTS. */
import { isError, NetwrightError } from '../errors.js'
import { isErrno } from '../netlink/errno.js'
import { native } from '../netlink/native.js'
import { refusal } from './refusal.js'

export interface Handover {
  /** What they are, for messages: `vnet0`. */
  readonly object: string
  /** A path (`@name`: an abstract one), or the descriptor of a connected socket. */
  readonly target: string | number
  readonly fds: readonly number[]
  /** At least one byte. */
  readonly data: Uint8Array
  /** Milliseconds. */
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  /** Listen at the path instead, for one who connects; of that uid where it is given. */
  readonly offer?: { readonly uid: number | undefined }
}

/**
 * Resolves when the other side has taken them; ours stay open. Throws NETWRIGHT_TIMEOUT, NETWRIGHT_ABORTED, KernelError (ECONNREFUSED: nobody listens;
 * ECONNRESET: it closed without taking them). Whatever happens nothing stays here: no descriptor, thread or socket.
 */
export async function handOver ({ object, target, fds, data, timeout, signal, offer }: Handover): Promise<void> {
  const waker = native().wakerOpen()
  const wake = (): void => { native().wakerWake(waker) }
  signal?.addEventListener('abort', wake)
  try {
    if (signal?.aborted === true) wake()
    await native().fdsSend(target, fds, data, { timeout, uid: offer?.uid ?? -1, offer: offer !== undefined }, waker)
  } catch (error) {
    const where = typeof target === 'string' ? target : 'the socket'
    if (isErrno(error, 'ETIMEDOUT')) throw new NetwrightError('NETWRIGHT_TIMEOUT', `nobody took the descriptors of ${object} from ${where} within ${String(timeout)} ms`, { cause: error, remedy: 'see whether the other process reads the socket with recvmsg(2)' })
    if (isErrno(error, 'ECANCELED')) throw new NetwrightError('NETWRIGHT_ABORTED', `handing over the descriptors of ${object} was aborted`, { cause: signal?.reason })
    throw refusal(error, isError(error) && 'syscall' in error ? String(error.syscall) : 'sendmsg', where)
  } finally {
    signal?.removeEventListener('abort', wake)
    native().close(waker)
  }
}
