/** Takes over what another program has defined. */
import type { Command } from '../command.js'
import { UsageError } from '../failure.js'

export const command: Command = {
  name: 'import',
  group: 'Definitions',
  summary: 'take over the networks that libvirt has defined',
  description: 'Defines what libvirt has defined in /etc/libvirt/qemu/networks, or another directory, and marks for autostart what has a link in its autostart/. ' +
    'Each network is taken over whole or not at all, and the others go on. Refused is what libvirt still runs (virsh net-destroy stops it), what has elements that netwright does not know, which are named with their line, ' +
    'and a name that another network of netwright has. What is defined already stays as it is. libvirt\'s own files are only read. Exit code 1 where one was refused.',
  parameters: [
    { kind: 'flag', name: 'from-libvirt', description: 'from libvirt: the only source so far' },
    { kind: 'text', name: 'dir', value: 'DIR', names: 'directory', description: 'libvirt\'s directory (default: /etc/libvirt/qemu/networks)' },
    { kind: 'flag', name: 'dry-run', description: 'say what would be done, and do nothing' },
  ],
  changes: 'virNetworkDefineXML',
  run: async (values, context) => {
    if (!values.flag('from-libvirt')) throw new UsageError('say from where: --from-libvirt', 'netwright import --from-libvirt')
    const [{ importFrom }, { DEFINITIONS }] = await Promise.all([import('../libvirt/import.js'), import('../libvirt/directory.js')])
    return await importFrom(values.text('dir') ?? DEFINITIONS, context, values.flag('dry-run'))
  },
}
