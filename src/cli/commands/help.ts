/** `virsh help`. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'help',
  group: 'Netwright itself',
  summary: 'list the verbs, or explain one',
  description: 'Without a word lists all verbs; with a verb explains it; with the first word of several, such as bridge, lists those.',
  parameters: [{ kind: 'rest', name: 'verb', names: 'verb', description: 'the verb' }],
  run: async (values, context) => {
    const [{ allCommands, familyCommands, findCommand }, { commandHelp, familyHelp, generalHelp }] = await Promise.all([import('../commands.js'), import('../help.js')])
    const words = values.rest('verb').flatMap((word) => word.split(' '))
    const family = words.length === 1 ? familyCommands(words[0] ?? '') : []
    context.print(words.length === 0 ? generalHelp(allCommands) : family.length > 0 ? familyHelp(family) : commandHelp(findCommand(words).command))
  },
}
