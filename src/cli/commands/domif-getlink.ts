/** `virsh domif-getlink`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { domainParameter, interfaceNotFound, interfaceParameter, withDomain } from '../find-domain.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'domif-getlink',
  group: 'Guests',
  summary: 'get link state of a virtual interface',
  description: 'Says whether an interface of a guest is connected.',
  parameters: [domainParameter, interfaceParameter, { kind: 'flag', name: 'config', description: 'as it is kept for the next attach of that name' }],
  run: async (values, context) => {
    const dev = values.data('interface')
    const link = await withDomain(context, values.data('domain'), async (domain) =>
      await attempt('Failed to get interface link state', interfaceNotFound(dev), async () => await domain.link(dev, { inactive: values.flag('config'), signal: context.signal })))
    context.data({ interface: dev, link })
    if (!context.json) context.print(`${escape(dev)} ${link}\n`)
  },
}
