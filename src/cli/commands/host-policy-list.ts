/** `netwright host-policy list`. */
import type { Command } from '../command.js'
import { listOf } from '../list-of.js'
import { policyTable } from '../print/filter.js'

export const command: Command = {
  name: 'host-policy list',
  group: 'Between networks',
  summary: 'list which of the host\'s services guests reach',
  description: 'Lists the policy of a network towards the host, or those of all networks: allow, or deny with what guests reach all the same.',
  parameters: [{ kind: 'text', name: 'network', names: 'network', description: 'network name or uuid' }],
  run: async (values, context) => {
    const rows = (await listOf(values, context, 'policies', async (network, options) => await network.hostPolicy.list(options))).map(({ network, item }) => ({ network, ...item }))
    if (context.json) context.data(rows)
    else context.print(policyTable(rows, context.quiet))
  },
}
