/** Help texts, pure: declarations in, text out. */
import type { Command, Group, Parameter } from './command.js'
import { globalParameters } from './globals.js'

const groups = ['Networks', 'Definitions', 'Bridges and TAPs', 'This host'] as const satisfies readonly Group[]

function columns (rows: readonly (readonly [string, string])[]): string[] {
  const wide = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(wide)}  ${right}`)
}

function usage (parameter: Parameter): string {
  switch (parameter.kind) {
    case 'data': return `<${parameter.name}>`
    case 'text': return `[--${parameter.name} <${parameter.value ?? 'string'}>]`
    case 'flag': return `[--${parameter.name}]`
    case 'rest': return `[<${parameter.name}>...]`
    default: return parameter.kind satisfies never
  }
}

/** `netwright help VERB`, laid out as virsh's. */
export function commandHelp (command: Command): string {
  const { name, summary, description, parameters } = command
  const names = [...(name.startsWith('net-') ? [name.slice(4)] : []), ...(command.aliases ?? [])]
  const lines = ['  NAME', `    ${name} - ${summary}`, '', '  SYNOPSIS', `    ${[name, ...parameters.map(usage)].join(' ')}`, '', '  DESCRIPTION', ...description.split('\n').map((line) => `    ${line}`)]
  if (names.length > 0) lines.push('', `    Also: ${names.join(', ')}`)
  if (parameters.length > 0) {
    const rows = parameters.map((parameter): [string, string] => {
      const value = parameter.kind === 'data' || parameter.kind === 'text' ? ` <${parameter.value ?? 'string'}>` : ''
      const left = parameter.kind === 'rest' ? `<${parameter.name}>...` : parameter.kind === 'data' ? `[--${parameter.name}]${value}` : `--${parameter.name}${value}`
      return [left, parameter.description]
    })
    lines.push('', '  OPTIONS', ...columns(rows).map((line) => `  ${line}`))
  }
  return `${lines.join('\n')}\n`
}

/** `netwright help bridge`: one line a verb. */
export function familyHelp (commands: readonly Command[]): string {
  return `${columns(commands.map(({ name, summary }) => [name, summary])).join('\n')}\n`
}

/** `netwright --help`. */
export function generalHelp (commands: readonly Command[]): string {
  const options = globalParameters.map((parameter): [string, string] => {
    const short = parameter.short === undefined ? '    ' : `-${parameter.short}, `
    return [`${short}--${parameter.name}${parameter.kind === 'text' ? ` ${parameter.value ?? ''}` : ''}`, parameter.description]
  })
  const wide = Math.max(...commands.map((command) => command.name.length))
  const verbs = groups.flatMap((group) => {
    const members = commands.filter((command) => command.group === group)
    return members.length === 0 ? [] : ['', `${group}:`, ...members.map((command) => `  ${command.name.padEnd(wide)}  ${command.summary}`)]
  })
  return `${[
    'Networks for virtual machines and namespaces: bridges, addresses, NAT, DHCP and DNS.',
    '',
    'Usage: netwright [OPTION]... VERB [ARGUMENT]...',
    '       netwright [OPTION]... < FILE      several commands, one a line',
    ...verbs,
    '',
    'Options:',
    ...columns(options),
    '',
    'Examples:',
    '  netwright net-define red-nat.xml && netwright net-start red_nat',
    '  netwright net-list --all',
    '  netwright plan lab.yaml && netwright apply lab.yaml --prune',
    '',
    "'netwright help VERB' explains a verb. The verbs that begin with net- take virsh's words and print what virsh prints;",
    'they may be written without net-. Exit code: 0 done, 1 failed, 129, 130 or 143 ended by SIGHUP, SIGINT or SIGTERM after the undo.',
  ].join('\n')}\n`
}
