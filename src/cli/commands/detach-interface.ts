/** `virsh detach-interface`. */
import type { DomainInterface } from '../../index.js'
import type { Command } from '../command.js'
import { attempt, Failure } from '../failure.js'
import { domainParameter, noDomain, qmpOf, qmpParameter, whenOf, whenParameters, withDomain } from '../find-domain.js'

const sentence = 'Failed to detach interface'

/** virsh's choice: by type, then by MAC where one is given, and none is taken where several could be meant. */
function choose (all: readonly DomainInterface[], type: string, mac: string | undefined): DomainInterface {
  const fail = (driver: string): Failure => new Failure({ sentence, driver })
  const candidates = all.filter((one) => one.type === type)
  if (candidates.length === 0) throw fail(`No interface found whose type is ${type}`)
  if (mac === undefined && candidates.length > 1) throw fail(`Domain has ${String(candidates.length)} interfaces. Please specify which one to detach using --mac`)
  const found = mac === undefined ? candidates[0] : candidates.find((one) => one.mac === mac.toLowerCase())
  if (found === undefined) throw fail(`No interface with MAC address ${mac ?? ''} was found`)
  return found
}

export const command: Command = {
  name: 'detach-interface',
  group: 'Guests',
  summary: 'detach network interface',
  description: 'Takes an interface of a guest away, with its TAP. One that was plugged into a QEMU that still runs is unplugged there first; where the guest does not let it go, it stays. With --config it is no longer kept for the next attach, either.',
  parameters: [
    domainParameter, { kind: 'data', name: 'type', value: 'network', description: 'network interface type: network' },
    { kind: 'text', name: 'mac', named: true, value: 'MAC', description: 'MAC address' }, qmpParameter, ...whenParameters,
  ],
  changes: 'virDomainDetachDeviceFlags',
  run: async (values, context) => {
    const name = values.data('domain')
    const when = whenOf(values)
    await withDomain(context, name, async (domain) => {
      const all = await attempt(sentence, { NETWRIGHT_NOT_FOUND: noDomain(name) }, async () => await domain.interfaces({ inactive: !when.live, signal: context.signal }))
      const { mac } = choose(all, values.data('type'), values.text('mac'))
      const gone = await attempt(sentence, {}, async () => await domain.detach({ mac }, { ...when, ...qmpOf(values), signal: context.signal }))
      context.data(gone)
    })
    context.extra('Interface detached successfully\n')
  },
}
