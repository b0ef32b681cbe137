/** `virsh net-create`. */
import type { Command } from '../command.js'
import { attempt, operationFailed } from '../failure.js'
import { escape } from '../print/escape.js'

const texts = { NETWRIGHT_EXISTS: operationFailed, NETWRIGHT_ACTIVE: (message: string) => `Requested operation is not valid: ${message}` }

export const command: Command = {
  name: 'net-create',
  group: 'Networks',
  summary: 'create a network from a file',
  description: 'Makes and starts a transient network: it is gone when it stops.',
  parameters: [
    { kind: 'data', name: 'file', names: 'file', description: 'file with the definition; - is standard input' },
    { kind: 'flag', name: 'validate', description: 'accepted: definitions are always checked' },
  ],
  changes: 'virNetworkCreateXML',
  run: async (values, context) => {
    const file = values.data('file')
    const text = await context.read(file)
    const network = await attempt(`Failed to create network from ${file}`, texts, async () => await (await context.host()).create(text, { signal: context.signal }))
    if (context.json) context.data(await network.info({ signal: context.signal }))
    context.extra(`Network ${escape(network.name)} created from ${escape(file)}\n`)
  },
}
