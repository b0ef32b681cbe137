/** What the verbs about guests share: whose, and whether now or for the next attach. Source: tools/virsh-domain.c. */
import { resolve } from 'node:path'
import type { Domain } from '../index.js'
import type { Context, Parameter, Values } from './command.js'
import { attempt, UsageError } from './failure.js'

export const domainParameter: Parameter = { kind: 'data', name: 'domain', names: 'domain', description: 'the guest, by the name that you give it' }
export const interfaceParameter: Parameter = { kind: 'data', name: 'interface', names: 'interface', description: 'interface device specified by name or MAC Address' }

export const qmpParameter: Parameter = { kind: 'text', name: 'qmp', value: 'SOCKET', named: true, names: 'file', description: 'the guest is a QEMU that runs and has this QMP socket: plug in, or out, there too' }

/** When a change counts. */
export const whenParameters: readonly Parameter[] = [
  { kind: 'flag', name: 'persistent', description: 'now, and kept for the next attach of that name' },
  { kind: 'flag', name: 'config', description: 'kept for the next attach of that name' },
  { kind: 'flag', name: 'live', description: 'now (default)' },
  { kind: 'flag', name: 'current', description: 'now' },
]

/** What was said with them: `--config` alone changes nothing now. */
export function whenOf (values: Values): { readonly live: boolean, readonly config: boolean } {
  for (const other of ['persistent', 'config', 'live']) if (values.flag('current') && values.flag(other)) throw new UsageError(`Options --current and --${other} are mutually exclusive`)
  const config = values.flag('config') || values.flag('persistent')
  return { config, live: values.flag('live') || values.flag('persistent') || !config }
}

/** The path of the socket: whoever unplugs it later may stand in another directory. */
export function qmpOf (values: Values): { readonly qmp?: string } {
  const qmp = values.text('qmp')
  return qmp === undefined ? {} : { qmp: resolve(qmp) }
}

/** Runs `work` with a guest; an unknown one fails with virsh's words. */
export async function withDomain<T> (context: Context, name: string, work: (domain: Domain) => Promise<T>): Promise<T> {
  const domain = await attempt(`failed to get domain '${name}'`, {}, async () => (await context.host()).domain(name))
  return await work(domain)
}

/** virsh's words for an interface that is not there. */
export const interfaceNotFound = (dev: string): { readonly NETWRIGHT_NOT_FOUND: string, readonly NETWRIGHT_INACTIVE: (message: string) => string } => ({
  NETWRIGHT_NOT_FOUND: `interface (${dev.includes(':') ? 'mac' : 'target'}: ${dev}) not found`, NETWRIGHT_INACTIVE: (message) => `Requested operation is not valid: ${message}`,
})

/** libvirt's words for a name that nobody gave. */
export const noDomain = (name: string): string => `Domain not found: no domain with matching name '${name}'`
