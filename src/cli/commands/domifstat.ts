/** `virsh domifstat`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { domainParameter, interfaceParameter, withDomain } from '../find-domain.js'
import { interfaceStatistics } from '../print/domain.js'

export const command: Command = {
  name: 'domifstat',
  group: 'Guests',
  summary: 'get network interface stats for a domain',
  description: 'Prints what an interface of a guest has carried, as the guest counts it: what it received was sent by the host.',
  parameters: [domainParameter, interfaceParameter],
  run: async (values, context) => {
    const [name, dev] = [values.data('domain'), values.data('interface')]
    const counted = await withDomain(context, name, async (domain) => await attempt(`Failed to get interface stats ${name} ${dev}`, {}, async () => await domain.statistics(dev, { signal: context.signal })))
    if (context.json) context.data(counted)
    else context.print(interfaceStatistics(counted.dev, counted))
  },
}
