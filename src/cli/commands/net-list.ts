/** `virsh net-list`. */
import type { NetworkInfo } from '../../index.js'
import type { Command, Values } from '../command.js'
import { attempt, UsageError } from '../failure.js'
import { escape } from '../print/escape.js'
import { networkTable } from '../print/network.js'

/** Active ones unless `--all` or `--inactive`; a pair of opposites, both given, filters nothing. */
function wanted (network: NetworkInfo, values: Values): boolean {
  const pair = (yes: string, no: string, is: boolean): boolean => values.flag(yes) === values.flag(no) || values.flag(yes) === is
  const state = values.flag('all') || (values.flag('inactive') ? !network.active : network.active)
  return state && pair('persistent', 'transient', network.persistent) && pair('autostart', 'no-autostart', network.autostart)
}

export const command: Command = {
  name: 'net-list',
  group: 'Networks',
  summary: 'list networks',
  description: 'Lists the networks that run, or all of them.',
  parameters: [
    { kind: 'flag', name: 'inactive', description: 'list inactive networks' },
    { kind: 'flag', name: 'all', description: 'list inactive & active networks' },
    { kind: 'flag', name: 'persistent', description: 'list persistent networks' },
    { kind: 'flag', name: 'transient', description: 'list transient networks' },
    { kind: 'flag', name: 'autostart', description: 'list networks with autostart enabled' },
    { kind: 'flag', name: 'no-autostart', description: 'list networks with autostart disabled' },
    { kind: 'flag', name: 'uuid', description: 'list uuid\'s only' },
    { kind: 'flag', name: 'name', description: 'list network names only' },
    { kind: 'flag', name: 'table', description: 'list table (default)' },
  ],
  run: async (values, context) => {
    if (['table', 'name', 'uuid'].filter((flag) => values.flag(flag)).length > 1) throw new UsageError('Only one argument from --table, --name and --uuid may be specified.')
    const all = await attempt('Failed to list networks', {}, async () => await context.networks())
    const networks = all.filter((network) => wanted(network, values))
    if (context.json) context.data(networks)
    else if (values.flag('name')) context.print(networks.map((network) => `${escape(network.name)}\n`).join(''))
    else if (values.flag('uuid')) context.print(networks.map((network) => `${network.uuid}\n`).join(''))
    else context.print(networkTable(networks, context.quiet))
  },
}
