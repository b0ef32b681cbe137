/** Removes what a file names, as `kubectl delete -f`. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'delete',
  group: 'Definitions',
  summary: 'remove the networks and ports that a file names',
  description: 'Stops and undefines the networks that are named, with all their ports, and detaches the ports of other networks that are named. Whoever made them; what is gone already is no error.',
  parameters: [
    { kind: 'data', name: 'file', names: 'file', description: 'file or directory; - is standard input' },
    { kind: 'text', name: 'source', named: true, value: 'NAME', description: 'what the file is known by (default: its path)' },
  ],
  changes: 'virNetworkUndefine',
  run: async (values, context) => {
    const { carryOut } = await import('../desired/run.js')
    await carryOut(values, context, { verb: 'delete', prune: false })
  },
}
