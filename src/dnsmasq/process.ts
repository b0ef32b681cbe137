/** Starting dnsmasq: in its network's namespace, in the foreground, ready when it says so. `dnsmasq --conf-file=… --keep-in-foreground`. */
import { createHash } from 'node:crypto'
import { isError, NetwrightError, ProcessError } from '../errors.js'
import { native } from '../netlink/native.js'
import { isIp } from '../values/ip.js'
import { holders } from './holder.js'
import { boundLog, lastLines, logSize, openLog, untilLog } from './log.js'
import { running, startTimeOf, unreadable, type DnsmasqRecord, type Exit, type Running } from './running.js'
import { findDnsmasq } from './user.js'

export interface StartDnsmasq {
  /** Absolute; default: `findDnsmasq()`. */
  readonly binary?: string
  readonly configPath: string
  readonly logPath: string
  /** An open network namespace, or -1 for our own. */
  readonly netns: number
  /** Of `Config`: what it logs when all is read. */
  readonly ready: string
  /** `configHash` of the written configuration. */
  readonly hash: string
  readonly signal?: AbortSignal
  /** How long a start may take, milliseconds. Default 10,000: with 5,000 other addresses on the host it takes 30. */
  readonly timeoutMs?: number
}

/** Tells a process started with this text from one started with another: SHA-256, hexadecimal. Hosts files do not count, they are read again. */
export function configHash (text: string): string { return createHash('sha256').update(text).digest('hex') }

/** In the environment of what we start, so that a record lost by a crash can be made again. */
export const MARK = 'NETWRIGHT_DNSMASQ'

/** The whole argv behind the program's name: nothing a guest or a definition says gets there. */
export function dnsmasqArgs (configPath: string): string[] { return [`--conf-file=${configPath}`, '--keep-in-foreground'] }

/** Source: dnsmasq(8), EXIT CODES. */
const meanings: Readonly<Record<number, string>> = {
  1: 'its configuration is wrong', 2: 'it could not use the network', 3: 'it could not use a file', 4: 'it ran out of memory', 5: 'it gave up', 127: 'it could not be executed',
}

/**
 * Starts it and resolves when it answers: sockets bound, files read. Whatever goes wrong, nothing is left running.
 * Throws ProcessError NETWRIGHT_DNSMASQ_MISSING, _PORT_IN_USE (`holder` names who), _DNSMASQ_FAILED; NetwrightError NETWRIGHT_ABORTED.
 */
export async function startDnsmasq (options: StartDnsmasq): Promise<Running> {
  throwIfAborted(options.signal)
  const binary = options.binary ?? await findDnsmasq()
  await boundLog(options.logPath)
  const from = await logSize(options.logPath)
  const process = await spawn(binary, options)
  const record: DnsmasqRecord = { pid: process.pid, startTime: await startTimeOf(process.pid) ?? '', configPath: options.configPath, hash: options.hash }
  const started = running(record, process.pidfd, options)
  try {
    const end = await untilReady(started, options, from)
    if (end === undefined) return started
    throw await failure(end, options, from)
  } catch (error) {
    await started.kill()
    throwIfAborted(options.signal)
    throw error
  }
}

