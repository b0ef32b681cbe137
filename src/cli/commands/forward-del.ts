/** `netwright forward del`. */
import type { Command, Parameter } from '../command.js'
import { changeNetwork, forwardLine, forwardParameters, guestDescription, scopeParameters } from '../forward-words.js'

export const command: Command = {
  name: 'forward del',
  group: 'Port forwarding',
  summary: 'forward a port of the host no more',
  description: 'Takes the same words as forward add; the guest may be left out. Connections that came by the port are cut off.',
  parameters: [...forwardParameters.map((one): Parameter => one.name === 'host' ? { ...one, names: 'forward' } : one), { kind: 'text', name: 'guest', value: 'GUEST:PORT', description: guestDescription }, ...scopeParameters],
  changes: 'virNetworkUpdate',
  run: async (values, context) => {
    const line = forwardLine(values, values.text('guest'))
    await changeNetwork(values, context, async (network, options) => { await network.forwards.remove(line, options); return { network: network.name, forward: line, change: 'removed' } })
  },
}
