/** `virsh net-define`. */
import type { Command } from '../command.js'
import { attempt, operationFailed } from '../failure.js'
import { escape } from '../print/escape.js'

const texts = { NETWRIGHT_EXISTS: operationFailed }

export const command: Command = {
  name: 'net-define',
  group: 'Networks',
  summary: 'define a persistent network, or change one, from a file',
  description: 'Stores a definition: libvirt XML, or JSON with short forms (README). The network is not started.',
  parameters: [
    { kind: 'data', name: 'file', names: 'file', description: 'file with the definition; - is standard input' },
    { kind: 'flag', name: 'validate', description: 'accepted: definitions are always checked' },
  ],
  changes: 'virNetworkDefineXML',
  run: async (values, context) => {
    const file = values.data('file')
    const text = await context.read(file)
    const network = await attempt(`Failed to define network from ${file}`, texts, async () => await (await context.host()).define(text, { signal: context.signal }))
    if (context.json) context.data(await network.info({ signal: context.signal }))
    context.extra(`Network ${escape(network.name)} defined from ${escape(file)}\n`)
  },
}
