/** `virsh domifaddr`. */
import type { Command } from '../command.js'
import { attempt, Failure } from '../failure.js'
import { domainParameter, noDomain, withDomain } from '../find-domain.js'
import { addressHeader, addressLines } from '../print/domain.js'

export const command: Command = {
  name: 'domifaddr',
  group: 'Guests',
  summary: 'get network interfaces\' addresses for a running domain',
  description: 'Lists the addresses that a guest has leases for. What it has given itself is not known here.',
  parameters: [
    domainParameter, { kind: 'text', name: 'interface', named: true, description: 'network interface name' },
    { kind: 'flag', name: 'full', description: 'always display names and MACs of interfaces' },
    { kind: 'text', name: 'source', named: true, choices: ['lease', 'arp', 'agent'], description: 'address source: lease (default)' },
  ],
  run: async (values, context) => {
    const [name, dev, source = 'lease'] = [values.data('domain'), values.text('interface'), values.text('source')]
    const sentence = 'Failed to query for interfaces addresses'
    if (source !== 'lease') throw new Failure({ sentence, driver: `source '${source}' is not supported: only leases are known` })
    const all = await withDomain(context, name, async (domain) => await attempt(sentence, { NETWRIGHT_NOT_FOUND: noDomain(name) }, async () => await domain.addresses({ signal: context.signal })))
    const addresses = all.filter((one) => dev === undefined || one.dev === dev)
    if (context.json) context.data(addresses)
    else { context.extra(addressHeader); context.print(addressLines(addresses, values.flag('full'))) }
  },
}
