/** `netwright peer add`. */
import type { Command } from '../command.js'
import { changeNetwork, scopeParameters } from '../forward-words.js'
import { networkParameter } from '../find-network.js'
import { UsageError } from '../failure.js'

export const command: Command = {
  name: 'peer add',
  group: 'Between networks',
  summary: 'let guests of two networks talk',
  description: 'While both networks run, in whichever order they start, guests of the one reach guests of the other with their own addresses. One of the two networks need name the other, which need not be defined yet. Without --config and --live what runs and what is stored are changed.',
  parameters: [
    networkParameter,
    { kind: 'data', name: 'peer', names: 'network', description: 'name of the other network' },
    { kind: 'flag', name: 'one-way', description: 'only guests of the first network begin; they are answered' },
    { kind: 'text', name: 'direction', named: true, choices: ['both', 'out', 'in'], description: 'whose guests begin: both networks\', the first one\'s (out), the other one\'s (in)' },
    ...scopeParameters,
  ],
  changes: 'virNetworkUpdate',
  run: async (values, context) => {
    const [network, oneWay, named] = [values.data('peer'), values.flag('one-way'), values.text('direction')]
    if (oneWay && named !== undefined) throw new UsageError('Options --one-way and --direction are mutually exclusive')
    const direction = oneWay || named === 'out' ? 'out' : named === 'in' ? 'in' : 'both'
    await changeNetwork(values, context, async (own, options) => { await own.peers.add({ network, direction }, options); return { network: own.name, peer: network, direction } })
  },
}
