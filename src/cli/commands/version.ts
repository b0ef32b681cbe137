/** `virsh version`, of this program. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'version',
  group: 'Netwright itself',
  summary: 'print the version',
  description: 'Prints the version of netwright.',
  parameters: [],
  run: async (_values, context) => {
    const { version } = await import('../version.js')
    const text = await version()
    if (context.json) context.data({ version: text })
    else context.print(`${text}\n`)
  },
}
