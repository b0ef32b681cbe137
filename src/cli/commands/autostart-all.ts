/** What libvirtd does when it starts: networks marked for autostart come up. */
import type { StartReport } from '../../index.js'
import type { Command, Context } from '../command.js'
import { attempt, Failure } from '../failure.js'
import { escape } from '../print/escape.js'

function tell (reports: readonly StartReport[], context: Context): void {
  context.data(reports)
  for (const report of reports) {
    if (!context.json) for (const { message, remedy } of report.warnings) context.warn(`${report.name}: ${message}`, remedy)
    context.extra(`Network ${escape(report.name)} started\n`)
  }
}

export const command: Command = {
  name: 'autostart-all',
  group: 'Networks',
  summary: 'start every network marked with net-autostart',
  description: 'Makes the host bridges that are kept, and starts the networks marked for autostart that do not run yet, all in one batch. One that cannot be started keeps no other down: it is named, and the exit code is 1. ' +
    'The service runs this at boot with --once: what somebody has stopped since is not started again; where something failed, it may be tried again.',
  parameters: [{ kind: 'flag', name: 'once', description: 'do nothing where it was done since the machine was booted' }],
  changes: 'virNetworkCreate',
  run: async (values, context) => {
    let failed = false
    const reports = await attempt('Failed to start the networks marked for autostart', {}, async () => await (await context.host()).autostart({
      signal: context.signal,
      once: values.flag('once'),
      failed: ({ kind, name, error }) => {
        failed = true
        context.complain(new Failure({ sentence: kind === 'network' ? `Failed to start network ${name}` : `Failed to make host bridge ${name}` }, error))
      },
    }))
    tell(reports, context)
    return !failed
  },
}
