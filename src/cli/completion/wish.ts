/** What may come next on a line, from the descriptions of the verbs alone. Pure, and never an error: a line that makes no sense has no continuation. */
import type { Command, Named, Parameter } from '../command.js'
import { allCommands, answersTo } from '../commands.js'
import { globalParameters, type Given, type GlobalParameter } from '../globals.js'
import { takesValue } from '../parse.js'

export interface Candidate { readonly text: string, readonly description: string }

export interface Wish {
  /** The global options among the words: they say where names are looked for. */
  readonly given: Given
  /** What was given for the verb's parameters so far, by name: `vm1` for `domain`. */
  readonly values: ReadonlyMap<string, string>
  /** What stands in the same word before the value: `--network=`. */
  readonly before: string
  /** What begins as the word does. */
  readonly candidates: readonly Candidate[]
  /** Names of these may follow too. */
  readonly named?: Named
}

/** A line walked through. */
interface Walk {
  readonly given: Map<string, string | true>
  readonly values: Map<string, string>
  readonly seen: Set<string>
  /** Words that were no options: those of the verb, or after it those by position. */
  readonly verb: string[]
  readonly positions: string[]
  command: Command | undefined
  /** An option that waits for its value. */
  pending: GlobalParameter | undefined
  /** `--` was met. */
  data: boolean
}

const optionsOf = ({ command }: Walk): readonly GlobalParameter[] => [...command?.parameters.filter(({ kind }) => kind !== 'rest') ?? [], ...globalParameters]

function note (walk: Walk, parameter: GlobalParameter, value: string | true): void {
  walk.seen.add(parameter.name)
  if (value !== true) walk.values.set(parameter.name, value)
  if (globalParameters.some(({ name }) => name === parameter.name)) walk.given.set(parameter.name, value)
}

/** `--name`, `--name=value`, `-qr`, `-c value`, `-cvalue`. */
function option (walk: Walk, word: string): void {
  const long = /^--([^=]*)(?:=(.*))?$/s.exec(word)
  const letters = long === null ? Array.from(word.slice(1)) : []
  const found = long === null
    ? letters.map((letter) => optionsOf(walk).find(({ short }) => short === letter))
    : [optionsOf(walk).find(({ name }) => name === long[1])]
  for (const [at, parameter] of found.entries()) {
    if (parameter === undefined) continue
    const glued = long === null ? letters.slice(at + 1).join('') : long[2]
    if (!takesValue(parameter)) note(walk, parameter, true)
    else if (glued === undefined || (long === null && glued === '')) walk.pending = parameter
    else {
      note(walk, parameter, glued)
      return
    }
  }
}

/** A word of the verb until one is found; a verb of one word may be the beginning of one of two. */
function position (walk: Walk, word: string): void {
  if (walk.command !== undefined) walk.positions.push(word)
  else {
    walk.verb.push(word)
    walk.command = allCommands.find((command) => answersTo(command, walk.verb.join(' ')))
  }
}

function walked (words: readonly string[]): Walk {
  const walk: Walk = { given: new Map(), values: new Map(), seen: new Set(), verb: [], positions: [], command: undefined, pending: undefined, data: false }
  for (const word of words) {
    if (walk.pending !== undefined) {
      note(walk, walk.pending, word)
      walk.pending = undefined
    } else if (walk.data || word === '-' || !word.startsWith('-')) position(walk, word)
    else if (word === '--') walk.data = true
    else option(walk, word)
  }
  return walk
}

/** The next word of a verb, after those that are there: `net-start`; `add` after `bridge`. Names without `net-` only where nothing else begins so. */
export function verbs (before: readonly string[], partial: string): readonly Candidate[] {
  const begun = before.map((word) => `${word} `).join('')
  const following = (names: readonly (readonly [name: string, command: Command])[]): readonly Candidate[] => {
    const found = new Map<string, Candidate>()
    for (const [name, command] of names) {
      const [word = '', more] = name.startsWith(begun) ? name.slice(begun.length).split(' ') : ['']
      if (word === '' || !word.startsWith(partial)) continue
      found.set(word, { text: word, description: more === undefined ? command.summary : familyOf(begun + word) })
    }
    return [...found.values()]
  }
  const whole = following(allCommands.map((command) => [command.name, command]))
  return whole.length > 0 ? whole : following(allCommands.flatMap((command) => [command.name.replace(/^net-/, ''), ...command.aliases ?? []].map((name) => [name, command] as const)))
}

/** `add, del, show`. */
const familyOf = (first: string): string => allCommands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name.slice(first.length + 1)).join(', ')

const beginning = (candidates: readonly Candidate[], partial: string): readonly Candidate[] => candidates.filter(({ text }) => text.startsWith(partial))

/** The values of a parameter. */
function values (walk: Walk, parameter: Parameter, { partial, before }: { readonly partial: string, readonly before: string }): Wish {
  const { choices = [], names } = parameter
  const positional = freeOf(walk)
  const given = new Map([...walk.positions.flatMap((word, at): [string, string][] => { const name = positional[at]?.name; return name === undefined ? [] : [[name, word]] }), ...walk.values])
  const candidates = names === 'verb' ? verbs(walk.positions, partial) : beginning(choices.map((text) => ({ text, description: '' })), partial)
  return { given: walk.given, values: given, before, candidates, ...names === undefined || names === 'verb' ? {} : { named: names } }
}

/** Those that the words by position are for, in order. */
const freeOf = ({ command, seen }: Walk): readonly Parameter[] => command?.parameters.filter((parameter) => takesValue(parameter) && parameter.named !== true && !seen.has(parameter.name)) ?? []

function options (walk: Walk, partial: string): readonly Candidate[] {
  const free = optionsOf(walk).filter(({ name }) => !walk.seen.has(name))
  return beginning(free.map(({ name, description }) => ({ text: `--${name}`, description })), partial)
}

/** What may stand where `partial` was begun, after `words` (without the program's name). */
export function wish (words: readonly string[], partial: string): Wish {
  const walk = walked(words)
  const { given, values: said, command, pending } = walk
  if (pending !== undefined) return values(walk, pending, { partial, before: '' })
  const assigned = walk.data ? null : /^(--([^=]+)=)(.*)$/s.exec(partial)
  if (assigned !== null) {
    const [, before = '', name, value = ''] = assigned
    const parameter = optionsOf(walk).find((each) => each.name === name && takesValue(each))
    return parameter === undefined ? { given, values: said, before, candidates: [] } : values(walk, parameter, { partial: value, before })
  }
  if (!walk.data && partial.startsWith('-')) return { given, values: said, before: '', candidates: options(walk, partial) }
  if (command === undefined) return { given, values: said, before: '', candidates: verbs(walk.verb, partial) }
  const rest = command.parameters.find(({ kind }) => kind === 'rest')
  const parameter = freeOf(walk)[walk.positions.length] ?? rest
  if (parameter !== undefined) return values(walk, parameter, { partial, before: '' })
  return { given, values: said, before: '', candidates: options({ ...walk, seen: new Set([...walk.seen, ...globalParameters.map(({ name }) => name)]) }, partial) }
}
