/**
 * What the time of a piece of work is spent on, for RESULTS.md: the exchanges with the kernel, as netwright's own tracing channel tells them, and the
 * functions of the main thread, as V8 samples them. Runs in the worker, in a run of its own, since both cost something.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import { Session, type Profiler } from 'node:inspector/promises'
import { schedule } from './loop.js'

/** Of channel `netwright:netlink`. */
interface Exchange { readonly protocol: number, readonly dump: boolean, readonly messages: number, readonly spentMs?: number, readonly workMs?: number }

const SAMPLE = 250 // microseconds
const LINES = 14

const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`

function exchangeLine ({ at, exchange: { protocol, dump, messages, spentMs = 0, workMs = 0 } }: { readonly at: number, readonly exchange: Exchange }): string {
  return `at ${ms(at)}: ${protocol === 0 ? 'rtnetlink' : 'nfnetlink'}, ${dump ? 'a dump' : `${messages} messages`}, ${ms(spentMs)} in the kernel, ${ms(workMs)} of them on a processor`
}

/** The functions that took most, by themselves; what native code of ours takes stands under the name of one of its functions. */
function functions ({ nodes, startTime, samples = [], timeDeltas = [] }: Profiler.Profile, [from, to]: readonly [from: number, to: number]): string[] {
  const byId = new Map(nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [id, `${functionName === '' ? '(anonymous)' : functionName}${url === '' ? '' : ` ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`}`]))
  const own = new Map<string, number>()
  let at = startTime // microseconds of CLOCK_MONOTONIC
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i] ?? 0
    if (at < from || at > to) continue // the profiler's own beginning and end
    const name = byId.get(id) ?? ''
    own.set(name, (own.get(name) ?? 0) + (timeDeltas[i] ?? 0) / 1000)
  }
  own.delete('(idle)')
  return [...own].sort(([, a], [, b]) => b - a).slice(0, LINES).map(([name, spent]) => `${ms(spent)} ${name}`)
}

const clock = (): number => Number(process.hrtime.bigint()) / 1000

/** Lines for people. */
export async function profiled (work: () => Promise<unknown>): Promise<string[]> {
  const found: { at: number, exchange: Exchange }[] = []
  const channel = tracingChannel<unknown, Exchange>('netwright:netlink')
  const listener = { start: () => undefined, end: () => undefined, asyncStart: () => undefined, error: () => undefined, asyncEnd: (exchange: Exchange) => { found.push({ at: performance.now() - begin, exchange }) } }
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE })
  await session.post('Profiler.start')
  channel.subscribe(listener)
  const { ran } = schedule()
  const from = clock()
  const begin = performance.now()
  try { await work() } finally { channel.unsubscribe(listener) }
  const took = performance.now() - begin
  const [to, cpu] = [clock(), schedule().ran - ran]
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const sum = (of: (one: Exchange) => number | undefined): number => found.reduce((total, { exchange }) => total + (of(exchange) ?? 0), 0)
  return [
    `${ms(took)}, with ${ms(cpu)} of the main thread (the profiler's own included) and ${ms(sum(({ spentMs }) => spentMs))} in ${found.length} netlink exchanges, ${ms(sum(({ workMs }) => workMs))} of them on a processor.`,
    '', 'Exchanges of a millisecond or more, by their end:', '', ...found.filter(({ exchange: { spentMs = 0 } }) => spentMs >= 1).map((one) => `- ${exchangeLine(one)}`),
    '', 'Functions of the main thread, by themselves:', '', ...functions(profile, [from, to]).map((line) => `- ${line}`),
  ]
}
