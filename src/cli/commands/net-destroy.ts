/** `virsh net-destroy`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'
import { findNetwork, networkThat } from '../find-network.js'

export const command: Command = {
  name: 'net-destroy',
  group: 'Networks',
  summary: 'destroy (stop) a network',
  description: 'Takes a network down. The links of its ports stay and come back at the next start; those of a transient network, which is gone then, are removed.',
  parameters: [networkThat('active network')],
  changes: 'virNetworkDestroy',
  run: async (values, context) => {
    const name = values.data('network')
    const network = await findNetwork(context, name)
    const texts = { NETWRIGHT_INACTIVE: `Requested operation is not valid: network '${network.name}' is not active` }
    await attempt(`Failed to destroy network ${name}`, texts, async () => {
      const { persistent } = await network.info({ signal: context.signal })
      await (persistent ? network.stop({ signal: context.signal }) : network.destroy({ signal: context.signal }))
    })
    context.data({ name: network.name, uuid: network.uuid, change: 'destroyed' })
    context.extra(`Network ${escape(name)} destroyed\n`)
  },
}
