/** `netwright peer del`. */
import type { Command } from '../command.js'
import { networkParameter } from '../find-network.js'
import { changeNetwork, scopeParameters } from '../forward-words.js'

export const command: Command = {
  name: 'peer del',
  group: 'Between networks',
  summary: 'let guests of two networks talk no more',
  description: 'Takes the other network out of the first one\'s peers; connections between them are cut off. Where the other network names this one, they talk still: peer list shows who says it.',
  parameters: [networkParameter, { kind: 'data', name: 'peer', names: 'network', description: 'name of the other network' }, ...scopeParameters],
  changes: 'virNetworkUpdate',
  run: async (values, context) => {
    const peer = values.data('peer')
    await changeNetwork(values, context, async (own, options) => { await own.peers.remove(peer, options); return { network: own.name, peer, change: 'removed' } })
  },
}
