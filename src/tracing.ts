/**
 * What a program may listen to: tracing channels of node:diagnostics_channel. Where nobody listens nothing is gathered.
 *
 *     import { tracingChannel } from 'node:diagnostics_channel'
 *     tracingChannel('netwright:netlink').subscribe({ start () {}, end () {}, asyncStart () {}, asyncEnd ({ waitMs }) {}, error () {} })
 *
 * Each event carries one object from its start to its end: what is known at the end is filled in by then, with `result` or `error`.
 */
import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel'
import type { DnsmasqTrace, NetlinkTrace, OperationTrace } from './diagnostics.js'

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
