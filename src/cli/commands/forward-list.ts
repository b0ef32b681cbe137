/** `netwright forward list`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { findNetwork } from '../find-network.js'
import { forwardTable } from '../print/forwards.js'

export const command: Command = {
  name: 'forward list',
  group: 'Port forwarding',
  summary: 'list the ports of the host that lead to guests',
  description: 'Lists the forwarded ports of a network, or of all networks: what runs (live), what is stored (config), or both.',
  parameters: [{ kind: 'text', name: 'network', names: 'network', description: 'network name or uuid' }],
  run: async (values, context) => {
    const one = values.text('network')
    const names = one === undefined ? (await attempt('Failed to list networks', {}, async () => await context.networks())).map(({ name }) => name) : [one]
    const found = []
    for (const name of names) {
      const network = await findNetwork(context, name)
      const forwards = await attempt(`Failed to list forwards of network ${name}`, {}, async () => await network.forwards.list({ signal: context.signal }))
      found.push(...forwards.map((forward) => ({ network: network.name, ...forward })))
    }
    if (context.json) context.data(found)
    else context.print(forwardTable(found, context.quiet))
  },
}
