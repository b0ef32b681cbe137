/** The inverse of `service install`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'service remove',
  group: 'Netwright itself',
  summary: 'bring no networks up at boot any more',
  description: 'Disables the unit and removes it. Networks, their definitions and what runs stay as they are.',
  parameters: [],
  changes: 'service remove',
  run: async (_values, context) => {
    const [{ unitPlace }, { remove }] = await Promise.all([import('../service/place.js'), import('../service/service.js')])
    const { removed, name } = await attempt('Failed to remove the service', {}, async () => {
      const place = unitPlace(context.given, context.environment)
      return { removed: await remove(place), name: place.name }
    })
    context.data({ name, removed })
    context.extra(`Service ${escape(name)} ${removed ? 'removed' : 'was not installed'}\n`)
  },
}
