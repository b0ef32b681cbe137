/** `ip tuntap add`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { tapWords } from '../tap-words.js'

export const command: Command = {
  name: 'tap add',
  group: 'Bridges and TAPs',
  summary: 'make a TAP of no network',
  description: 'A persistent TAP, down. Takes a name or the words of ip tuntap: dev NAME mode tap [user UID] [group GID] [multi_queue] [vnet_hdr].',
  parameters: [{ kind: 'rest', name: 'words', description: 'the name, or the words of ip tuntap' }],
  changes: 'tap add',
  run: async (values, context) => {
    const { name, ...options } = tapWords(values.rest('words'))
    await attempt(`Failed to add TAP ${name}`, {}, async () => { await (await context.host()).links.addTap(name, { ...options, signal: context.signal }) })
    context.data({ device: name, change: 'added' })
  },
}
