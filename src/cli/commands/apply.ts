/** Makes what a file says, as `kubectl apply`. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'apply',
  group: 'Definitions',
  summary: 'make networks and ports as a file says, and change what differs',
  description: 'All of it or nothing. What is there already stays as it is; what differs is changed while it runs where the kernel allows it. A second time nothing is done. JSON, YAML or XML with any number of networks and ports; a directory means all its *.json, *.yaml, *.yml and *.xml. --prune removes what was made from the same file and is not in it any more, nothing else.',
  parameters: [
    { kind: 'data', name: 'file', names: 'file', description: 'file or directory; - is standard input' },
    { kind: 'flag', name: 'prune', description: 'remove what was made from this file and is not in it any more' },
    { kind: 'text', name: 'source', named: true, value: 'NAME', description: 'what the file is known by (default: its path)' },
  ],
  changes: 'virNetworkDefineXML',
  run: async (values, context) => {
    const { carryOut } = await import('../desired/run.js')
    await carryOut(values, context, { verb: 'apply', prune: values.flag('prune') })
  },
}
