/** What the process, or a test, gives a session; and what a verb is given of it. */
import { constants, createReadStream, open } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { Command, Context } from './command.js'
import { Failure } from './failure.js'
import { placeOf, type Given } from './globals.js'
import type { Hosts } from './hosts.js'
import type { Output } from './output.js'
import { errorJson, errorText, warningText } from './report.js'

export interface World {
  readonly out: Output
  readonly err: Output
  /** Looked at when a command begins: in the interactive shell each has its own. */
  readonly signal: AbortSignal
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Standard input; undefined where commands are read from it. */
  readonly input: (() => Readable) | undefined
  /** Standard error, where it is a terminal. */
  readonly bar?: NodeJS.WriteStream | undefined
  /** Standard output and standard input, where they are terminals. */
  readonly screen?: NodeJS.WriteStream | undefined
  readonly keys?: NodeJS.ReadStream | undefined
  /** Takes the exit code of a command that went well. */
  readonly exitWith?: (code: number) => void
  /** No more commands are wanted. */
  readonly leave?: () => void
  /** Asks at the terminal; undefined where there is none. */
  readonly ask: ((question: string) => Promise<string>) | undefined
}

/** Prints an error the way it was asked for; `line` is its command's place in the input. */
export function report (world: World, error: unknown, given: Given, line?: number): void {
  world.err.write(given.has('json') ? errorJson(error, line) : errorText(error, line))
}

/** The errors of reading a file, in the words of strerror(3). */
const strerror: Readonly<Record<string, string>> = { ENOENT: 'No such file or directory', EACCES: 'Permission denied', EISDIR: 'Is a directory', ENOTDIR: 'Not a directory' }

/** Bytes of a file that are read: more than a definition may have, and /dev/zero ends. */
const MOST = 2 ** 21

/** What the shell calls standard input; where commands come from it, it is a file as any other. */
const STDIN = ['/dev/stdin', '/dev/fd/0']

async function read (world: World, file: string): Promise<string> {
  if (file === '-' && world.input === undefined) throw new Failure({ driver: "standard input holds the commands, so '-' cannot be read" })
  const input = file === '-' || STDIN.includes(file) ? world.input?.() : undefined
  try { return await whole(input ?? await opened(file), world.signal) } catch (error) {
    if (world.signal.aborted) throw new Failure({ driver: `interrupted while reading ${file === '-' ? 'standard input' : `'${file}'`}` })
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Failure({ driver: `Failed to open file '${file}': ${strerror[code] ?? code}` })
  }
}

/** A pipe is waited for as a socket is: a thread that waits in open(2) or read(2) for somebody to write would keep the process from ending. */
async function opened (file: string): Promise<Readable> {
  if (!(await stat(file)).isFIFO()) return createReadStream(file, { end: MOST })
  const { Socket } = await import('node:net')
  return new Socket({ fd: await promisify(open)(file, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false })
}

/** All of a stream, up to what is enough to refuse it. */
async function whole (stream: Readable, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => { stream.destroy() }
    stream.on('error', reject)
    stream.on('close', () => { signal.removeEventListener('abort', stop); if (signal.aborted) reject(new Error('aborted')); else resolve() })
    stream.on('end', stop)
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if ((length += chunk.length) > MOST) stop()
    })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  return Buffer.concat(chunks).toString()
}

/** As setlocale(3) finds out what characters are. */
function isUnicode ({ LC_ALL, LC_CTYPE, LANG }: World['environment']): boolean {
  return /utf-?8/i.test([LC_ALL, LC_CTYPE, LANG].find((value) => value !== undefined && value !== '') ?? '')
}

/** The world as one command sees it, under its own options. */
export function contextOf (world: World, hosts: Hosts, given: Given, { watches = false }: Pick<Command, 'watches'>): Context {
  const { out, err, signal } = world
  const json = given.has('json')
  const quiet = given.has('quiet')
  return {
    signal, unread: out.gone, json, quiet, given, environment: world.environment,
    print: (text) => { out.write(text) },
    extra: (text) => { if (!json && !quiet) out.write(text) },
    data: (value) => { if (json) out.write(`${JSON.stringify(value)}\n`) },
    warn: (message, remedy) => { err.write(warningText(message, remedy)) },
    complain: (error) => { report(world, error, given) },
    networks: () => hosts.networks(placeOf(given, world.environment)),
    host: () => hosts.at(placeOf(given, world.environment), watches),
    read: (file) => read(world, file),
    get bar () { return world.bar },
    get screen () { return world.screen },
    get keys () { return world.keys },
    unicode: isUnicode(world.environment), colours: (world.environment.NO_COLOR ?? '') === '' && world.environment.TERM !== 'dumb',
    exitWith: (code) => { world.exitWith?.(code) },
    leave: () => { world.leave?.() },
    get terminal () { return world.ask !== undefined },
    ask: async (question) => {
      if (world.ask === undefined) throw new Failure({ driver: 'there is no terminal to ask at' })
      return await world.ask(question)
    },
  }
}
