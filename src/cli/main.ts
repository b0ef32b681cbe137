#!/usr/bin/env node
/** The program `netwright`: arguments, standard input and signals into a session, and its outcome into an exit code. */
import { Failure } from './failure.js'
import type { Given } from './globals.js'
import { output, type Output } from './output.js'
import { parseGlobals } from './parse.js'
import { session, type Session } from './session.js'
import { signals, type Signals } from './signals.js'
import { tokens } from './tokens.js'
import type { World } from './world.js'

async function ask (question: string): Promise<string> {
  const { createInterface } = await import('node:readline')
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  return await new Promise((resolve) => {
    terminal.on('close', () => { resolve('n') })
    terminal.question(question, (answer) => { resolve(answer); terminal.close() })
  })
}

/** Commands on standard input, one a line: all are run, whatever becomes of those before, until one of them is `quit`. */
async function batch (running: Session, given: Given, ending: { readonly signal: AbortSignal, left (): boolean }): Promise<boolean> {
  const { createInterface } = await import('node:readline')
  const { signal } = ending
  const over = (): boolean => signal.aborted || ending.left()
  if (over()) return false
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })
  signal.addEventListener('abort', () => { lines.close(); process.stdin.destroy() })
  let done = true
  let number = 0
  for await (const line of lines) {
    number++
    try {
      for (const words of tokens(line)) {
        const inner = parseGlobals(words)
        if (!over() && !await running.run(inner.rest, new Map([...given, ...inner.given]), number)) done = false
      }
    } catch (error) {
      running.report(error, given, number)
      done = false
    }
    if (over()) break
  }
  return done
}

/** Whether all of it was written: a full disk must not look like a definition that was saved. */
async function printed (out: Output, running: Session, given: Given): Promise<boolean> {
  await out.flush()
  const problem = out.problem()
  if (problem !== undefined) running.report(new Failure({ driver: `standard output could not be written: ${problem}` }), given)
  return problem === undefined
}

/** What the words ask for. */
type Way = { readonly kind: 'commands', readonly lists: readonly (readonly string[])[] } | { readonly kind: 'batch' | 'shell' }

/** Without a verb: commands on standard input, or the interactive shell where that and standard output are a terminal. */
function wayOf (rest: readonly string[], given: Given): Way {
  const [first, ...more] = rest
  if (first === '-' && more.length === 0) return { kind: 'batch' }
  if (first === undefined && !given.has('help') && !given.has('version')) {
    if (!process.stdin.isTTY) return { kind: 'batch' }
    if (process.stdout.isTTY) return { kind: 'shell' }
  }
  // One argument with spaces is a line of commands, as in virsh 'net-start a; net-info a'.
  return { kind: 'commands', lists: first !== undefined && more.length === 0 && /[\s;]/.test(first) ? tokens(first) : [rest] }
}

interface State { exitCode: number, left: boolean, ask: World['ask'] }

/** One process: what its sessions have in common, and what they leave behind. */
function program (ending: Signals) {
  const out = output(() => process.stdout)
  const err = output(() => process.stderr)
  const state: State = { exitCode: 0, left: false, ask: undefined }
  const world = (input: World['input']): World => ({
    out, err, get signal () { return ending.signal }, environment: process.env, input,
    get ask () { return state.ask ?? (process.stdin.isTTY ? ask : undefined) }, get bar () { return process.stderr.isTTY ? process.stderr : undefined },
    get screen () { return process.stdout.isTTY ? process.stdout : undefined },
    get keys () { return state.ask === undefined && process.stdin.isTTY ? process.stdin : undefined }, // in the shell its line editor reads them
    exitWith: (code) => { state.exitCode = code }, leave: () => { state.left = true },
  })
  return { out, state, flush: () => err.flush(), start: (input: World['input']) => session(world(input)) }
}

async function commands (running: Session, lists: readonly (readonly string[])[], { given, ending, left }: { readonly given: Given, readonly ending: Signals, left (): boolean }): Promise<boolean> {
  let done = true
  for (const list of lists) {
    if (left()) break
    done = !ending.signal.aborted && await running.run(list, given) && done
  }
  return done
}

async function interactive (session: Session, { given, ending, state }: { readonly given: Given, readonly ending: Signals, readonly state: State }): Promise<boolean> {
  const { openShell } = await import('./shell/shell.js')
  const shell = await openShell({ session, given, signals: ending, left: () => state.left, environment: process.env, input: process.stdin, output: process.stdout })
  state.ask = (question) => shell.ask(question)
  await shell.run()
  state.exitCode = 0 // those of its commands are nobody's
  return true
}

async function main (): Promise<number> {
  const ending = signals()
  const { out, state, flush, start } = program(ending)
  const left = (): boolean => state.left
  let running = start(() => process.stdin)
  let done = false
  let given: Given = new Map()
  try {
    const parsed = parseGlobals(process.argv.slice(2))
    given = parsed.given
    const way = wayOf(parsed.rest, given)
    if (way.kind !== 'commands') running = start(undefined)
    if (way.kind === 'commands') done = await commands(running, way.lists, { given, ending, left })
    else if (way.kind === 'batch') done = await batch(running, given, { signal: ending.signal, left })
    else done = await interactive(running, { given, ending, state })
  } catch (error) {
    running.report(error, given)
  }
  try {
    await running.close()
  } catch (error) {
    running.report(error, given)
    done = false
  }
  if (!await printed(out, running, given)) done = false
  await flush()
  return ending.code() ?? (done ? state.exitCode : 1)
}

// Standard input may still be open (a terminal, a pipe that nobody closes), so the process ends itself.
process.exit(await main())
