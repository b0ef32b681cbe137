/** Keeps a host bridge that is on trial. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { hostBridgeParameter } from '../host-bridge-words.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'host-bridge confirm',
  group: 'Bridges and TAPs',
  summary: 'keep a host bridge that is on trial',
  description: 'Keeps what host-bridge create or host-bridge remove has changed. Run it from a new connection: if you can, the change has not locked you out.\nWhat is kept is made again by autostart-all, which the service runs at boot.',
  parameters: [hostBridgeParameter],
  changes: 'host-bridge confirm',
  run: async (values, context) => {
    const name = values.data('bridge')
    await attempt(`Failed to confirm host bridge ${name}`, {}, async () => { await (await context.host()).hostBridge.confirm(name, { signal: context.signal }) })
    context.data({ name, state: 'kept' })
    context.extra(`Host bridge ${escape(name)} confirmed\n`)
  },
}
