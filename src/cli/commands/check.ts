/** `lsmod | grep bridge`, `virt-host-validate`: what this host can do, and whether it could start a network. */
import type { CheckLine } from '../../index.js'
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'

/** A line a check, laid out as virt-host-validate's; a remedy below what failed. */
export function checkText (lines: readonly CheckLine[]): string {
  const wide = Math.max(0, ...lines.map((line) => line.what.length))
  return lines.map(({ what, ok, detail, remedy }) => {
    const first = `${escape(what).padEnd(wide)} : ${ok ? 'PASS' : 'FAIL'}${detail === '' ? '' : ` (${escape(detail)})`}\n`
    return ok || remedy === undefined ? first : `${first}${' '.repeat(wide)}   remedy: ${escape(remedy)}\n`
  }).join('')
}

export const command: Command = {
  name: 'check',
  group: 'This host',
  summary: 'say what this host can and cannot do',
  description: 'Looks at permissions, kernel and dnsmasq and changes nothing; with a file also whether that network could start now. Exit code 1 where something is missing.',
  parameters: [{ kind: 'text', name: 'file', names: 'file', description: 'definition of a network; - is standard input' }],
  run: async (values, context) => {
    const file = values.text('file')
    const definition = file === undefined ? undefined : await context.read(file)
    const sentence = file === undefined ? undefined : `Failed to check network from ${file}`
    const lines = await attempt(sentence, {}, async () => await (await context.host()).check(definition, { signal: context.signal }))
    if (context.json) context.data(lines)
    else context.print(checkText(lines))
    return lines.every((line) => line.ok)
  },
}
