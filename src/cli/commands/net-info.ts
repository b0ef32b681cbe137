/** `virsh net-info`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { networkInfo } from '../print/network.js'
import { findNetwork, networkParameter } from '../find-network.js'

export const command: Command = {
  name: 'net-info',
  group: 'Networks',
  summary: 'network information',
  description: 'Shows what is known about a network. With --json also its mode, addresses and number of ports.',
  parameters: [networkParameter],
  run: async (values, context) => {
    const network = await findNetwork(context, values.data('network'))
    const info = await attempt(undefined, {}, () => network.info({ signal: context.signal }))
    if (context.json) context.data(info)
    else context.print(networkInfo(info))
  },
}
