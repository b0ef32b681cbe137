/** `brctl setfd`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { bridgeParameter, seconds } from '../bridge-words.js'

export const command: Command = {
  name: 'bridge setfd',
  group: 'Bridges and TAPs',
  summary: 'set the forward delay of a bridge',
  description: 'How long a new port listens, and then learns, before it forwards. With spanning tree on: 2 to 30 seconds.',
  parameters: [bridgeParameter, { kind: 'data', name: 'time', value: 'seconds', description: 'seconds' }],
  changes: 'bridge setfd',
  run: async (values, context) => {
    const bridge = values.data('bridge')
    const delay = seconds(values.data('time'))
    await attempt(`Failed to set the forward delay of bridge ${bridge}`, {}, async () => { await (await context.host()).links.setForwardDelay(bridge, delay, { signal: context.signal }) })
    context.data({ bridge, forwardDelay: delay })
  },
}
