/** Bridges over the host's own NICs. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { table } from '../print/table.js'

export const command: Command = {
  name: 'host-bridge list',
  group: 'Bridges and TAPs',
  summary: 'list host bridges and their state',
  description: 'Those that host-bridge create has made, and those that are stored and do not stand (inactive). On trial: with the seconds that are left to confirm it.',
  parameters: [],
  run: async (_values, context) => {
    const found = await attempt('Failed to list host bridges', {}, async () => await (await context.host()).hostBridge.list({ signal: context.signal }))
    if (context.json) context.data(found)
    else context.print(table(['Name', 'Port', 'Uplinks', 'State'], found.map(({ name, port, uplinks, state, left }) => [name, port, uplinks.join(','), left === undefined ? state : `${state}, ${String(left)} s left`]), context.quiet))
  },
}
