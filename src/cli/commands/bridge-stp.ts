/** `brctl stp`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { bridgeParameter, onOff } from '../bridge-words.js'

export const command: Command = {
  name: 'bridge stp',
  group: 'Bridges and TAPs',
  summary: 'switch the spanning tree of a bridge on or off',
  description: 'With spanning tree on the kernel waits at least 2 seconds, twice, before a new port forwards.',
  parameters: [bridgeParameter, { kind: 'data', name: 'state', value: 'on|off', description: 'on or off' }],
  changes: 'bridge stp',
  run: async (values, context) => {
    const bridge = values.data('bridge')
    const on = onOff(values.data('state'))
    await attempt(`Failed to set STP of bridge ${bridge}`, {}, async () => { await (await context.host()).links.setStp(bridge, on, { signal: context.signal }) })
    context.data({ bridge, stp: on })
  },
}
