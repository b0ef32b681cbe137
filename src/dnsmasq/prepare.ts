/** Writes what dnsmasq reads: complete files, renamed into place, readable for the user that it runs as. */
import { chmod, chown, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isIp } from '../values/ip.js'
import { coversAddress, dnsmasqConfig, type Config } from './config.js'
import type { DnsmasqFiles } from './place.js'
import { removeLeases, restoreLeases } from './lease-file.js'
import { configHash } from './process.js'
import { serversFile } from './servers.js'
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
  const place = { ...files, user: user.user, group: user.group }
  dnsmasqConfig(definition, place)
  await Promise.all([directoryFor(files.config, user), mkdir(dirname(files.leases), { recursive: true, mode: 0o700 })])
  const { stored, bad } = await restoreLeases(files.leases, (ip) => coversAddress(definition, ip))
  const config = dnsmasqConfig(definition, { ...place, storedLeases: stored })
  const loops = await writeServers(definition, files, user, resolvConf)
  await writeHosts(config, files, user)
  await writeFor(files.config, config.text, user)
  return { ready: config.ready, ports: config.ports, hash: configHash(config.text), loops, badLeases: bad }
}

/** Writes static leases and host names anew; `Running.reload` makes dnsmasq read them. */
export async function writeHosts (config: Pick<Config, 'hosts' | 'addnhosts'>, files: DnsmasqFiles, user: DnsmasqUser): Promise<void> {
  await Promise.all([writeFor(files.hosts, config.hosts, user), writeFor(files.addnhosts, config.addnhosts, user)])
}

/** Writes the host's name servers anew, after resolv.conf has changed (`changesOf`). Returns those left out, since they are this network's own gateways. */
export async function writeServers (definition: Pick<Definition, 'ip'>, files: DnsmasqFiles, user: DnsmasqUser, resolvConf = '/etc/resolv.conf'): Promise<readonly string[]> {
  const text = await readFile(resolvConf, 'utf8').catch(() => '') // a host without one has no name servers
  const { text: servers, loops } = serversFile(text, definition.ip.map(({ address }) => address).filter(isIp))
  await writeFor(files.servers, servers, user)
  return loops
}

/** After a stop: removes what `prepareDnsmasq` wrote; the leases stay unless `leases`. */
export async function removeDnsmasqFiles (files: DnsmasqFiles, leases = false): Promise<void> {
  await Promise.all([files.config, files.log, files.hosts, files.addnhosts, files.servers].map((file) => rm(file, { force: true })))
  if (leases) await removeLeases(files.leases)
}

/** 0750 root:GROUP. Those above it are its maker's business: dnsmasq must be able to pass them. */
async function directoryFor (file: string, { gid }: DnsmasqUser): Promise<void> {
  const directory = dirname(file)
  await mkdir(directory, { recursive: true, mode: 0o711 })
  await chown(directory, -1, gid)
  await chmod(directory, 0o750)
}

/** 0640 root:GROUP, complete or not at all: dnsmasq may be told to read it at any moment. */
async function writeFor (path: string, text: string, { gid }: DnsmasqUser): Promise<void> {
  const temporary = `${path}.new`
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o640)
  try {
    await file.writeFile(text)
    await file.chown(-1, gid)
    await file.chmod(0o640) // whatever the umask says
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}
