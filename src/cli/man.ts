/** The man page netwright(1), from the same descriptions as the help texts. Pure: declarations in, roff out. Source: man(7), groff_man(7). */
import type { Command } from './command.js'
import { globalTerm, otherNames, sections, term, usage } from './help.js'
import { globalParameters } from './globals.js'
import * as manual from './manual.js'

/** Text as roff takes it: no escape, no request at the start of a line, hyphens and quotes that can be copied from the page. */
export function roff (text: string): string {
  return text.replaceAll('\\', '\\(rs').replace(/[-'"`^~]/g, (character) => ({ '-': '\\-', "'": '\\(aq', '"': '\\(dq', '`': '\\(ga', '^': '\\(ha', '~': '\\(ti' })[character] ?? character).replace(/^\./gm, '\\&.')
}

const bold = (text: string): string => `\\fB${roff(text)}\\fR`
const italic = (text: string): string => `\\fI${roff(text)}\\fR`

const paragraphs = (text: string): string[] => text.split(/\n\s*\n/).flatMap((paragraph, index) => [...index === 0 ? [] : ['.PP'], roff(paragraph.replace(/\s+/g, ' ').trim())])

/** The same inside an indented item. */
const inside = (text: string): string[] => paragraphs(text).map((line) => line === '.PP' ? '.IP' : line)

const item = (head: string, text: string): string[] => ['.TP', head, ...inside(text)]

/** `<network>`, `[--mac <string>]` with the parts that are typed in bold and those that are replaced in italics. */
function styled (text: string): string {
  return text.split(/(<[^>]*>|--?[a-z][\w-]*)/).map((part) => part.startsWith('<') ? italic(part.slice(1, -1)) : part.startsWith('-') ? bold(part) : roff(part)).join('')
}

/** A verb: its words, then what it does, then its options, one step further in. */
function verb (command: Command): string[] {
  const also = otherNames(command)
  const words = command.parameters.map((parameter) => ` ${styled(usage(parameter)).replaceAll(' ', '\\ ')}`).join('')
  return [
    '.TP', `${bold(command.name)}${words}`,
    `${roff(command.summary.charAt(0).toUpperCase() + command.summary.slice(1))}.`, ...inside(command.description),
    ...also.length === 0 ? [] : ['.IP', roff(`Also: ${also.join(', ')}.`)],
    ...command.parameters.length === 0 ? [] : ['.RS', ...command.parameters.flatMap((parameter) => item(styled(term(parameter)), parameter.description)), '.RE'],
  ]
}

const list = (rows: readonly (readonly [string, string])[]): string[] => rows.flatMap(([head, text]) => item(bold(head), text))

/** The whole page. */
export function manPage (commands: readonly Command[], version: string): string {
  const lines = [
    `.TH NETWRIGHT 1 "" "netwright ${roff(version)}" "User Commands"`,
    '.nh', '.ad l',
    '.SH NAME', `netwright \\- ${roff(manual.summary.charAt(0).toLowerCase() + manual.summary.slice(1))}`,
    '.SH SYNOPSIS', ...manual.synopsis.flatMap(([words], index) => [...index === 0 ? [] : ['.br'], bold('netwright') + roff(words.replace(/^netwright/, ''))]),
    '.SH DESCRIPTION', ...paragraphs(manual.description),
    '.SH OPTIONS', ...globalParameters.flatMap((parameter) => item(styled(globalTerm(parameter).trim()), parameter.description)),
    '.SH COMMANDS', ...sections(commands).flatMap(({ group, members }) => [`.SS ${roff(group)}`, ...members.flatMap(verb)]),
    '.SH EXIT STATUS', ...list(manual.exitCodes),
    '.SH ENVIRONMENT', ...list(manual.environment),
    '.SH FILES', ...list(manual.files),
    '.SH EXAMPLES', '.nf', ...manual.examples.map(roff), '.fi',
    '.SH SEE ALSO', manual.seeAlso.map((page) => page.replace(/^(\w+)(\(\d\))$/, '\\fB$1\\fR$2')).join(',\n'),
  ]
  return `${lines.join('\n')}\n`
}
