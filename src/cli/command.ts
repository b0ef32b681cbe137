/**
 * What a verb is: its words as data, and a function that runs it. One file a verb in `commands/`; `commands.ts` lists them.
 * Parsing, `--help`, the man page and the completion of the shells come from this description and from nothing else.
 */
import type { Host, NetworkInfo } from '../index.js'
import type { Given } from './globals.js'

/**
 * One word or option, as virsh declares them.
 * `data` is required, `text` may be left out; both are given as `--name VALUE`, `--name=VALUE` or by position, in declared order.
 * `flag` is there or not; `rest` takes all words that are left.
 */
export interface Parameter {
  readonly kind: 'data' | 'text' | 'flag' | 'rest'
  readonly name: string
  readonly description: string
  /** What stands for the value in help texts. Default `string`, as in virsh. */
  readonly value?: string
  /** Only as `--name`, never by position. */
  readonly named?: boolean
  /** The only values allowed. */
  readonly choices?: readonly string[]
  /** What the values are names of: completed by the shells. Nothing is checked by it. */
  readonly names?: Named
}

/** What can be named on the command line; `completion/names.ts` knows what there is of each. */
export type Named = 'network' | 'active network' | 'inactive network' | 'persistent network' | 'uuid' | 'bridge' | 'link' | 'domain' | 'interface' | 'forward' | 'namespace' | 'verb' | 'file' | 'directory'

/** What was given for a command's parameters. Asking for one that is not declared, or of another kind, throws: a bug in the verb. */
export interface Values {
  data (name: string): string
  text (name: string): string | undefined
  flag (name: string): boolean
  rest (name: string): readonly string[]
}

/** What a verb may use of the world outside: streams, the host, the signal that ends it. */
export interface Context {
  /** Aborted by SIGHUP, SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  /** Aborted when nobody reads standard output any more: only verbs that run until they are stopped look at it. */
  readonly unread: AbortSignal
  /** Results are JSON, one value a line. */
  readonly json: boolean
  /** The global options, for a verb that hands them on. */
  readonly given: Given
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly quiet: boolean
  /** The result, as it is. */
  print (text: string): void
  /** What virsh calls extra: `Network x started` and table headers. Left out by `--quiet` and by `--json`. */
  extra (text: string): void
  /** The result as JSON, a line of it; nothing without `--json`. */
  data (value: unknown): void
  /** `warning: …` on standard error. */
  warn (message: string, remedy?: string): void
  /** Prints an error and goes on. */
  complain (error: unknown): void
  /** The host, opened at the first call, closed by the session. */
  host (): Promise<Host>
  /** All networks, without a host being opened for it. */
  networks (): Promise<NetworkInfo[]>
  /** A file's text; `-` is standard input. */
  read (file: string): Promise<string>
  /** Where a bar can be shown: standard error, where it is a terminal. */
  readonly bar: NodeJS.WriteStream | undefined
  /** Standard output, where it is a terminal. */
  readonly screen: NodeJS.WriteStream | undefined
  /** Standard input, where it is a terminal. */
  readonly keys: NodeJS.ReadStream | undefined
  /** The locale's characters go beyond ASCII. */
  readonly unicode: boolean
  /** Nobody asked for no colours: https://no-color.org. */
  readonly colours: boolean
  /** The exit code of the process, where all went well. */
  exitWith (code: number): void
  /** Runs no more commands after this one: of the interactive shell, of standard input. */
  leave (): void
  /** Somebody sits at standard input and can be asked. */
  readonly terminal: boolean
  /** Asks that person; end of input is an `n`. Throws where there is no terminal. */
  ask (question: string): Promise<string>
}

/** The sections of `netwright --help` and of the man page, in this order. */
export const groups = ['Networks', 'Guests', 'Port forwarding', 'Between networks', 'Definitions', 'Bridges and TAPs', 'This host', 'Netwright itself'] as const

export type Group = typeof groups[number]

export interface Command {
  /** `net-start`, `bridge add`. A name that starts with `net-` may be used without it. */
  readonly name: string
  readonly aliases?: readonly string[]
  readonly group: Group
  /** A line for the list of verbs, without a full stop. */
  readonly summary: string
  /** Whole sentences for `netwright help VERB` and the man page, which break the lines; an empty line begins a paragraph. */
  readonly description: string
  readonly parameters: readonly Parameter[]
  /** libvirt's name of the call that changes something: refused under `--readonly`. */
  readonly changes?: string
  /** Runs until it is stopped: its host watches meanwhile. */
  readonly watches?: boolean
  /** Resolves with false when it failed and has said so itself. */
  run (values: Values, context: Context): Promise<unknown>
}
