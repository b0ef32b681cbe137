/** `netwright peer list`. */
import type { Command } from '../command.js'
import { listOf } from '../list-of.js'
import { peerTable } from '../print/filter.js'

export const command: Command = {
  name: 'peer list',
  group: 'Between networks',
  summary: 'list which networks\' guests talk',
  description: 'Lists the peers of a network, or of all networks: those that it names, and those that name it.',
  parameters: [{ kind: 'text', name: 'network', names: 'network', description: 'network name or uuid' }],
  run: async (values, context) => {
    const found = await listOf(values, context, 'peers', async (network, options) => await network.peers.list(options))
    // Each pair once where all networks are listed.
    const shown = values.text('network') === undefined ? found.filter(({ item, network }) => item.by === network) : found
    const rows = shown.map(({ network, item: { network: peer, ...rest } }) => ({ network, peer, ...rest }))
    if (context.json) context.data(rows)
    else context.print(peerTable(rows, context.quiet))
  },
}
