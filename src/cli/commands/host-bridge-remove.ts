/** The inverse of host-bridge create. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { confirmSeconds, decide, hostBridgeParameter } from '../host-bridge-words.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'host-bridge remove',
  group: 'Bridges and TAPs',
  summary: 'give all back to the NIC, delete the bridge',
  description: 'Moves addresses, routes, neighbours and gateways of the bridge to the link that is its port, in one go, and deletes the bridge.\nTaken back if a gateway or the ssh connection you came by does not answer, and with --confirm unless it is confirmed in time.\nRefused while guests are attached to the bridge. A bond or VLAN that was made for it and then has the addresses stays.',
  parameters: [
    hostBridgeParameter,
    { kind: 'text', name: 'confirm', value: 'SECONDS', named: true, description: 'take it back unless confirmed by then (default 0: keep it as soon as gateways and ssh answer)' },
    { kind: 'flag', name: 'no-probe', description: 'do not ask gateways and ssh' },
  ],
  changes: 'host-bridge remove',
  run: async (values, context) => {
    const name = values.data('bridge')
    const confirmWithin = confirmSeconds(values.text('confirm'), 0)
    await attempt(`Failed to remove host bridge ${name}`, {}, async () => {
      const trial = await (await context.host()).hostBridge.remove(name, { confirmWithin, signal: context.signal, ...values.flag('no-probe') ? { probe: 'none' as const } : {} })
      await decide(trial, context)
      context.data({ name, state: 'removed', movedInMs: trial.movedInMs })
      context.extra(`Host bridge ${escape(name)} removed\n`)
    })
  },
}
