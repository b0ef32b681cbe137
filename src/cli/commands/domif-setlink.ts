/** `virsh domif-setlink`. */
import type { Command } from '../command.js'
import { attempt, UsageError } from '../failure.js'
import { domainParameter, interfaceNotFound, interfaceParameter, withDomain } from '../find-domain.js'

export const command: Command = {
  name: 'domif-setlink',
  group: 'Guests',
  summary: 'set link state of a virtual interface',
  description: 'Connects an interface of a guest, or cuts it off, until its network is started again. A guest that was plugged in with --qmp sees the carrier come and go.',
  parameters: [
    domainParameter, interfaceParameter, { kind: 'data', name: 'state', value: 'up|down', description: 'new state of the device' },
    { kind: 'flag', name: 'config', description: 'for the next attach of that name, and not now' },
  ],
  changes: 'virDomainUpdateDeviceFlags',
  run: async (values, context) => {
    const [name, dev, state] = ['domain', 'interface', 'state'].map((word) => values.data(word))
    if (state !== 'up' && state !== 'down') throw new UsageError(`invalid link state '${state ?? ''}'`)
    await withDomain(context, name ?? '', async (domain) => {
      await attempt('Failed to update interface link state', interfaceNotFound(dev ?? ''), async () => { await domain.setLink(dev ?? '', state, { config: values.flag('config'), signal: context.signal }) })
    })
    context.data({ domain: name, interface: dev, link: state })
    context.extra('Device updated successfully\n')
  },
}
