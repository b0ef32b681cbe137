/** Whether networks come up at boot. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'service status',
  group: 'Netwright itself',
  summary: 'say whether networks come up at boot, and which',
  description: 'Shows the unit, whether it is enabled, its state where systemd runs, and the networks marked for autostart. Exit code 1 where it is not installed or not enabled.',
  parameters: [],
  run: async (_values, context) => {
    const [{ unitPlace }, { status }] = await Promise.all([import('../service/place.js'), import('../service/service.js')])
    const found = await attempt('Failed to look at the service', {}, async () => {
      const marked = (await context.networks()).filter(({ autostart }) => autostart).map(({ name }) => name)
      return await status(unitPlace(context.given, context.environment), marked)
    })
    if (context.json) context.data(found)
    else {
      const yes = (is: boolean): string => is ? 'yes' : 'no'
      const rows = [['Unit:', found.unit], ['Installed:', yes(found.installed)], ['Enabled:', yes(found.enabled)], ['State:', found.state ?? '-'], ['Autostart:', found.autostart.length === 0 ? '-' : found.autostart.join(', ')]]
      context.print(rows.map(([name = '', value = '']) => `${name.padEnd(15)} ${escape(value)}\n`).join(''))
    }
    return found.installed && found.enabled
  },
}
