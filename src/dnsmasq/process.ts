/** Starting dnsmasq: in its network's namespace, in the foreground, ready when it says so. `dnsmasq --conf-file=… --keep-in-foreground`. */
import { createHash } from 'node:crypto'
import { isError, NetwrightError, ProcessError } from '../errors.js'
import { native, type Native } from '../netlink/native.js'
import { isIp } from '../values/ip.js'
import { holders } from './holder.js'
import { boundLog, lastLines, LOG_LIMIT } from './log.js'
import { isLate, running, startTimeIn, untilRead, type DnsmasqRecord, type Exit, type Running } from './running.js'
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

/** How often it is started that meets a link of somebody else's just going. */
const ATTEMPTS = 10

/**
 * Starts it and resolves when it answers: sockets bound, files read. Whatever goes wrong, nothing is left running.
 * Throws ProcessError NETWRIGHT_DNSMASQ_MISSING, _PORT_IN_USE (`holder` names who), _DNSMASQ_FAILED; NetwrightError NETWRIGHT_ABORTED.
 */
export async function startDnsmasq (options: StartDnsmasq): Promise<Running> {
  const binary = options.binary ?? await findDnsmasq()
  for (let tries = 1; ; tries++) {
    try { return await start(binary, options) } catch (error) { if (tries >= ATTEMPTS || !lostLink(error)) throw error }
  }
}

/**
 * Whether it gave up because a link, anybody's, went or was renamed between its list of addresses and its look at each one's link.
 * Source: dnsmasq 2.90, src/network.c, iface_allowed() and enumerate_interfaces(); src/dnsmasq.c, main().
 */
function lostLink (error: unknown): boolean {
  return error instanceof ProcessError && error.exitCode === 5 && error.message.endsWith('failed to find list of interfaces: No such device')
}

async function start (binary: string, options: StartDnsmasq): Promise<Running> {
  throwIfAborted(options.signal)
  const { pid, pidfd, logSize, status } = await spawn(binary, options)
  const record: DnsmasqRecord = { pid, startTime: startTimeIn(status) ?? '', configPath: options.configPath, hash: options.hash }
  const started = running(record, pidfd, options)
  const abort = (): void => { void started.kill() }
  options.signal?.addEventListener('abort', abort)
  try {
    throwIfAborted(options.signal)
    await untilReady(started, options, logSize)
    return started
  } catch (error) {
    await started.kill()
    throwIfAborted(options.signal)
    throw error
  } finally {
    options.signal?.removeEventListener('abort', abort)
    if (logSize > LOG_LIMIT) await boundLog(options.logPath).catch(() => undefined) // tried again while it runs; nothing depends on it
  }
}

async function spawn (binary: string, { hash, netns, configPath, logPath }: StartDnsmasq): ReturnType<Native['processSpawn']> {
  // Its messages are translated otherwise, and they are read here.
  const environment = ['LC_ALL=C', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', `${MARK}=${hash}`]
  try { return await native().processSpawn(netns, binary, dnsmasqArgs(configPath), environment, [-1, -1, -1], { newSession: true, directory: '/', log: logPath }) } catch (cause) {
    if (!(isError(cause) && 'syscall' in cause && cause.syscall === 'execve')) throw cause
    throw new ProcessError('NETWRIGHT_DNSMASQ_MISSING', `${binary} cannot be executed: ${cause.message}`, {}, { cause, remedy: 'apt-get install --reinstall dnsmasq-base' })
  }
}

async function untilReady (started: Running, options: StartDnsmasq, from: number): Promise<void> {
  const { timeoutMs = 10_000, logPath } = options
  const bad = await untilRead(started.pidfd, options, from, timeoutMs).catch(async (cause: unknown) => {
    if (!isLate(cause)) throw cause
    throw new ProcessError('NETWRIGHT_DNSMASQ_FAILED', `dnsmasq was not ready after ${String(timeoutMs)} ms`, { lastLines: await lastLines(logPath, from) }, { cause })
  })
  if (bad === null) {
    await started.kill() // it has ended; unlike `exited` this keeps the event loop alive until it is reaped
    throw await failure(await started.exited, options, from)
  }
  if (bad !== undefined) throw new ProcessError('NETWRIGHT_DNSMASQ_FAILED', `dnsmasq cannot read its files: ${bad}`, { lastLines: await lastLines(logPath, from) }, { remedy: 'every directory above them must let the user that dnsmasq runs as pass (mode 0711)' })
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
