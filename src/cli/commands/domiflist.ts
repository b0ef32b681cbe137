/** `virsh domiflist`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { domainParameter, noDomain, withDomain } from '../find-domain.js'
import { interfaceTable } from '../print/domain.js'

export const command: Command = {
  name: 'domiflist',
  group: 'Guests',
  summary: 'list all domain virtual interfaces',
  description: 'Lists the interfaces of a guest: those that it has, or those that are kept for its next attach.',
  parameters: [domainParameter, { kind: 'flag', name: 'inactive', description: 'what is kept, even if the guest has interfaces now' }],
  run: async (values, context) => {
    const name = values.data('domain')
    const all = await withDomain(context, name, async (domain) =>
      await attempt(`failed to get domain '${name}'`, { NETWRIGHT_NOT_FOUND: noDomain(name) }, async () => await domain.interfaces({ inactive: values.flag('inactive'), signal: context.signal })))
    if (context.json) context.data(all)
    else context.print(interfaceTable(all, context.quiet))
  },
}
