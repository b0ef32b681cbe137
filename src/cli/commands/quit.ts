/** `virsh quit`. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'quit',
  aliases: ['exit'],
  group: 'Netwright itself',
  summary: 'leave the interactive shell',
  description: 'Ends the interactive shell; on standard input no later line is read. What runs goes on running.',
  parameters: [],
  run: (_values, context) => {
    context.leave()
    return Promise.resolve()
  },
}
