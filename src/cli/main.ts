#!/usr/bin/env node
/** The program `netwright`: arguments, standard input and signals into a session, and its outcome into an exit code. */
import { readFileSync } from 'node:fs'
import { Failure } from './failure.js'
import type { Given } from './globals.js'
import { output, type Output } from './output.js'
import { parseGlobals } from './parse.js'
import { session, type Session } from './session.js'
import { tokens } from './tokens.js'
import type { World } from './world.js'

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** The first signal aborts the running verb, which undoes what it began; a second one ends the process at once, and the next command tidies up. */
function signals (): { readonly signal: AbortSignal, code (): number | undefined } {
  const controller = new AbortController()
  let code: number | undefined
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    if (name === 'SIGHUP' && ignoresHangup()) continue
    process.on(name, () => {
      if (code !== undefined) process.exit(exitCodes[name])
      code = exitCodes[name]
      controller.abort()
    })
  }
  return { signal: controller.signal, code: () => code }
}

/** Under nohup: what lives on without its terminal must not be aborted with it. Source: proc_pid_status(5), SigIgn. */
function ignoresHangup (): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  return ignored !== undefined && (BigInt(`0x${ignored}`) & 1n) === 1n
}

async function ask (question: string): Promise<string> {
  const { createInterface } = await import('node:readline')
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  return await new Promise((resolve) => {
    terminal.on('close', () => { resolve('n') })
    terminal.question(question, (answer) => { resolve(answer); terminal.close() })
  })
}

async function standardInput (): Promise<string> {
  const { text } = await import('node:stream/consumers')
  return await text(process.stdin)
}

/** Commands on standard input, one a line: all are run, whatever becomes of those before. */
async function batch (running: Session, given: Given, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import('node:readline')
  const { aborted } = signal
  if (aborted) return false
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })
  signal.addEventListener('abort', () => { lines.close(); process.stdin.destroy() })
  let done = true
  let number = 0
  for await (const line of lines) {
    number++
    try {
      for (const words of tokens(line)) {
        const inner = parseGlobals(words)
        if (!signal.aborted && !await running.run(inner.rest, new Map([...given, ...inner.given]), number)) done = false
      }
    } catch (error) {
      running.report(error, given, number)
      done = false
    }
    if (signal.aborted) break
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

async function main (): Promise<number> {
  const ending = signals()
  const words = process.argv.slice(2)
  const out = output(() => process.stdout)
  const err = output(() => process.stderr)
  let exitCode = 0
  const start = (input: World['input']): Session => session({
    out, err, signal: ending.signal, environment: process.env, input,
    get ask () { return process.stdin.isTTY ? ask : undefined }, get bar () { return process.stderr.isTTY ? process.stderr : undefined },
    exitWith: (code) => { exitCode = code },
  })
  let running = start(standardInput)
  let done = false
  let given: Given = new Map()
  try {
    const parsed = parseGlobals(words)
    given = parsed.given
    const [first, ...more] = parsed.rest
    const wordless = first === undefined && !process.stdin.isTTY && !given.has('help') && !given.has('version')
    if (wordless || (first === '-' && more.length === 0)) {
      running = start(undefined)
      done = await batch(running, given, ending.signal)
    } else {
      // One argument with spaces is a line of commands, as in virsh 'net-start a; net-info a'.
      const lists = first !== undefined && more.length === 0 && /[\s;]/.test(first) ? tokens(first) : [parsed.rest]
      done = true
      for (const list of lists) done = !ending.signal.aborted && await running.run(list, given) && done
    }
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
  await err.flush()
  return ending.code() ?? (done ? exitCode : 1)
}

// Standard input may still be open (a terminal, a pipe that nobody closes), so the process ends itself.
process.exit(await main())
