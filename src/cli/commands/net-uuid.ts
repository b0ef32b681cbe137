/** `virsh net-uuid`. */
import type { Command } from '../command.js'
import { findNetwork } from '../find-network.js'

export const command: Command = {
  name: 'net-uuid',
  group: 'Networks',
  summary: 'convert a network name to network UUID',
  description: 'Prints the uuid of the network with this name.',
  parameters: [{ kind: 'data', name: 'network', names: 'network', description: 'network name' }],
  run: async (values, context) => {
    const network = await findNetwork(context, values.data('network'))
    if (context.json) context.data({ name: network.name, uuid: network.uuid })
    else context.print(`${network.uuid}\n`)
  },
}
