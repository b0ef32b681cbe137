/** The man page, from the descriptions of the verbs. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'man',
  group: 'Netwright itself',
  summary: 'print the man page, as roff',
  description: 'netwright man | man -l - shows it. The package brings it as a file.',
  parameters: [],
  run: async (_values, context) => {
    const [{ manPage }, { allCommands }, { version }] = await Promise.all([import('../man.js'), import('../commands.js'), import('../version.js')])
    context.print(manPage(allCommands, await version()))
  },
}