async function spawn (binary: string, options: StartDnsmasq): Promise<{ pid: number, pidfd: number }> {
  const log = await openLog(options.logPath)
  try {
    // Its messages are translated otherwise, and they are read here.
    const environment = ['LC_ALL=C', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', `${MARK}=${options.hash}`]
    return await native().processSpawn(options.netns, binary, dnsmasqArgs(options.configPath), environment, [-1, log.fd, log.fd], { newSession: true, directory: '/' })
  } catch (cause) {
    if (!(isError(cause) && 'syscall' in cause && cause.syscall === 'execve')) throw cause
    throw new ProcessError('NETWRIGHT_DNSMASQ_MISSING', `${binary} cannot be executed: ${cause.message}`, {}, { cause, remedy: 'apt-get install --reinstall dnsmasq-base' })
  } finally {
    await log.close()
  }
}

/** Resolves undefined when it is ready, or with its end. */
async function untilReady (started: Running, { logPath, ready, signal, timeoutMs = 10_000 }: StartDnsmasq, from: number): Promise<Exit | undefined> {
  const stop = new AbortController()
  const late = setTimeout(() => { stop.abort(new Error(`it was not ready after ${String(timeoutMs)} ms`)) }, timeoutMs)
  const told = untilLog(logPath, from, (lines) => lines.find((line) => unreadable.test(line)) ?? lines.find((line) => line.includes(ready)), AbortSignal.any(signal === undefined ? [stop.signal] : [stop.signal, signal]))
  try {
    const first = await Promise.race([told, started.exited])
    if (typeof first !== 'string') return first
    if (!unreadable.test(first)) return undefined
    throw new ProcessError('NETWRIGHT_DNSMASQ_FAILED', `dnsmasq cannot read its files: ${first}`, { lastLines: await lastLines(logPath, from) }, { remedy: 'every directory above them must let the user that dnsmasq runs as pass (mode 0711)' })
  } catch (cause) {
    if (!stop.signal.aborted) throw cause
    throw new ProcessError('NETWRIGHT_DNSMASQ_FAILED', `dnsmasq was not ready after ${String(timeoutMs)} ms`, { lastLines: await lastLines(logPath, from) }, { cause })
  } finally {
    clearTimeout(late)
    stop.abort(new Error('not waited for any more'))
    await told.catch(() => undefined)
  }
}

function throwIfAborted (signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new NetwrightError('NETWRIGHT_ABORTED', 'starting dnsmasq was aborted', { cause: signal.reason })
}

async function failure (end: Exit, { logPath, netns }: StartDnsmasq, from: number): Promise<ProcessError> {
  const lines = await lastLines(logPath, from)
  const facts = { lastLines: lines, ...end.code === undefined ? {} : { exitCode: end.code }, ...end.signal === undefined ? {} : { signal: String(end.signal) } }
  const last = lines.findLast((line) => line.startsWith('dnsmasq: ')) ?? lines.at(-1) ?? 'it said nothing'
  const taken = lines.map(portTaken).find((port) => port !== undefined)
  if (taken !== undefined) return await portInUse(taken, netns, last, facts)
  const how = end.code === undefined ? `was ended by signal ${String(end.signal ?? '?')}` : `exited with code ${String(end.code)} (${meanings[end.code] ?? 'unknown'})`
  return new ProcessError('NETWRIGHT_DNSMASQ_FAILED', `dnsmasq ${how}: ${last}`, facts)
}

interface Taken { readonly port: number, readonly address?: string }

/** Source: dnsmasq 2.90, src/network.c make_sock(), src/dhcp.c make_fd(), src/dhcp6.c dhcp6_init(). */
function portTaken (line: string): Taken | undefined {
  if (!line.endsWith('Address already in use')) return undefined
  const address = /failed to create listening socket for (\S+): /.exec(line)?.[1]?.replace(/%.*/, '')
  if (address !== undefined) return isIp(address) ? { port: 53, address } : { port: 53 }
  return line.includes('DHCPv6') ? { port: 547 } : line.includes('DHCP') ? { port: 67 } : undefined
}

async function portInUse ({ port, address }: Taken, netns: number, last: string, facts: { lastLines: readonly string[], exitCode?: number }): Promise<ProcessError> {
  const who = (await holders(netns, port, address)).join(', ')
  const place = `port ${String(port)}${address === undefined ? '' : ` of ${address}`}`
  return new ProcessError('NETWRIGHT_PORT_IN_USE', `${place} is in use by ${who === '' ? 'a process that cannot be seen' : who}: ${last}`, facts, {
    ...who === '' ? {} : { holder: who },
    remedy: `stop it, or keep it off this network's bridge (a name server: listen on given addresses in place of all)`,
  })
}
