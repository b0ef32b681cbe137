/** What a definition would become, without touching anything. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'

const forms = ['xml', 'json', 'dnsmasq', 'nft', 'objects'] as const
const withNewline = (text: string): string => text === '' || text.endsWith('\n') ? text : `${text}\n`

export const command: Command = {
  name: 'render',
  group: 'Definitions',
  summary: 'show what a definition becomes, touching nothing',
  description: 'Reads a definition (XML or JSON) and prints it as libvirt XML, as JSON, or what it would become: the configuration of dnsmasq, the elements of the nftables sets, the kernel objects. Nothing is added that chance would choose (uuid, MAC, bridge name).',
  parameters: [
    { kind: 'data', name: 'file', names: 'file', description: 'file with the definition; - is standard input' },
    { kind: 'text', name: 'as', value: forms.join('|'), choices: forms, description: 'the form to print (default: xml)' },
  ],
  run: async (values, context) => {
    const file = values.data('file')
    const text = await context.read(file)
    const rendering = await attempt(`Failed to render network from ${file}`, {}, async () => {
      const { render } = await import('../../index.js')
      return render(text)
    })
    const form = values.text('as') ?? (context.json ? 'json' : 'xml')
    const found = forms.find((each) => each === form) ?? 'xml'
    const value = rendering[found]
    if (typeof value === 'string') context.print(withNewline(value))
    else context.print(`${JSON.stringify(value, undefined, context.json ? undefined : 2)}\n`)
  },
}
