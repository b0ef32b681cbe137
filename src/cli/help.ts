/** Help texts, pure: declarations in, text of at most 80 columns out. */
import { groups, type Command, type Parameter } from './command.js'
import { globalParameters, type GlobalParameter } from './globals.js'
import { examples, exitCodes, summary, synopsis } from './manual.js'
import { COLUMNS, definitions, fill, hanging } from './print/fill.js'

const valueOf = (parameter: Parameter): string => parameter.value ?? 'string'

/** A parameter in a SYNOPSIS: `<network>`, `[--mac <string>]`, `[--all]`, `[<words>...]`. */
export function usage (parameter: Parameter): string {
  switch (parameter.kind) {
    case 'data': return `<${parameter.name}>`
    case 'text': return `[--${parameter.name} <${valueOf(parameter)}>]`
    case 'flag': return `[--${parameter.name}]`
    case 'rest': return `[<${parameter.name}>...]`
    default: return parameter.kind satisfies never
  }
}

/** A parameter in a list of OPTIONS: `[--network] <string>`, `--mac <string>`, `--all`, `<words>...`. */
export function term (parameter: Parameter): string {
  switch (parameter.kind) {
    case 'data': return `[--${parameter.name}] <${valueOf(parameter)}>`
    case 'text': return `--${parameter.name} <${valueOf(parameter)}>`
    case 'flag': return `--${parameter.name}`
    case 'rest': return `<${parameter.name}>...`
    default: return parameter.kind satisfies never
  }
}

/** A global option: `-c, --connect URI`. */
export function globalTerm ({ name, short, kind, value = '' }: GlobalParameter): string {
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${kind === 'text' ? ` ${value}` : ''}`
}

/** Other names that a verb answers to. */
export function otherNames ({ name, aliases = [] }: Command): readonly string[] {
  return [...(name.startsWith('net-') ? [name.slice(4)] : []), ...aliases]
}

/** The verbs section by section, sections without any left out. */
export function sections (commands: readonly Command[]): readonly { readonly group: string, readonly members: readonly Command[] }[] {
  return groups.map((group) => ({ group, members: commands.filter((command) => command.group === group) })).filter(({ members }) => members.length > 0)
}

/** `netwright help VERB`, laid out as virsh's. */
export function commandHelp (command: Command): string {
  const { name, parameters } = command
  const lines = ['  NAME', ...hanging(`${name} -`, command.summary.split(' '), 4), '', '  SYNOPSIS', ...hanging(name, parameters.map(usage), 4)]
  lines.push('', '  DESCRIPTION', ...fill(command.description, COLUMNS - 4).map((line) => line === '' ? '' : `    ${line}`))
  const also = otherNames(command)
  if (also.length > 0) lines.push('', `    Also: ${also.join(', ')}`)
  if (parameters.length > 0) lines.push('', '  OPTIONS', ...definitions(parameters.map((parameter) => [term(parameter), parameter.description]), { indent: 4 }))
  return `${lines.join('\n')}\n`
}

/** `netwright help bridge`: one line a verb. */
export function familyHelp (commands: readonly Command[]): string {
  return `${definitions(commands.map((command) => [command.name, command.summary])).join('\n')}\n`
}

/** The verbs, section by section: all sections have one left column. */
function verbs (commands: readonly Command[]): string[] {
  const wide = Math.max(...commands.map(({ name }) => name.length))
  return sections(commands).flatMap(({ group, members }) => ['', `${group}:`, ...definitions(members.map((command) => [command.name.padEnd(wide), command.summary]))])
}

/** `netwright --help`. */
export function generalHelp (commands: readonly Command[]): string {
  const wide = Math.max(...synopsis.map(([words]) => words.length))
  return `${[
    `${summary}.`, '',
    ...synopsis.map(([words, meaning], index) => `${index === 0 ? 'Usage: ' : '       '}${words.padEnd(wide)}  ${meaning}`.trimEnd()),
    ...verbs(commands), '',
    'Options:', ...definitions(globalParameters.map((parameter) => [globalTerm(parameter), parameter.description])), '',
    'Examples:', ...examples.map((line) => `  ${line}`), '',
    ...fill("'netwright help VERB' explains a verb. The verbs that begin with net- take virsh's words and print what virsh prints; they may be written without net-.", COLUMNS),
    ...fill(`Exit code: ${exitCodes.map(([code, meaning]) => `${code} ${meaning}`).join('; ')}.`, COLUMNS),
  ].join('\n')}\n`
}
