/** One network's dnsmasq as files and a process: prepared, started, found again, told to read its files anew. */
import { join } from 'node:path'
import * as v from 'valibot'
import { adoptDnsmasq, findRunning } from '../dnsmasq/adopt.js'
import { dnsmasqConfig } from '../dnsmasq/config.js'
import { dnsmasqFiles, type DnsmasqFiles } from '../dnsmasq/place.js'
import { prepareDnsmasq, removeDnsmasqFiles, writeHosts, writeServers } from '../dnsmasq/prepare.js'
import { startDnsmasq } from '../dnsmasq/process.js'
import type { DnsmasqRecord, Running } from '../dnsmasq/running.js'
import { dnsmasqUser } from '../dnsmasq/user.js'
import type { Definition } from '../network/spec.js'
import type { Context } from './context.js'
import { readIfThere, removeFile, writeAtomic } from './files.js'
import { fileName } from './places.js'
import { guestSubnet } from './port.js'
import type { PortRecord } from './record.js'

/** What is written down of a dnsmasq that runs. */
interface Noted { readonly process: DnsmasqRecord, readonly ready: string }
const schema = v.object({ process: v.object({ pid: v.number(), startTime: v.string(), configPath: v.string(), hash: v.string() }), ready: v.string() })

export function filesOf (context: Context, name: string): DnsmasqFiles {
  return dnsmasqFiles(context.places.dnsmasq, context.places.leases, fileName(name))
}
const notePath = (context: Context, name: string): string => join(context.places.dnsmasq, `${fileName(name)}.json`)

async function noted (context: Context, name: string): Promise<Noted | undefined> {
  const text = await readIfThere(notePath(context, name))
  if (text === undefined) return undefined
  try {
    const result = v.safeParse(schema, JSON.parse(text))
    return result.success ? result.output : undefined
  } catch { return undefined }
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

/** Writes its files, starts it, waits until it answers and writes down how to find it again. Throws what `startDnsmasq` throws. */
export async function launch (context: Context, definition: Definition, ports: readonly PortRecord[], signal: AbortSignal | undefined): Promise<Running> {
  const files = filesOf(context, definition.name)
  const prepared = await prepareDnsmasq(withReservations(definition, ports), files, await dnsmasqUser(), context.resolvConf)
  if (prepared.loops.length > 0) context.logger.warn({ network: definition.name, nameservers: prepared.loops }, 'name servers of the host that are gateways of this network are left out')
  const running = await startDnsmasq({ configPath: files.config, logPath: files.log, netns: context.netns.fd, ready: prepared.ready, hash: prepared.hash, ...signal === undefined ? {} : { signal } })
  const { pid, startTime, configPath, hash } = running
  const note: Noted = { process: { pid, startTime, configPath, hash }, ready: prepared.ready }
  try { await writeAtomic(notePath(context, definition.name), JSON.stringify(note), { durable: false }) } catch (error) {
    await running.stop()
    throw error
  }
  return running
}

/** The process that runs for this network, proved ours; undefined where there is none. `thorough` also looks for one whose note was lost in a crash. */
export async function adopt (context: Context, name: string, thorough = false): Promise<Running | undefined> {
  const files = filesOf(context, name)
  const note = await noted(context, name)
  if (note !== undefined) {
    const running = await adoptDnsmasq(note.process, context.netns.fd, { logPath: files.log, ready: note.ready })
    if (running !== undefined) return running
  }
  if (!thorough) return undefined
  const [found] = await findRunning(files.config, context.netns.fd)
  return found === undefined ? undefined : await adoptDnsmasq(found, context.netns.fd, { logPath: files.log, ready: '' })
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

/** Removes its files; the leases only where the network is gone for good. */
export async function forget (context: Context, name: string, leases: boolean): Promise<void> {
  await removeFile(notePath(context, name))
  await removeDnsmasqFiles(filesOf(context, name), leases)
}
