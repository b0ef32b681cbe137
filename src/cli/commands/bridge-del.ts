/** `brctl delbr`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { bridgeParameter } from '../bridge-words.js'

export const command: Command = {
  name: 'bridge del',
  aliases: ['bridge delbr'],
  group: 'Bridges and TAPs',
  summary: 'delete a bridge of no network',
  description: 'Refuses a bridge that is up, as brctl does, or that belongs to a network.',
  parameters: [bridgeParameter],
  changes: 'bridge del',
  run: async (values, context) => {
    const name = values.data('bridge')
    await attempt(`Failed to delete bridge ${name}`, {}, async () => { await (await context.host()).links.deleteBridge(name, { signal: context.signal }) })
    context.data({ bridge: name, change: 'deleted' })
  },
}
