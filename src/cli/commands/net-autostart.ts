/** `virsh net-autostart`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'
import { findNetwork, networkThat } from '../find-network.js'

export const command: Command = {
  name: 'net-autostart',
  group: 'Networks',
  summary: 'autostart a network',
  description: 'Marks a network to be started by `netwright autostart-all`, which a service runs at boot; --disable takes the mark away.',
  parameters: [networkThat('persistent network'), { kind: 'flag', name: 'disable', description: 'disable autostarting' }],
  changes: 'virNetworkSetAutostart',
  run: async (values, context) => {
    const name = values.data('network')
    const on = !values.flag('disable')
    const network = await findNetwork(context, name)
    const texts = { NETWRIGHT_TRANSIENT: 'Requested operation is not valid: cannot set autostart for transient network' }
    await attempt(`failed to ${on ? 'mark' : 'unmark'} network ${name} as autostarted`, texts, () => network.setAutostart(on, { signal: context.signal }))
    context.data({ name: network.name, uuid: network.uuid, autostart: on })
    context.extra(`Network ${escape(name)} ${on ? 'marked' : 'unmarked'} as autostarted\n`)
  },
}
