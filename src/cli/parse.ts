/** Words into values: global options first, then the verb's own, with virsh's texts for what is wrong. */
import { parseArgs } from 'node:util'
import type { Command, Parameter, Values } from './command.js'
import { UsageError } from './failure.js'
import { globalParameters, type Given, type GlobalParameter } from './globals.js'

type Seen = Map<string, string | true>

/** Whether a value follows its name. */
export const takesValue = (parameter: Parameter): boolean => parameter.kind === 'data' || parameter.kind === 'text'

/** An option that nobody declared, in virsh's words. Source: tools/vsh.c, vshCommandParse; tools/virsh.c, virshParseArgv. */
function unknown (word: string, name: string, command: Command | undefined): UsageError {
  if (command === undefined) return new UsageError(`unsupported option '${word}'. See --help.`)
  return new UsageError(`command '${command.name}' doesn't support option --${name}`, `netwright help ${command.name}`)
}

interface Scan { readonly parameters: readonly GlobalParameter[], readonly command?: Command }
interface Word { readonly text: string, readonly index: number }

/** What is given by name goes into `seen`; words by position are yielded, with their place. Nothing is read beyond the last word that is taken. */
function * scan (words: readonly string[], { parameters, command }: Scan, seen: Seen): Generator<Word> {
  const declared = new Map(parameters.filter(({ kind }) => kind !== 'rest').map((parameter) => [parameter.name, parameter]))
  const options = Object.fromEntries([...declared.values()].map((parameter): [string, { readonly type: 'string' | 'boolean', readonly short?: string }] =>
    [parameter.name, { type: takesValue(parameter) ? 'string' : 'boolean', ...parameter.short === undefined ? {} : { short: parameter.short } }]))
  for (const token of parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true }).tokens) {
    if (token.kind === 'positional') yield { text: token.value, index: token.index }
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue = false, index } = token
    const parameter = declared.get(name)
    if (parameter === undefined) throw unknown(words[index] ?? rawName, name, command)
    if (!takesValue(parameter)) {
      if (inlineValue) throw new UsageError(`invalid '=' after option --${name}`)
      seen.set(name, true)
      continue
    }
    if (value === undefined) throw new UsageError(`expected syntax: --${name} <string>`)
    if (seen.has(name)) throw new UsageError(`option --${name} already seen`)
    seen.set(name, value)
  }
}

/** The global options before the verb, and the words from the verb on. */
export function parseGlobals (words: readonly string[]): { readonly given: Given, readonly rest: readonly string[] } {
  const seen: Seen = new Map()
  const [first] = scan(words, { parameters: globalParameters }, seen)
  return { given: seen, rest: first === undefined ? [] : words.slice(first.index) }
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
  const left = [...scan(words, { parameters: [...globalParameters, ...command.parameters], command }, seen)].map(({ text }) => text)
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
