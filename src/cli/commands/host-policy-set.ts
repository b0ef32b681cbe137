/** `netwright host-policy set`. */
import type { Command } from '../command.js'
import { UsageError } from '../failure.js'
import { networkParameter } from '../find-network.js'
import { changeNetwork, scopeParameters } from '../forward-words.js'

export const command: Command = {
  name: 'host-policy set',
  group: 'Between networks',
  summary: 'say which of the host\'s services guests reach',
  description: 'With allow the host\'s own rules decide. With deny guests reach DHCP and DNS of their network, what answers them, and what is listed: --icmp, and services such as tcp/22, udp/5000-5010 or esp. It takes the place of what was said before. Without --config and --live what runs and what is stored are changed.',
  parameters: [
    networkParameter,
    { kind: 'data', name: 'access', choices: ['allow', 'deny'], description: 'allow or deny' },
    { kind: 'flag', name: 'icmp', description: 'with deny: the host answers to ping' },
    ...scopeParameters,
    { kind: 'rest', name: 'service', description: 'with deny: PROTO[/PORT[-END],...] that guests reach' },
  ],
  changes: 'virNetworkUpdate',
  run: async (values, context) => {
    const [access, icmp, allow] = [values.data('access'), values.flag('icmp'), values.rest('service')]
    if (access !== 'allow' && access !== 'deny') throw new UsageError(`'${access}' is neither allow nor deny`)
    if (access === 'allow' && (icmp || allow.length > 0)) throw new UsageError('what guests reach is listed with deny only')
    const policy = { access, ...icmp ? { icmp } : {}, ...allow.length === 0 ? {} : { allow } } as const
    await changeNetwork(values, context, async (network, options) => { await network.hostPolicy.set(policy, options); return { network: network.name, ...policy } })
  },
}
