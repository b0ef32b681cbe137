/** `netwright forward add`. */
import { hostWords } from '../../index.js'
import type { Command } from '../command.js'
import { changeNetwork, forwardLine, forwardParameters, guestDescription, scopeParameters } from '../forward-words.js'

export const command: Command = {
  name: 'forward add',
  group: 'Port forwarding',
  summary: 'forward a port of the host to a guest',
  description: 'From outside, from the host itself (127.0.0.1 too) and from guests of the same network, the port of the host leads to the guest, which sees the caller\'s own address. Without --config and --live what runs and what is stored are changed.',
  parameters: [
    ...forwardParameters,
    { kind: 'data', name: 'guest', value: 'GUEST:PORT', description: guestDescription },
    { kind: 'flag', name: 'networks', description: 'guests of other networks may use it too' },
    ...scopeParameters,
  ],
  changes: 'virNetworkUpdate',
  run: async (values, context) => {
    const [host, guest, networks] = [values.data('host'), values.data('guest'), values.flag('networks')]
    const line = forwardLine(values, guest)
    await changeNetwork(values, context, async (network, options) => {
      const made = await network.forwards.add(networks ? { host, guest, networks, ...protoOf(host) } : line, options)
      if (host.includes('auto') && !context.json) context.print(`${hostWords(made)}\n`)
      return made
    })
  },
}

function protoOf (host: string): { readonly proto: 'tcp' | 'udp' | 'sctp' } {
  const proto = host.slice(host.lastIndexOf('/') + 1)
  return { proto: proto === 'udp' || proto === 'sctp' ? proto : 'tcp' }
}
