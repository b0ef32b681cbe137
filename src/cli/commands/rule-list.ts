/** `netwright rule list`. */
import type { Command } from '../command.js'
import { listOf } from '../list-of.js'
import { ruleTable } from '../print/filter.js'

export const command: Command = {
  name: 'rule list',
  group: 'Between networks',
  summary: 'list rules, with what they have matched',
  description: 'Lists the rules of a network, or of all networks, in their order, with packets and bytes that matched since the network was started or the rule was added. Of a connection that a rule lets through, the answers are not counted.',
  parameters: [{ kind: 'text', name: 'network', names: 'network', description: 'network name or uuid' }],
  run: async (values, context) => {
    const rows = (await listOf(values, context, 'rules', async (network, options) => await network.rules.list(options))).map(({ network, item }) => ({ network, ...item }))
    if (context.json) context.data(rows)
    else context.print(ruleTable(rows, context.quiet))
  },
}
