/** `virsh net-undefine`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'
import { findNetwork, networkThat } from '../find-network.js'

export const command: Command = {
  name: 'net-undefine',
  group: 'Networks',
  summary: 'undefine a persistent network',
  description: 'Forgets the stored definition. A network that runs goes on as a transient one.',
  parameters: [networkThat('persistent network')],
  changes: 'virNetworkUndefine',
  run: async (values, context) => {
    const name = values.data('network')
    const network = await findNetwork(context, name)
    const texts = { NETWRIGHT_TRANSIENT: "Requested operation is not valid: can't undefine transient network" }
    await attempt(`Failed to undefine network ${name}`, texts, () => network.undefine({ signal: context.signal }))
    context.data({ name: network.name, uuid: network.uuid, change: 'undefined' })
    context.extra(`Network ${escape(name)} has been undefined\n`)
  },
}
