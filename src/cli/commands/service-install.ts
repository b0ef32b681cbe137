/** Makes systemd bring networks up at boot. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'service install',
  group: 'Netwright itself',
  summary: 'bring networks marked for autostart up at boot',
  description: 'Writes and enables a unit of systemd that runs `netwright autostart-all --once` at boot, hardened, and defines the network default (192.168.122.0/24 on virbr0, or where another network has that, on the next free bridge) ' +
    'where there is none of that name; it is not started, nor marked for autostart. A second time changes what differs. ' +
    'Stopping the unit stops no network. With --root all files are laid below that directory, for a system that will be booted from there.',
  parameters: [{ kind: 'text', name: 'program', named: true, value: 'PATH', names: 'file', description: 'the program that the unit runs (default: this one)' }],
  changes: 'service install',
  run: async (values, context) => {
    const [{ unitPlace }, { install }] = await Promise.all([import('../service/place.js'), import('../service/service.js')])
    const done = await attempt('Failed to install the service', {}, async () => {
      const place = unitPlace(context.given, context.environment)
      return { ...await install(place, { host: () => context.host(), signal: context.signal, program: values.text('program') }), name: place.name }
    })
    context.data(done)
    if (done.defined) context.extra('Network default defined\n')
    context.extra(`Service ${escape(done.name)} ${done.written ? 'written to' : 'is up to date in'} ${escape(done.unit)}\n`)
    context.extra(`Service ${escape(done.name)} ${done.enabled ? 'enabled: it runs at the next boot' : 'was enabled already'}\n`)
  },
}
