/** Taking over a dnsmasq that another process of ours started. What is not proved ours is never signalled. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { native } from '../netlink/native.js'
import { dnsmasqArgs, MARK } from './process.js'
import { running, startTimeOf, type DnsmasqRecord, type Running, type Watched } from './running.js'

/**
 * The process of a record, if it still runs and is proved ours: its start time, its whole command line, its program and its network
 * namespace are as recorded. undefined otherwise; nothing is signalled.
 *
 * The pidfd is opened before anything is looked at, so what was looked at is what it refers to, whoever gets the number later.
 */
export async function adoptDnsmasq (record: DnsmasqRecord, netns: number, watched: Watched): Promise<Running | undefined> {
  const pidfd = await native().processOpen(record.pid).catch(() => undefined)
  if (pidfd === undefined) return undefined
  if (await isOurs(record, netns)) return running(record, pidfd, watched)
  native().close(pidfd)
  return undefined
}

/**
 * Processes in `netns` that run our configuration file, whether on record or not: with a record lost in a crash, this finds what it would
 * have said. Give them to `adoptDnsmasq`.
 */
export async function findRunning (configPath: string, netns: number): Promise<DnsmasqRecord[]> {
  const found: DnsmasqRecord[] = []
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    if (!await hasArgs(name, configPath)) continue
    const startTime = await startTimeOf(Number(name))
    const hash = (await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '')).split('\0').find((entry) => entry.startsWith(`${MARK}=`))?.slice(MARK.length + 1)
    if (startTime === undefined || hash === undefined) continue
    const record = { pid: Number(name), startTime, configPath, hash }
    if (await isOurs(record, netns)) found.push(record)
  }
  return found
}

async function hasArgs (pid: string, configPath: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return line.split('\0').slice(1, -1).join('\0') === dnsmasqArgs(configPath).join('\0')
}

async function isOurs (record: DnsmasqRecord, netns: number): Promise<boolean> {
  const pid = String(record.pid)
  const [startTime, args, program, here, there] = await Promise.all([
    startTimeOf(record.pid), hasArgs(pid, record.configPath), readlink(`/proc/${pid}/exe`).catch(() => ''),
    namespaceOf(netns < 0 ? '/proc/self/ns/net' : `/proc/self/fd/${String(netns)}`), namespaceOf(`/proc/${pid}/ns/net`),
  ])
  // An upgrade replaces the file of a running program; the kernel says so behind its name.
  const name = basename(program.replace(/ \(deleted\)$/, ''))
  return startTime === record.startTime && args && name === 'dnsmasq' && here !== undefined && here === there
}

const namespaceOf = async (path: string): Promise<string | undefined> => await stat(path, { bigint: true }).then(({ dev, ino }) => `${String(dev)}:${String(ino)}`, () => undefined)
