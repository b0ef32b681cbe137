/** `virsh net-event --loop`, and more: everything that happens to this owner's networks. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { eventText } from '../print/events.js'

export const command: Command = {
  name: 'events',
  group: 'This host',
  summary: 'print what happens, until SIGINT',
  description: 'A snapshot first, then networks, ports, leases and links as they change, a line each; with --json a JSON value a line. `resync` means that some changes were lost and shows what stands now.',
  parameters: [],
  watches: true,
  run: async (_values, context) => {
    const signal = AbortSignal.any([context.signal, context.unread])
    try {
      await attempt(undefined, {}, async () => {
        for await (const event of (await context.host()).events({ signal })) {
          if (context.json) context.data(event)
          else context.print(eventText(event))
        }
      })
    } catch (error) {
      if (!signal.aborted) throw error // ended on request, by a signal or by a reader that went away
    }
  },
}
