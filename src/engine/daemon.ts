/** One network's dnsmasq as files and a process: prepared, started, found again, told to read its files anew. */
import { statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { dnsmasqConfig } from '../dnsmasq/config.js'
import { copyPath } from '../dnsmasq/lease-file.js'
import type { DnsmasqFiles } from '../dnsmasq/place.js'
import { filesWritten, prepareDnsmasq, writeHosts, writeServers, type Prepared } from '../dnsmasq/prepare.js'
import { startDnsmasq } from '../dnsmasq/process.js'
import type { Running } from '../dnsmasq/running.js'
import { dnsmasqUser, findDnsmasq, type DnsmasqUser } from '../dnsmasq/user.js'
import { ProcessError } from '../errors.js'
import { native } from '../netlink/native.js'
import type { Definition } from '../network/spec.js'
import { under, type Context } from './context.js'
import { isMissing, removeEmpty } from './files.js'
import { filesOf, notePath, type Noted } from './note.js'
import { fileName } from './places.js'
import { guestSubnet } from './port.js'
import type { PortRecord } from './record.js'
import { steps } from './steps.js'

export { adopt, filesOf } from './note.js'

/** How often files are written again whose directory another process removes at the same moment. */
const ATTEMPTS = 20
/** Directories of ours down to the files of dnsmasq: netwright, netns-ID, OWNER, dnsmasq. */
const LEVELS = 4

const lockPath = (context: Pick<Context, 'places'>, name: string): string => join(context.places.dnsmasq, `${fileName(name)}.lock`)

/**
 * Runs `work` while nobody else starts or stops this network's dnsmasq: of several hosts that watch it, one starts it again. Held while it starts, so
 * apart from the namespace's lock, which whoever holds this one must not wait for: a stop takes them the other way round. Throws NETWRIGHT_LOCKED.
 */
export async function exclusively<T> (context: Pick<Context, 'places' | 'tallies' | 'lockTimeout'>, name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try { return await under(context, lockPath(context, name), { purpose: `start or stop dnsmasq of ${name}`, signal }, work) } finally {
    await removeEmpty(context.places.dnsmasq, LEVELS) // the lock has made it anew where the network has stopped meanwhile
  }
}

/** The definition with the ports' reserved addresses as static leases: what dnsmasq is told. */
export function withReservations (definition: Definition, ports: readonly PortRecord[]): Definition {
  const subnet = guestSubnet(definition)
  if (subnet?.ip.dhcp === undefined) return definition
  const { ip: of } = subnet
  const hosts = of.dhcp?.host ?? []
  const known = new Set(hosts.flatMap(({ mac }) => mac === undefined ? [] : [mac.toLowerCase()]))
  const more = ports.flatMap(({ mac, ip, hostname }) => ip === undefined || known.has(mac) ? [] : [{ mac, ip, ...hostname === undefined ? {} : { name: hostname } }])
  if (more.length === 0) return definition
  return { ...definition, ip: definition.ip.map((ip) => ip === of ? { ...ip, dhcp: { ...ip.dhcp, host: [...hosts, ...more] } } : ip) }
}

/** Which dnsmasq is run, and as whom: the same for all that are started at once. */
export interface Program { readonly binary: string, readonly user: DnsmasqUser }

/** Throws NETWRIGHT_DNSMASQ_MISSING. */
export async function findProgram (): Promise<Program> {
  const [binary, user] = await Promise.all([findDnsmasq(), dnsmasqUser()])
  return { binary, user }
}

export interface Launch { readonly program: Program, readonly ports: readonly PortRecord[], readonly signal: AbortSignal | undefined }

/** Writes its files, starts it, waits until it answers and writes down how to find it again. Throws what `startDnsmasq` throws. */
export async function launch (context: Context, definition: Definition, { program: { binary, user }, ports, signal }: Launch): Promise<Running> {
  const step = steps(context.hook, signal)
  const files = filesOf(context, definition.name)
  await step.before('write dnsmasq\'s files')
  const prepared = await prepare(context, withReservations(definition, ports), files, user)
  if (prepared.loops.length > 0) context.logger.warn({ network: definition.name, nameservers: prepared.loops }, 'name servers of the host that are gateways of this network are left out')
  await step.before('run dnsmasq')
  const running = await context.tallies.dnsmasq(definition.name, async () => await startDnsmasq({ binary, configPath: files.config, logPath: files.log, netns: context.netns.fd, ready: prepared.ready, hash: prepared.hash, ...signal === undefined ? {} : { signal } })).catch(async (error: unknown) => { throw await muted(error, files.log) })
  const { pid, startTime, configPath, hash } = running
  const note: Noted = { process: { pid, startTime, configPath, hash }, ready: prepared.ready }
  try { await step.before('note dnsmasq'); await native().filesEdit([{ kind: 'file', path: notePath(context, definition.name), data: JSON.stringify(note), mode: 0o600, group: -1, durable: false }]) } catch (error) {
    await running.stop()
    throw error
  }
  return running
}

/** One that cannot write its log cannot say what is wrong. */
async function muted (error: unknown, log: string): Promise<unknown> {
  if (!(error instanceof ProcessError) || error.lastLines.length > 0 || await statfs(dirname(log)).then(({ bavail }) => bavail > 0, () => true)) return error
  return new ProcessError(error.code, `${error.message}: it could not write its log, no space left on the file system of ${log}`, {}, { cause: error, remedy: `make room: df ${dirname(log)}` })
}

/** Its directories may go, since they are empty, while they are made: when the last other network stops. */
async function prepare (context: Context, definition: Definition, files: DnsmasqFiles, user: DnsmasqUser): Promise<Prepared> {
  for (let tries = 1; ; tries++) {
    try { return await prepareDnsmasq(definition, files, user, context.resolvConf) } catch (error) { if (!isMissing(error) || tries >= ATTEMPTS) throw error }
  }
}

/** New static leases and host names, without a restart. */
export async function reload (context: Context, definition: Definition, ports: readonly PortRecord[], running: Running): Promise<void> {
  const files = filesOf(context, definition.name)
  const user = await dnsmasqUser()
  await writeHosts(dnsmasqConfig(withReservations(definition, ports), { ...files, user: user.user, group: user.group }), files, user)
  await running.reload()
}

/** The host's name servers, after resolv.conf has changed. */
export async function refreshServers (context: Context, definition: Definition, running: Running): Promise<void> {
  await writeServers(definition, filesOf(context, definition.name), await dnsmasqUser(), context.resolvConf)
  await running.reload()
}

/** The names of the files that are written for it beside its log. */
export function finalNames (context: Context, name: string): string[] {
  const { config, hosts, addnhosts, servers, leases } = filesOf(context, name)
  return [config, hosts, addnhosts, servers, notePath(context, name), leases, copyPath(leases)].map((path) => basename(path))
}

/** Removes the files of networks; the leases only where the network is gone for good. */
export async function forget (context: Context, networks: readonly { readonly name: string, readonly leases: boolean }[]): Promise<void> {
  const paths = networks.flatMap(({ name, leases }) => [notePath(context, name), lockPath(context, name), ...filesWritten(filesOf(context, name), leases)])
  await native().filesEdit(paths.map((path) => ({ kind: 'none', path })))
}
