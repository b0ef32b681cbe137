/**
 * What a program may listen to: tracing channels of node:diagnostics_channel. Where nobody listens nothing is gathered.
 *
 *     import { tracingChannel } from 'node:diagnostics_channel'
 *     tracingChannel('netwright:netlink').subscribe({ start () {}, end () {}, asyncStart () {}, asyncEnd ({ waitMs }) {}, error () {} })
 *
 * Each event carries one object from its start to its end: what is known at the end is filled in by then, with `result` or `error`.
 */
import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel'

/** What a host does; each counts once a call, however many networks it is about. */
export type Operation =
  | 'define' | 'create' | 'start' | 'stop' | 'destroy' | 'undefine' | 'autostart' | 'update' | 'transaction' | 'plan' | 'apply' | 'attach' | 'detach' | 'networks' | 'check' | 'links' | 'rig' | 'drop'

/** Of `netwright:operation`: a call of the public interface, from the call to its settling. */
export interface OperationTrace {
  readonly operation: Operation
  readonly owner: string
  /** Where the host works: `/run/netns/x`, `/proc/1/ns/net`. */
  readonly netns: string
  /** The networks, ports or namespaces that it is about. */
  readonly names: readonly string[]
  readonly count: number
}

/** Of `netwright:netlink`: a datagram and its answer. Times are milliseconds, known at the end. */
export interface NetlinkTrace {
  /** 0 rtnetlink, 12 nfnetlink. */
  readonly protocol: number
  readonly dump: boolean
  readonly messages: number
  readonly bytes: number
  /** Until the socket's thread came to it: what was sent before it was still in the kernel. */
  queueMs?: number
  /** In sendmsg, where the kernel carries a request out: it worked, or made us wait for RTNL. */
  waitMs?: number
  /** In the kernel altogether, with the reading of the answer; a dump is made while it is read. */
  spentMs?: number
  /** Of `spentMs`, on a processor; the rest was waiting, for RTNL or for a processor. A kernel that spins for a lock counts as working. */
  workMs?: number
  answerBytes?: number
}

/** Of `netwright:dnsmasq`: from the start of a process until it answers. */
export interface DnsmasqTrace {
  readonly owner: string
  readonly network: string
  /** Known at the end. */
  pid?: number
}

/** The channels. Their names are a part of the public interface. */
export const channels: {
  readonly operation: TracingChannel<unknown, OperationTrace>
  readonly netlink: TracingChannel<unknown, NetlinkTrace>
  readonly dnsmasq: TracingChannel<unknown, DnsmasqTrace>
} = {
  operation: tracingChannel<unknown, OperationTrace>('netwright:operation'),
  netlink: tracingChannel<unknown, NetlinkTrace>('netwright:netlink'),
  dnsmasq: tracingChannel<unknown, DnsmasqTrace>('netwright:dnsmasq'),
}

/** Runs `work` as one event of a channel; `context` is made, and handed to `work`, only where somebody listens. */
export async function traced<C extends object, T> (channel: TracingChannel<unknown, C>, context: () => C, work: (context: C | undefined) => Promise<T>): Promise<T> {
  if (!channel.hasSubscribers) return await work(undefined)
  const made = context()
  return await channel.tracePromise(async () => await work(made), made)
}
