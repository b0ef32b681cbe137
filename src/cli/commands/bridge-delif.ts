/** `brctl delif`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { bridgeParameter, deviceParameter } from '../bridge-words.js'

export const command: Command = {
  name: 'bridge delif',
  group: 'Bridges and TAPs',
  summary: 'take a port out of a bridge',
  description: 'The link itself stays.',
  parameters: [bridgeParameter, deviceParameter],
  changes: 'bridge delif',
  run: async (values, context) => {
    const bridge = values.data('bridge')
    const device = values.data('device')
    await attempt(`Failed to remove ${device} from bridge ${bridge}`, {}, async () => { await (await context.host()).links.removePort(bridge, device, { signal: context.signal }) })
    context.data({ bridge, device, change: 'removed' })
  },
}
