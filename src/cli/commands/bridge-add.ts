/** `brctl addbr`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'

export const command: Command = {
  name: 'bridge add',
  aliases: ['bridge addbr'],
  group: 'Bridges and TAPs',
  summary: 'make a bridge of no network',
  description: 'As brctl makes it: down, spanning tree off, a random MAC.',
  parameters: [{ kind: 'data', name: 'bridge', description: 'name of the new bridge' }],
  changes: 'bridge add',
  run: async (values, context) => {
    const name = values.data('bridge')
    await attempt(`Failed to add bridge ${name}`, {}, async () => { await (await context.host()).links.addBridge(name, { signal: context.signal }) })
    context.data({ bridge: name, change: 'added' })
  },
}
