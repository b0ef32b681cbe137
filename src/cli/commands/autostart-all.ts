/** What libvirtd does when it starts: networks marked for autostart come up. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'autostart-all',
  group: 'Networks',
  summary: 'start every network marked with net-autostart',
  description: 'Starts the networks marked for autostart that do not run yet. A service runs this at boot.',
  parameters: [],
  changes: 'virNetworkCreate',
  run: async (_values, context) => {
    const reports = await attempt('Failed to start the networks marked for autostart', {}, async () => await (await context.host()).autostart({ signal: context.signal }))
    context.data(reports)
    for (const report of reports) {
      if (!context.json) for (const { message, remedy } of report.warnings) context.warn(`${report.name}: ${message}`, remedy)
      context.extra(`Network ${escape(report.name)} started\n`)
    }
  },
}
