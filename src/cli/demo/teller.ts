/** Tells the story as it happens: a line a step with its time, coloured on a terminal. */
import { stdout } from 'node:process'
import type { Context } from '../command.js'
import { Failure } from '../failure.js'

export interface Teller {
  /** Does the work, within 20 s, and tells that it is done. What `done` makes of the result is what is told; on a terminal `doing` stands there until then. Throws Failure. */
  step<T> (doing: string, work: (signal: AbortSignal) => Promise<T>, done: (result: T) => string): Promise<T>
  /** The same for what clears away: done whatever the signal says, and never throws. Resolves with whether it succeeded; tells why not. */
  tidy (doing: string, work: () => Promise<unknown>, done: string): Promise<boolean>
  heading (text: string): void
  /** Lines as they are. */
  say (...lines: readonly string[]): void
  /** What a verb prints. On a terminal that is narrower lines are cut, so that tables stay tables. */
  table (text: string): void
  /** A line that is good news, or bad. */
  verdict (good: boolean, text: string): void
}

/** Longer than any step takes, even on a machine with much else to do. Milliseconds. */
const PATIENCE = 20_000

export const milliseconds = (ms: number): string => `${ms.toFixed(1)} ms`

/** A teller to standard output; with `--json` each step is a line `{"step":…,"ms":…}`. */
export function tellTo (context: Context): Teller {
  const terminal = stdout.isTTY && process.env.TERM !== 'dumb' && !context.json && !context.quiet
  const colour = terminal && (process.env.NO_COLOR ?? '') === ''
  const paint = (code: string, text: string): string => colour ? `\x1b[${code}m${text}\x1b[0m` : text
  const line = (time: string, text: string): void => { context.extra(`${terminal ? '\r\x1b[K' : ''}${paint('2', time.padStart(11))}  ${text}\n`) }
  const told = async <T> (doing: string, work: () => Promise<T>, done: (result: T) => string): Promise<T> => {
    if (terminal) context.extra(`${paint('2', '...'.padStart(11))}  ${doing}`)
    const started = performance.now()
    try {
      const result = await work()
      const ms = performance.now() - started
      line(milliseconds(ms), done(result))
      context.data({ step: done(result), ms: Math.round(ms * 10) / 10 })
      return result
    } catch (error) {
      line('', `${doing}: ${paint('31', context.signal.aborted ? 'interrupted' : 'failed')}`)
      throw error
    }
  }
  return {
    step: async (doing, work, done) => {
      try {
        return await told(doing, () => bounded(work, context.signal), done)
      } catch (error) {
        throw context.signal.aborted ? new Failure({ driver: 'the demonstration was ended by a signal' }) : failed(doing, error)
      }
    },
    tidy: async (doing, work, done) => await told(doing, work, () => done).then(() => true, (error: unknown) => { context.complain(failed(doing, error)); return false }),
    heading: (text) => { context.extra(`\n${paint('1', text)}\n`) },
    say: (...lines) => { context.extra(lines.map((each) => `${each}\n`).join('')) },
    table: (text) => { context.print(terminal ? cut(text, stdout.columns) : text) },
    verdict: (good, text) => { context.extra(`\n${paint(good ? '1;32' : '1;31', text)}\n`) },
  }
}

/** Lines that are too long end in `>`, as with `less -S`. */
function cut (text: string, columns: number): string {
  return text.split('\n').map((line) => line.length > columns ? `${line.slice(0, columns - 1)}>` : line).join('\n')
}

async function bounded<T> (work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(PATIENCE)
  signal.throwIfAborted()
  try {
    return await work(AbortSignal.any([signal, limit]))
  } catch (error) {
    if (!limit.aborted) throw error
    throw new Failure({ driver: `not done after ${String(PATIENCE / 1_000)} s` }, error)
  }
}

function failed (doing: string, error: unknown): Failure {
  const sentence = `Failed: ${doing}`
  return error instanceof Failure ? new Failure({ sentence, driver: error.driver, remedy: error.remedy }, error.cause) : new Failure({ sentence }, error)
}
