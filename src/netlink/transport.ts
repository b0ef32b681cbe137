import type { Sieve } from './sieve.js'

/** What a channel of ours, a socket of the npm package `netlink` and the scripted kernel of the tests all are. */
export interface Transport {
  /** NETLINK_ROUTE or NETLINK_NETFILTER. */
  readonly protocol: number
  /**
   * Sends one datagram (one or more framed messages, sequence numbers already in place) and resolves with every
   * datagram that came back for it. Requests are answered in order. `dump` says that the answer ends with NLMSG_DONE;
   * otherwise the kernel has answered when the send returns, and what is queued then is the answer.
   *
   * `sieve`: messages of the answer that it does not keep may be left out; a transport need not do so.
   *
   * Rejects with KernelError where sendmsg itself fails (nothing was done), with NETWRIGHT_CLOSED after `close()`.
   */
  exchange (datagram: Uint8Array, dump: boolean, sieve?: Sieve): Promise<Reply>
  /** A fresh sequence number, never 0. */
  sequence (): number
  close (): Promise<void>
}

export interface Reply {
  /** Several may be put together in one buffer, each padded to 4 bytes: they read as one with more messages. */
  readonly datagrams: readonly Buffer[]
  /** ENOBUFS was seen while reading: replies are missing, the request itself may be done. */
  readonly overrun: boolean
}
