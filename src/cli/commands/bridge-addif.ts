/** `brctl addif`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { bridgeParameter, deviceParameter } from '../bridge-words.js'

export const command: Command = {
  name: 'bridge addif',
  group: 'Bridges and TAPs',
  summary: 'make a link a port of a bridge',
  description: 'The link must be a port of no bridge yet.',
  parameters: [bridgeParameter, deviceParameter],
  changes: 'bridge addif',
  run: async (values, context) => {
    const bridge = values.data('bridge')
    const device = values.data('device')
    await attempt(`Failed to add ${device} to bridge ${bridge}`, {}, async () => { await (await context.host()).links.addPort(bridge, device, { signal: context.signal }) })
    context.data({ bridge, device, change: 'added' })
  },
}
