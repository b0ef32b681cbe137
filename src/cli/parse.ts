/** Words into values, with commander: global options first, then the verb's own, with virsh's texts for what is wrong. */
import { Command as Parser, CommanderError, Option } from 'commander'
import type { Command, Parameter, Values } from './command.js'
import { UsageError } from './failure.js'
import { globalParameters, type Given, type GlobalParameter } from './globals.js'

type Seen = Map<string, string | true>

const takesValue = (parameter: Parameter): boolean => parameter.kind === 'data' || parameter.kind === 'text'

/** A parser that neither prints nor exits, and writes what it meets into `seen`. */
function parser (name: string, parameters: readonly GlobalParameter[], seen: Seen): Parser {
  const made = new Parser(name)
  made.exitOverride().helpOption(false).helpCommand(false).argument('[words...]').allowExcessArguments(true)
  made.configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
  for (const parameter of parameters) {
    if (parameter.kind === 'rest') continue
    const short = parameter.short === undefined ? '' : `-${parameter.short}, `
    const value = takesValue(parameter) ? ` <${parameter.value ?? 'string'}>` : ''
    made.addOption(new Option(`${short}--${parameter.name}${value}`))
    made.on(`option:${parameter.name}`, (given: string | null | undefined) => {
      if (seen.has(parameter.name) && takesValue(parameter)) throw new UsageError(`option --${parameter.name} already seen`)
      seen.set(parameter.name, given ?? true)
    })
  }
  return made
}

/** commander's complaint in virsh's words. Source: tools/vsh.c, vshCommandParse. */
function complaint (error: CommanderError, command: Command | undefined): UsageError {
  const option = /'(?:-\w, )?-*([^'\s]*)/.exec(error.message)?.[1] ?? ''
  if (error.code === 'commander.optionMissingArgument') return new UsageError(`expected syntax: --${option} <string>`)
  if (error.code !== 'commander.unknownOption') return new UsageError(error.message.replace(/^error: /, ''))
  if (command === undefined) return new UsageError(`unsupported option '${/'([^']*)'/.exec(error.message)?.[1] ?? option}'. See --help.`)
  const [name = '', value] = option.split('=', 2)
  if (value !== undefined && [...globalParameters, ...command.parameters].some((parameter) => parameter.name === name)) return new UsageError(`invalid '=' after option --${name}`)
  return new UsageError(`command '${command.name}' doesn't support option --${name}`, `netwright help ${command.name}`)
}

function parse (made: Parser, words: readonly string[], command: Command | undefined): readonly string[] {
  try {
    made.parse([...words], { from: 'user' })
  } catch (error) {
    throw error instanceof CommanderError ? complaint(error, command) : error
  }
  return made.args
}

/** The global options before the verb, and the words from the verb on. */
export function parseGlobals (words: readonly string[]): { readonly given: Given, readonly rest: readonly string[] } {
  const seen: Seen = new Map()
  const made = parser('netwright', globalParameters, seen).enablePositionalOptions().passThroughOptions()
  return { given: seen, rest: parse(made, words, undefined) }
}

/** Positions go to the parameters that were not given by name, in declared order. */
function place (command: Command, words: readonly string[], seen: Seen): readonly string[] {
  const left = [...words]
  for (const parameter of command.parameters) {
    if (!takesValue(parameter) || parameter.named === true || seen.has(parameter.name)) continue
    const word = left.shift()
    if (word === undefined) break
    seen.set(parameter.name, word)
  }
  const extra = left[0]
  if (extra !== undefined && !command.parameters.some((parameter) => parameter.kind === 'rest')) throw new UsageError(`unexpected data '${extra}'`, `netwright help ${command.name}`)
  return left
}

function check (command: Command, seen: Seen): void {
  for (const { kind, name, choices } of command.parameters) {
    const given = seen.get(name)
    if (given === undefined) {
      if (kind === 'data') throw new UsageError(`command '${command.name}' requires <${name}> option`, `netwright help ${command.name}`)
    } else if (choices !== undefined && (given === true || !choices.includes(given))) {
      throw new UsageError(`--${name} is one of ${choices.join(', ')}, not '${String(given)}'`)
    }
  }
}

/** The values of one verb, and the global options among its words. `--help` is looked at before anything is required. */
export function parseCommand (command: Command, words: readonly string[]): { readonly values: Values, readonly given: Given } {
  const seen: Seen = new Map()
  const left = parse(parser(command.name, [...globalParameters, ...command.parameters], seen), words, command)
  const given = new Map([...seen].filter(([name]) => globalParameters.some((parameter) => parameter.name === name)))
  const rest = given.has('help') ? [] : place(command, left, seen)
  if (!given.has('help')) check(command, seen)
  return { values: valuesOf(command, seen, rest), given }
}

function valuesOf (command: Command, seen: Seen, rest: readonly string[]): Values {
  const find = (kind: Parameter['kind'], name: string): string | true | undefined => {
    if (!command.parameters.some((parameter) => parameter.kind === kind && parameter.name === name)) throw new TypeError(`${command.name} declares no ${kind} '${name}'`)
    return seen.get(name)
  }
  const text = (kind: 'data' | 'text', name: string): string | undefined => {
    const given = find(kind, name)
    return typeof given === 'string' ? given : undefined
  }
  return {
    data: (name) => text('data', name) ?? '',
    text: (name) => text('text', name),
    flag: (name) => find('flag', name) === true,
    rest: (name) => { find('rest', name); return rest },
  }
}
