/** The default transport: one thread, one socket, one namespace. A request may wait seconds for RTNL; the event loop never does. */
import { isError, KernelError, NetwrightError } from '../errors.js'
import { channels, traced } from '../tracing.js'
import { errnoName } from './errno.js'
import { messages, NETLINK_NETFILTER, NETLINK_ROUTE } from './header.js'
import { native, type NativeChannel } from './native.js'
import type { Sieve } from './sieve.js'
import { Tally } from './tally.js'
import type { Reply, Transport } from './transport.js'

export interface ChannelOptions {
  /** NETLINK_ROUTE or NETLINK_NETFILTER; any other netlink protocol works too. */
  readonly protocol: number
  /** Descriptor of an open network namespace; -1, the default, is the caller's own. May be closed once this call has returned its promise. */
  readonly netns?: number
  /** Bytes; limits one datagram (one nft batch): EMSGSIZE beyond. Where CAP_NET_ADMIN in the initial user namespace is missing, net.core.wmem_max caps it. */
  readonly sendBuffer?: number
  /** Bytes; limits the answers to one datagram: an overrun beyond. Capped by net.core.rmem_max likewise. */
  readonly receiveBuffer?: number
  /** Also gets what every exchange took. */
  readonly tally?: Tally
}

/** How long the kernel worked, or made us wait, inside sendmsg. */
export type Waited = Readonly<Omit<Tally, 'add'>>

export interface Channel extends Transport {
  readonly waited: Waited
  [Symbol.asyncDispose] (): Promise<void>
}

/** Both are limits and take no memory until used. 16 MiB hold a batch of some 100,000 set elements. */
const SEND_BUFFER = 16 << 20
const RECEIVE_BUFFER = 16 << 20

/**
 * Opens a channel. Requests are answered in order, any number in flight; an idle channel does not keep the process alive.
 * Throws KernelError where the namespace cannot be entered (`setns`) or the socket not be made, NETWRIGHT_ADDON_MISSING.
 */
export async function openChannel (options: ChannelOptions): Promise<Channel> {
  const { protocol, netns = -1, tally, sendBuffer = SEND_BUFFER, receiveBuffer = RECEIVE_BUFFER } = options
  const addon = native()
  const opened = await addon.channelOpen(protocol, netns, sendBuffer, receiveBuffer).catch((error: unknown) => { throw refusal(error, protocol) })
  return new NativeTransport(opened, protocol, tally)
}

class NativeTransport implements Channel {
  readonly protocol: number
  readonly #channel: NativeChannel
  #sequence = 0
  #closed: Promise<void> | undefined
  readonly waited = new Tally()
  readonly #tally: Tally | undefined

  constructor (channel: NativeChannel, protocol: number, tally: Tally | undefined) {
    this.#channel = channel
    this.protocol = protocol
    this.#tally = tally
  }

  sequence (): number {
    this.#sequence = this.#sequence >= 0xffff_ffff ? 1 : this.#sequence + 1
    return this.#sequence
  }

  async exchange (datagram: Uint8Array, dump: boolean, sieve?: Sieve): Promise<Reply> {
    if (this.#closed !== undefined) throw closed()
    return await traced(channels.netlink, () => ({ protocol: this.protocol, dump, messages: countMessages(datagram), bytes: datagram.length }), async (trace) => {
      const { datagrams, overrun, waitNs, queueNs, spentNs, workNs } = await native().channelExchange(this.#channel, datagram, dump, sieve)
        .catch((error: unknown) => { throw refusal(error, this.protocol) })
      const taken = { queueMs: queueNs / 1e6, waitMs: waitNs / 1e6, spentMs: spentNs / 1e6, workMs: workNs / 1e6 }
      this.waited.add(taken)
      this.#tally?.add(taken)
      if (trace !== undefined) Object.assign(trace, taken, { answerBytes: datagrams.reduce((sum, { length }) => sum + length, 0) })
      return { datagrams, overrun }
    })
  }

  /** Requests still queued reject with NETWRIGHT_CLOSED; the one inside the kernel is answered. Resolves when the socket is gone. */
  async close (): Promise<void> {
    this.#closed ??= native().channelClose(this.#channel)
    await this.#closed
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.close() }
}

/** For those who listen. What is no netlink datagram is told by the kernel. */
function countMessages (datagram: Uint8Array): number {
  try { return [...messages(Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength))].length } catch { return 0 }
}

const closed = (cause?: unknown): NetwrightError => new NetwrightError('NETWRIGHT_CLOSED', 'the channel is closed', cause === undefined ? {} : { cause })

const protocols: Readonly<Record<number, string>> = { [NETLINK_ROUTE]: 'rtnetlink', [NETLINK_NETFILTER]: 'nfnetlink' }

/** An error of the addon as ours; what is not an errno (a TypeError) stays as it is. */
function refusal (error: unknown, protocol: number): unknown {
  if (!isError(error) || !('errno' in error) || !('syscall' in error)) return error
  if (typeof error.errno !== 'number' || typeof error.syscall !== 'string') return error
  if (error.syscall === 'channel') return closed(error)
  const object = protocols[protocol] ?? `netlink protocol ${String(protocol)}`
  return new KernelError({ request: error.syscall, object, errno: error.errno, errnoName: errnoName(error.errno) }, { cause: error })
}
