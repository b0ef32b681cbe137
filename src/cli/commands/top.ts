/** What networks and ports carry, live. */
import type { Command } from '../command.js'
import { attempt, UsageError } from '../failure.js'

const LONGEST = 3600
const SHORTEST = 0.1

function secondsOf (text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (seconds >= SHORTEST && seconds <= LONGEST) return seconds
  throw new UsageError(`--interval is ${String(SHORTEST)} to ${String(LONGEST)} seconds, not '${text}'`)
}

export const command: Command = {
  name: 'top',
  group: 'This host',
  summary: 'show rates, drops, leases and events live',
  description: 'Shows what each running network and its ports carry, as their guests see it (in: to the guest), what was dropped since the last look, how many leases there are, and what happens. A network\'s row is its bridge: what passes between its guests and the host; guests among themselves show at their ports.\n\nOn a terminal it takes the whole screen: q or ^C ends it, the arrow keys, Page Up and Page Down scroll, p hides the ports, s sorts by name, traffic or drops. Elsewhere it prints lines each time, with --json a JSON value a line.',
  parameters: [
    { kind: 'text', name: 'interval', value: 'SECONDS', named: true, description: 'between two looks; default 2' },
    { kind: 'flag', name: 'once', description: 'one measurement over an interval, as lines, and end' },
  ],
  watches: true,
  run: async (values, context) => {
    const interval = secondsOf(values.text('interval') ?? '2')
    const { top } = await import('../top/run.js')
    await attempt('Failed to look at what networks carry', {}, async () => { await top(await context.host(), context, { interval, once: values.flag('once') }) })
  },
}
