/** `virsh net-start`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'
import { findNetwork, networkThat } from '../find-network.js'

export const command: Command = {
  name: 'net-start',
  group: 'Networks',
  summary: 'start a (previously defined) inactive network',
  description: 'Starts a network. It is ready for guests when the command ends: DHCP and DNS answer, the firewall stands. Warns of foreign firewall rules that will drop its traffic.',
  parameters: [networkThat('inactive network')],
  changes: 'virNetworkCreate',
  run: async (values, context) => {
    const name = values.data('network')
    const network = await findNetwork(context, name)
    const texts = { NETWRIGHT_ACTIVE: 'Requested operation is not valid: network is already active' }
    const report = await attempt(`Failed to start network ${name}`, texts, () => network.start({ signal: context.signal }))
    context.data(report)
    if (!context.json) for (const { message, remedy } of report.warnings) context.warn(message, remedy)
    context.extra(`Network ${escape(name)} started\n`)
  },
}
