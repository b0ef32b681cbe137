/** `brctl show`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { bridgeTable } from '../print/bridges.js'

export const command: Command = {
  name: 'bridge show',
  group: 'Bridges and TAPs',
  summary: 'list bridges and their ports, as brctl does',
  description: 'All bridges of this namespace, of networks and of nobody, or the one named.',
  parameters: [{ kind: 'text', name: 'bridge', names: 'bridge', description: 'name of the bridge' }],
  run: async (values, context) => {
    const bridges = await attempt('Failed to list bridges', {}, async () => await (await context.host()).links.bridges(values.text('bridge'), { signal: context.signal }))
    if (context.json) context.data(bridges)
    else context.print(bridgeTable(bridges, context.quiet))
  },
}
