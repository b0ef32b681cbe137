/** `virsh net-name`. */
import type { Command } from '../command.js'
import { Failure } from '../failure.js'
import { escape } from '../print/escape.js'
import { findNetwork } from '../find-network.js'

export const command: Command = {
  name: 'net-name',
  group: 'Networks',
  summary: 'convert a network UUID to network name',
  description: 'Prints the name of the network with this uuid.',
  parameters: [{ kind: 'data', name: 'network', names: 'uuid', description: 'network uuid' }],
  run: async (values, context) => {
    const uuid = values.data('network')
    const network = await findNetwork(context, uuid)
    if (network.uuid !== uuid.toLowerCase()) throw new Failure({ sentence: `failed to get network '${uuid}'`, driver: `Network not found: no network with matching uuid '${uuid}'` })
    if (context.json) context.data({ name: network.name, uuid: network.uuid })
    else context.print(`${escape(network.name)}\n`)
  },
}
