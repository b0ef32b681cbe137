/** `virsh net-dhcp-leases`. */
import type { Command } from '../command.js'
import { attempt, Failure } from '../failure.js'
import { leaseTable } from '../print/leases.js'
import { findNetwork, networkThat } from '../find-network.js'

/** Lower case, two digits a byte; undefined where it is none. */
function canonical (mac: string): string | undefined {
  if (!/^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(mac)) return undefined
  return mac.toLowerCase().split(':').map((byte) => byte.padStart(2, '0')).join(':')
}

export const command: Command = {
  name: 'net-dhcp-leases',
  group: 'Networks',
  summary: 'print lease info for a given network',
  description: 'Lists the DHCP leases that are valid now, in local time; those of one guest with --mac.',
  parameters: [networkThat('active network'), { kind: 'text', name: 'mac', description: 'MAC address' }],
  run: async (values, context) => {
    const name = values.data('network')
    const given = values.text('mac')
    const mac = given === undefined ? undefined : canonical(given)
    const network = await findNetwork(context, name)
    const sentence = `Failed to get leases info for ${name}`
    if (given !== undefined && mac === undefined) throw new Failure({ sentence, driver: `invalid MAC address: ${given}` })
    const all = await attempt(sentence, {}, () => network.leases.list({ signal: context.signal }))
    const leases = mac === undefined ? all : all.filter((lease) => lease.mac === mac)
    if (context.json) context.data(leases)
    else context.print(leaseTable(leases, context.quiet))
  },
}
