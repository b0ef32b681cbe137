/** Writes what dnsmasq reads: complete files, renamed into place, readable for the user that it runs as. */
import { dirname } from 'node:path'
import { isError } from '../errors.js'
import { native, type FileChange } from '../netlink/native.js'
import { isIp } from '../values/ip.js'
import { coversAddress, dnsmasqConfig, type Config } from './config.js'
import type { DnsmasqFiles } from './place.js'
import { copyPath, leaseFiles, LIMIT, restored } from './lease-file.js'
import { configHash } from './process.js'
import { serversFile, type Servers } from './servers.js'
import type { Definition } from '../network/spec.js'
import type { DnsmasqUser } from './user.js'

export interface Prepared extends Pick<Config, 'ready' | 'ports'> {
  readonly hash: string
  /** Name servers of the host that were left out, since they are this network's own gateways. */
  readonly loops: readonly string[]
  /** Lines of the lease file that were no leases and have been put aside. */
  readonly badLeases: number
}

/**
 * Before a start: leases put right, all files written. Reads resolv.conf of the host. dnsmasq must not be running.
 * Throws InputError for a definition that dnsmasq cannot safely be given (nothing is written then), and errors of the file system.
 */
export async function prepareDnsmasq (definition: Definition, files: DnsmasqFiles, user: DnsmasqUser, resolvConf = '/etc/resolv.conf'): Promise<Prepared> {
  const { text, copy, resolv } = await found(files.leases, resolvConf)
  const { stored, bad, changes } = restored(files.leases, { text, copy }, (ip) => coversAddress(definition, ip))
  const config = dnsmasqConfig(definition, { ...files, user: user.user, group: user.group, storedLeases: stored })
  const servers = serversOf(definition, resolv)
  await edit([
    // Those above it are its maker's business: dnsmasq must be able to pass them.
    { kind: 'directory', path: dirname(files.config), mode: 0o750, group: user.gid },
    ...changes, readable(files.servers, servers.text, user), ...hostsOf(config, files, user), readable(files.config, config.text, user),
  ], files)
  return { ready: config.ready, ports: config.ports, hash: configHash(config.text), loops: servers.loops, badLeases: bad }
}

/** A host without resolv.conf, or with one that cannot be read, has no name servers. */
async function found (leases: string, resolvConf: string): Promise<{ readonly text: string, readonly copy: string, readonly resolv: string }> {
  const paths = [leases, copyPath(leases)]
  const [text, copy, resolv] = await native().filesRead(-1, [...paths, resolvConf], LIMIT).catch(async (error: unknown) => {
    if (!(isError(error) && 'index' in error && error.index === paths.length)) throw error
    return await native().filesRead(-1, paths, LIMIT)
  })
  return { text: text?.toString('latin1') ?? '', copy: copy?.toString('latin1') ?? '', resolv: resolv?.toString() ?? '' }
}

/** The directories are made where they are missing: one by one, since Node's `recursive` says EEXIST where another process removes one meanwhile. */
async function edit (changes: readonly FileChange[], files: DnsmasqFiles): Promise<void> {
  try { await native().filesEdit(changes) } catch (error) {
    if (!(isError(error) && 'code' in error && error.code === 'ENOENT')) throw error
    await native().filesEdit([...above(files.config, 0o711), ...above(files.leases, 0o700), ...changes])
  }
}

/** The directories that a file is below, from the top. One that is there stays as it is. */
function above (path: string, mode: number): FileChange[] {
  const directory = dirname(path)
  return directory === dirname(directory) ? [] : [...above(directory, mode), { kind: 'directory', path: directory, mode, group: -1 }]
}

/** 0640 root:GROUP. */
const readable = (path: string, data: string, { gid }: DnsmasqUser): FileChange => ({ kind: 'file', path, data, mode: 0o640, group: gid, durable: false })

const hostsOf = (config: Pick<Config, 'hosts' | 'addnhosts'>, files: DnsmasqFiles, user: DnsmasqUser): FileChange[] => [readable(files.hosts, config.hosts, user), readable(files.addnhosts, config.addnhosts, user)]

const serversOf = (definition: Pick<Definition, 'ip'>, resolvConf: string): Servers => serversFile(resolvConf, definition.ip.map(({ address }) => address).filter(isIp))

/** Writes static leases and host names anew; `Running.reload` makes dnsmasq read them. */
export async function writeHosts (config: Pick<Config, 'hosts' | 'addnhosts'>, files: DnsmasqFiles, user: DnsmasqUser): Promise<void> {
  await native().filesEdit(hostsOf(config, files, user))
}

/** Writes the host's name servers anew, after resolv.conf has changed (`changesOf`). Returns those left out, since they are this network's own gateways. */
export async function writeServers (definition: Pick<Definition, 'ip'>, files: DnsmasqFiles, user: DnsmasqUser, resolvConf = '/etc/resolv.conf'): Promise<readonly string[]> {
  const [resolv] = await native().filesRead(-1, [resolvConf], LIMIT).catch(() => [])
  const { text, loops } = serversOf(definition, resolv?.toString() ?? '')
  await native().filesEdit([readable(files.servers, text, user)])
  return loops
}

/** What `prepareDnsmasq` and a start write; the leases, which outlive a stop, only where `leases`. */
export function filesWritten (files: DnsmasqFiles, leases: boolean): readonly string[] {
  return [files.config, files.log, files.hosts, files.addnhosts, files.servers, ...leases ? leaseFiles(files.leases) : []]
}
