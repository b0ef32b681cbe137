/** `virsh net-dumpxml`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { findNetwork, networkParameter } from '../find-network.js'

export const command: Command = {
  name: 'net-dumpxml',
  group: 'Networks',
  summary: 'network information in XML',
  description: 'Prints the definition: the live one of a network that runs, else the stored one. With --json the same as JSON.',
  parameters: [networkParameter, { kind: 'flag', name: 'inactive', description: 'show inactive defined XML' }],
  run: async (values, context) => {
    const network = await findNetwork(context, values.data('network'))
    const options = { signal: context.signal, inactive: values.flag('inactive') }
    if (context.json) context.data(await attempt(undefined, {}, () => network.spec(options)))
    else context.print(await attempt(undefined, {}, () => network.xml(options)))
  },
}
