/** `ip tuntap del`. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { tapWords } from '../tap-words.js'

export const command: Command = {
  name: 'tap del',
  group: 'Bridges and TAPs',
  summary: 'delete a TAP of no network',
  description: 'Takes a name or the words of ip tuntap: NAME mode tap.',
  parameters: [{ kind: 'rest', name: 'words', description: 'the name, or the words of ip tuntap' }],
  changes: 'tap del',
  run: async (values, context) => {
    const { name } = tapWords(values.rest('words'))
    await attempt(`Failed to delete TAP ${name}`, {}, async () => { await (await context.host()).links.deleteTap(name, { signal: context.signal }) })
    context.data({ device: name, change: 'deleted' })
  },
}
