/** `netwright forward list`. */
import type { Command } from '../command.js'
import { listOf } from '../list-of.js'
import { forwardTable } from '../print/forwards.js'

export const command: Command = {
  name: 'forward list',
  group: 'Port forwarding',
  summary: 'list the ports of the host that lead to guests',
  description: 'Lists the forwarded ports of a network, or of all networks: what runs (live), what is stored (config), or both.',
  parameters: [{ kind: 'text', name: 'network', names: 'network', description: 'network name or uuid' }],
  run: async (values, context) => {
    const found = (await listOf(values, context, 'forwards', async (network, options) => await network.forwards.list(options))).map(({ network, item }) => ({ network, ...item }))
    if (context.json) context.data(found)
    else context.print(forwardTable(found, context.quiet))
  },
}
