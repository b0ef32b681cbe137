/** The interactive shell: `netwright` alone on a terminal. Source: tools/virsh.c for the prompt. */
import { createInterface, type Interface } from 'node:readline'
import type { Given } from '../globals.js'
import { parseGlobals } from '../parse.js'
import type { Session } from '../session.js'
import type { Signals } from '../signals.js'
import { tokens } from '../tokens.js'
import { version } from '../version.js'
import { complete } from './completer.js'
import { history, historyFile, KEPT, type History } from './history.js'

export interface Room {
  readonly session: Session
  readonly given: Given
  readonly signals: Signals
  /** Whether a command was to leave. */
  left (): boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
}

export interface Shell {
  /** Reads and runs lines until `quit`, the end of input or a signal that is no SIGINT. */
  run (): Promise<void>
  /** Asks at the same terminal, while a command runs. */
  ask (question: string): Promise<string>
}

/** Keys for the shell while nothing runs; while a command runs the terminal is as it was found, so that Ctrl-C is a SIGINT and an editor can be opened. */
function keys ({ input }: Room, terminal: Interface, on: boolean): void {
  if (on) {
    input.setRawMode(true)
    terminal.resume()
  } else {
    terminal.pause()
    input.setRawMode(false)
  }
}

/** Ctrl-C while a line is typed: it is thrown away. */
function throwAway ({ output }: Room, terminal: Interface): void {
  terminal.write(null, { ctrl: true, name: 'e' })
  terminal.write(null, { ctrl: true, name: 'u' })
  output.write('^C\n')
  terminal.prompt()
}

/** The commands of one line, until one asks to leave. */
async function runLine ({ session, given, signals, left }: Room, line: string): Promise<void> {
  try {
    for (const words of tokens(line)) {
      if (left() || signals.signal.aborted) return
      const inner = parseGlobals(words)
      await session.run(inner.rest, new Map([...given, ...inner.given]))
    }
  } catch (error) { session.report(error, given) }
}

function open (room: Room, past: History): Interface {
  const { input, output, given, environment, signals } = room
  return createInterface({
    input, output, terminal: true, historySize: KEPT, history: [...past.lines], prompt: given.has('readonly') ? 'netwright > ' : 'netwright # ',
    completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
      void complete(line, { given, environment, signal: signals.signal }).then((result) => { done(null, result) }, () => { done(null, [[], line]) })
    },
  })
}

/** Lines as they come: several may be pasted at once, and wait until the ones before have run. Undefined at the end of input, or when the signal aborts. */
function lines (terminal: Interface, input: NodeJS.ReadStream): (signal: AbortSignal) => Promise<string | undefined> {
  const waiting: string[] = []
  let over = false
  let wake: () => void = () => undefined
  terminal.on('line', (line) => { waiting.push(line); wake() })
  terminal.on('close', () => { over = true; wake() })
  input.on('error', () => { terminal.close() }) // the terminal is gone: EIO
  return async (signal) => {
    const stop = (): void => { wake() }
    signal.addEventListener('abort', stop)
    while (waiting.length === 0 && !over && !signal.aborted) await new Promise<void>((resolve) => { wake = resolve })
    signal.removeEventListener('abort', stop)
    return signal.aborted ? undefined : waiting.shift()
  }
}

/** A question at the terminal; Ctrl-C and the end of input are an `n`. */
async function question (terminal: Interface, text: string): Promise<string> {
  const refusal = new AbortController()
  const refuse = (): void => { refusal.abort() }
  terminal.once('SIGINT', refuse).once('close', refuse)
  try {
    return await new Promise((resolve) => {
      refusal.signal.addEventListener('abort', () => { resolve('n') })
      terminal.question(text, { signal: refusal.signal }, resolve)
    })
  } finally { terminal.off('SIGINT', refuse).off('close', refuse) }
}

async function welcome ({ output, given }: Room): Promise<void> {
  if (given.has('quiet') || given.has('json')) return
  output.write(`This is netwright ${await version()}: the networks of this host, one command a line.\n\n  'help' lists the commands, 'help net-start' explains one;\n  TAB completes, 'quit' leaves.\n\n`)
}

/** A shell on a terminal that nobody else reads. */
export async function openShell (room: Room): Promise<Shell> {
  const past = await history(historyFile(room.environment))
  await welcome(room)
  const terminal = open(room, past)
  const next = lines(terminal, room.input)
  let asking = false
  terminal.on('SIGINT', () => { if (!asking) throwAway(room, terminal) })
  return {
    run: async () => {
      for (;;) {
        terminal.prompt()
        const { signal } = room.signals
        const line = await next(signal)
        if (line === undefined && signal.aborted && room.signals.renew()) continue
        if (line === undefined) { room.output.write('\n'); break }
        await past.add(line)
        keys(room, terminal, false)
        await runLine(room, line)
        if (room.left() || !room.signals.renew()) break
        keys(room, terminal, true)
      }
      terminal.close()
    },
    ask: async (text) => {
      keys(room, terminal, true)
      asking = true
      try { return await question(terminal, text) } finally {
        asking = false
        keys(room, terminal, false)
      }
    },
  }
}
