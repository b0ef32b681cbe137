/** `virsh attach-interface`. */
import type { Command, Context, Values } from '../command.js'
import { attempt, Failure, UsageError } from '../failure.js'
import { domainParameter, qmpOf, qmpParameter, whenOf, whenParameters, withDomain } from '../find-domain.js'
import { interfaceXml } from '../print/domain.js'

const texts = {
  NETWRIGHT_NOT_FOUND: (message: string) => message.startsWith('no network') ? `Network not found: ${message}` : message,
  NETWRIGHT_INACTIVE: (message: string) => `Requested operation is not valid: ${message}`,
  NETWRIGHT_EXISTS: (message: string) => `invalid argument: ${message}`,
}

const sentence = 'Failed to attach interface'

/** What the words say; undefined where what is kept is meant. */
function asked (values: Values): { readonly source: string, readonly mac?: string, readonly model?: string, readonly dev?: string } | undefined {
  const [type, source, mac, model, dev] = ['type', 'source', 'mac', 'model', 'target'].map((name) => values.text(name))
  const rest = { ...mac === undefined ? {} : { mac }, ...model === undefined ? {} : { model }, ...dev === undefined ? {} : { dev } }
  if (type === undefined && source === undefined) {
    const [word] = [...Object.keys(rest).map((key) => key === 'dev' ? 'target' : key), ...['config', 'persistent', 'print-xml'].filter((flag) => values.flag(flag))]
    if (word !== undefined) throw new UsageError(`--${word} needs --type and --source; without them what is kept is attached`, 'netwright help attach-interface')
    return undefined
  }
  if (type === undefined || source === undefined) throw new UsageError(`command 'attach-interface' requires <${type === undefined ? 'type' : 'source'}> option`, 'netwright help attach-interface')
  if (type !== 'network') throw new Failure({ sentence: `No support for ${type} in command 'attach-interface'`, remedy: 'a guest joins a network: --type network --source NAME' })
  return { source, ...rest }
}

async function run (values: Values, context: Context): Promise<void> {
  const input = asked(values)
  const when = whenOf(values)
  const options = { ...qmpOf(values), signal: context.signal }
  if (input !== undefined && values.flag('print-xml')) { context.print(interfaceXml({ ...input, target: input.dev })); return }
  const made = await withDomain(context, values.data('domain'), async (domain) => await attempt(sentence, texts, async () =>
    input === undefined ? await domain.attachKept(options) : [await domain.attach(input, { ...options, ...when })]))
  for (const one of made) context.data(one)
  context.extra('Interface attached successfully\n')
}

export const command: Command = {
  name: 'attach-interface',
  group: 'Guests',
  summary: 'attach network interface',
  description: 'Makes a TAP on a network for a guest: a name that you give, or with --qmp a QEMU that runs, into which the card is plugged live. Without --type and --source everything is attached that --config has kept for that name, with the same MACs.',
  parameters: [
    domainParameter,
    { kind: 'text', name: 'type', value: 'network', description: 'network interface type: network' },
    { kind: 'text', name: 'source', names: 'active network', description: 'source of network interface: the network' },
    { kind: 'text', name: 'target', named: true, value: 'DEV', description: 'target network name: the host side\'s (default: the first free vnetN)' },
    { kind: 'text', name: 'mac', named: true, value: 'MAC', description: 'MAC address' },
    { kind: 'text', name: 'model', named: true, value: 'MODEL', description: 'model type: virtio (default); with --qmp any device of that QEMU' },
    qmpParameter, ...whenParameters,
    { kind: 'flag', name: 'print-xml', description: 'print XML document rather than attach the interface' },
  ],
  changes: 'virDomainAttachDeviceFlags',
  run,
}
