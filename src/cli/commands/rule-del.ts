/** `netwright rule del`. */
import type { Command } from '../command.js'
import { networkParameter } from '../find-network.js'
import { changeNetwork, scopeParameters } from '../forward-words.js'

export const command: Command = {
  name: 'rule del',
  group: 'Between networks',
  summary: 'take a rule away',
  description: 'By the same words as rule add, or by its number in rule list. Connections that nothing else allows are cut off.',
  parameters: [networkParameter, ...scopeParameters, { kind: 'rest', name: 'rule', description: 'the rule, or its number' }],
  changes: 'virNetworkUpdate',
  run: async (values, context) => {
    const words = values.rest('rule').join(' ')
    await changeNetwork(values, context, async (network, options) => {
      await network.rules.remove(/^\d{1,5}$/.test(words) ? Number(words) : words, options)
      return { network: network.name, rule: words, change: 'removed' }
    })
  },
}
