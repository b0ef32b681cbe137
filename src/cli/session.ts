/** One process of the command line: runs commands one after another, opens each host once, closes all of them at the end. */
import { readFile } from 'node:fs/promises'
import type { Host } from '../index.js'
import type { Command, Context, Values } from './command.js'
import { allCommands, findCommand } from './commands.js'
import { Failure } from './failure.js'
import { placeOf, refuseRemote, type Given, type Place } from './globals.js'
import { commandHelp, generalHelp } from './help.js'
import type { Output } from './output.js'
import { parseCommand } from './parse.js'
import { errorJson, errorText, warningText } from './report.js'

/** What a session is given by the process, or by a test. */
export interface World {
  readonly out: Output
  readonly err: Output
  readonly signal: AbortSignal
  readonly environment: Readonly<Record<string, string | undefined>>
  /** All of standard input; undefined where commands are read from it. */
  readonly input: (() => Promise<string>) | undefined
  /** Asks at the terminal; undefined where there is none. */
  readonly ask: ((question: string) => Promise<string>) | undefined
}

export interface Session {
  /** Runs one command. Resolves with whether it succeeded; prints everything else. `line` is its place in the input. */
  run (words: readonly string[], base: Given, line?: number): Promise<boolean>
  /** Prints an error that is nobody's command's. */
  report (error: unknown, base: Given, line?: number): void
  close (): Promise<void>
}

async function open (place: Place, signal: AbortSignal): Promise<Host> {
  const { log, ...options } = place
  const { openHost } = await import('../index.js')
  if (log === undefined) return await openHost({ ...options, signal })
  const { pino, destination } = await import('pino')
  return await openHost({ ...options, signal, logger: pino({ level: log, base: null }, destination({ dest: 2, sync: true })) })
}

async function version (): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8')
  return /"version":\s*"([^"]*)"/.exec(text)?.[1] ?? 'unknown'
}

/** The help or version that was asked for instead of a verb's work; undefined when none was. */
async function asked (words: readonly string[], given: Given): Promise<string | undefined> {
  if (given.has('version') || (words.length === 1 && words[0] === 'version')) return `${await version()}\n`
  const [first, ...about] = words
  if (first === 'help' && about.length > 0) return commandHelp((await findCommand(about.flatMap((word) => word.split(' ')))).command)
  return first === undefined || first === 'help' ? generalHelp(await allCommands()) : undefined
}

async function readInput (world: World, file: string): Promise<string> {
  if (file === '-') {
    if (world.input === undefined) throw new Failure({ driver: "standard input holds the commands, so '-' cannot be read" })
    return await world.input()
  }
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const codes: Record<string, string> = { ENOENT: 'No such file or directory', EACCES: 'Permission denied', EISDIR: 'Is a directory', ENOTDIR: 'Not a directory' }
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Failure({ driver: `Failed to open file '${file}': ${codes[code] ?? code}` })
  }
}

/** A session of the world. */
export function session (world: World): Session {
  const hosts = new Map<string, Promise<Host>>()
  const { out, err, signal } = world

  const hostOf = (place: Place): Promise<Host> => {
    const key = JSON.stringify([place.root, place.netns, place.owner, place.log])
    const standing = hosts.get(key) ?? open(place, signal)
    hosts.set(key, standing)
    standing.catch(() => { hosts.delete(key) }) // the next command may fare better
    return standing
  }

  const contextOf = (given: Given): Context => {
    const json = given.has('json')
    const quiet = given.has('quiet')
    return {
      signal, unread: out.gone, json, quiet,
      print: (text) => { out.write(text) },
      extra: (text) => { if (!json && !quiet) out.write(text) },
      data: (value) => { if (json) out.write(`${JSON.stringify(value)}\n`) },
      warn: (message, remedy) => { err.write(warningText(message, remedy)) },
      host: () => hostOf(placeOf(given, world.environment)),
      read: (file) => readInput(world, file),
      complain: (error) => { report(error, given) },
      terminal: world.ask !== undefined,
      ask: async (question) => {
        if (world.ask === undefined) throw new Failure({ driver: 'there is no terminal to ask at' })
        return await world.ask(question)
      },
    }
  }

  /** The verb itself: virsh prints an empty line after each command, failed ones too. */
  const perform = async (command: Command, values: Values, given: Given, line: number | undefined): Promise<boolean> => {
    const context = contextOf(given)
    const started = performance.now()
    let done = true
    try {
      if (given.has('readonly') && command.changes !== undefined) throw new Failure({ driver: `operation forbidden: read only access prevents ${command.changes}` })
      done = await command.run(values, context) !== false
    } catch (error) {
      done = false
      report(error, given, line)
    }
    if (given.has('timing')) out.write(`\n(Time: ${(performance.now() - started).toFixed(3)} ms)\n\n`)
    else context.extra('\n')
    return done
  }

  const report = (error: unknown, given: Given, line?: number): void => {
    err.write(given.has('json') ? errorJson(error, line) : errorText(error, line))
  }

  const run = async (words: readonly string[], base: Given, line?: number): Promise<boolean> => {
    let given = base
    try {
      const uri = base.get('connect')
      const text = await asked(words, base)
      if (text !== undefined) {
        out.write(text)
        return true
      }
      const { command, rest } = await findCommand(words)
      const parsed = parseCommand(command, rest)
      given = new Map([...base, ...parsed.given])
      if (given.has('help')) {
        out.write(commandHelp(command))
        return true
      }
      const to = given.get('connect') ?? uri
      if (typeof to === 'string') refuseRemote(to)
      return await perform(command, parsed.values, given, line)
    } catch (error) {
      report(error, given, line)
      return false
    }
  }

  return {
    run, report,
    close: async () => {
      const standing = await Promise.allSettled(hosts.values())
      hosts.clear()
      for (const each of standing) if (each.status === 'fulfilled') await each.value.close()
    },
  }
}
