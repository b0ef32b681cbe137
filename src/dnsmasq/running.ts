/** A dnsmasq that runs, whether we started or adopted it: one pidfd, one wait, and what can be asked of it. */
import { readFile } from 'node:fs/promises'
import { isError, ProcessError } from '../errors.js'
import { native } from '../netlink/native.js'
import { boundLog, lastLines, logSize } from './log.js'

/** What proves later that a process is the one we started. Plain JSON. */
export interface DnsmasqRecord {
  readonly pid: number
  /** Clock ticks since boot, as /proc/PID/stat prints it (field 22). */
  readonly startTime: string
  readonly configPath: string
  /** Of the configuration it was started with (`configHash`). */
  readonly hash: string
}

export interface Exit {
  /** undefined where it was ended by a signal, or was not our child. */
  readonly code?: number
  readonly signal?: number
  /** The last of its log, control characters escaped; none where it was we who ended it. */
  readonly lastLines: readonly string[]
}

export interface Running extends DnsmasqRecord {
  /** Closed when the process has ended, or by `release`. */
  readonly pidfd: number
  /** Resolves when the process has ended and, where it is our child, is reaped. Does not keep the event loop alive. */
  readonly exited: Promise<Exit>
  /** SIGTERM, after two seconds SIGKILL. Resolves when it is gone. Twice is fine. */
  stop (): Promise<void>
  /** SIGKILL at once. Resolves when it is gone. */
  kill (): Promise<void>
  /**
   * SIGHUP: static leases, host names and servers are read again; resolves when they have been.
   * Throws ProcessError NETWRIGHT_DNSMASQ_FAILED where it could not read them, did not answer in five seconds, or ended.
   */
  reload (): Promise<void>
  /** Whether it runs at this moment; asks the kernel. False after `release`. */
  alive (): boolean
  /** Lets go of it: closes the pidfd; the process goes on. */
  release (): void
}

/** Where it logs, and the line that ends a start or a reload. */
export interface Watched { readonly logPath: string, readonly ready: string }

const SIGHUP = 1
const SIGKILL = 9
const SIGTERM = 15
const PATIENCE = { termMs: 2_000, reloadMs: 5_000 }
/** How often the size of the log is looked at, milliseconds. */
const LOG_EVERY_MS = 30_000

/** What dnsmasq says when a file is not readable for its user; it goes on without it. Source: src/option.c, src/cache.c. */
const unreadable = ['cannot read ', 'failed to load names from ', 'failed to read '] as const

/**
 * Waits until it has read all of its files. Resolves with the line about one that it could not read, or undefined where there is none; null where it has ended.
 * Throws ETIMEDOUT (`isLate`).
 */
export async function untilRead (pidfd: number, { logPath, ready }: Watched, from: number, timeoutMs: number): Promise<string | undefined | null> {
  const said = await native().processLog(pidfd, logPath, from, [ready, ...unreadable], timeoutMs)
  return said === null ? null : said.split('\n').slice(0, -1).find((line) => unreadable.some((text) => line.includes(text)))
}

/** Of `untilRead`. */
export const isLate = (error: unknown): boolean => isError(error) && 'code' in error && error.code === 'ETIMEDOUT'

/** The start time of a process, clock ticks since boot; undefined where there is none, or only what is left of it. Source: proc_pid_stat(5), fields 3 and 22. */
export async function startTimeOf (pid: number): Promise<string | undefined> {
  try { return startTimeIn(await readFile(`/proc/${String(pid)}/stat`, 'latin1')) } catch (error) {
    // Whoever cannot look (no descriptor left) must not take a process for dead.
    if (isError(error) && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined
    throw error
  }
}

/** The same, of the text of /proc/PID/stat. */
export function startTimeIn (text: string): string | undefined {
  // The command's name may hold spaces and parentheses; what follows its last one does not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** Takes charge of a process by its pidfd, which it owns from then on. Keeps its log short while it is held. */
export function running (record: DnsmasqRecord, pidfd: number, watched: Watched): Running {
  let open = true
  let ending = false
  // A cut that fails is tried again at the next look; nothing depends on it.
  const logged = setInterval(() => { boundLog(watched.logPath).catch(() => undefined) }, LOG_EVERY_MS).unref()
  const release = (): void => {
    if (!open) return
    open = false
    clearInterval(logged)
    native().close(pidfd)
  }
  const exited = native().processWait(pidfd, false).then(async ({ code, signal }): Promise<Exit> => {
    release()
    return { ...code === null ? {} : { code }, ...signal === null ? {} : { signal }, lastLines: ending ? [] : await lastLines(watched.logPath) }
  })
  exited.catch(() => undefined) // whoever waits for it is told; nobody needs to
  // A closed number may be another process's by now.
  const send = (signal: number): boolean => open && sendTo(pidfd, signal)
  return {
    ...record, pidfd, exited, release, alive: () => send(0),
    stop: async () => { ending = true; await end(send, SIGTERM, exited) },
    kill: async () => { ending = true; await end(send, SIGKILL, exited) },
    reload: async () => { await reload(pidfd, () => open && send(SIGHUP), watched) },
  }
}

/** False where it has ended already: then it needs no signal. */
function sendTo (pidfd: number, signal: number): boolean {
  try {
    native().processSignal(pidfd, signal)
    return true
  } catch (error) {
    if (isError(error) && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

async function end (send: (signal: number) => boolean, signal: number, exited: Promise<Exit>): Promise<void> {
  send(signal)
  const hard = setTimeout(() => { send(SIGKILL) }, PATIENCE.termMs)
  // The wait alone does not keep the event loop alive.
  const awake = setInterval(() => undefined, 60_000)
  try { await exited } finally { clearTimeout(hard); clearInterval(awake) }
}

/** The log is looked at from before the signal: what it says of it cannot be missed. */
async function reload (pidfd: number, hangUp: () => boolean, watched: Watched): Promise<void> {
  const from = await logSize(watched.logPath)
  try {
    if (!hangUp()) throw new Error('it has ended')
    const bad = await untilRead(pidfd, watched, from, PATIENCE.reloadMs)
    if (bad === null) throw new Error('it has ended')
    if (bad !== undefined) throw new Error(bad)
  } catch (cause) {
    const message = !isError(cause) ? String(cause) : isLate(cause) ? 'it does not answer' : cause.message
    throw new ProcessError('NETWRIGHT_DNSMASQ_FAILED', `dnsmasq did not read its files again: ${message}`, { lastLines: await lastLines(watched.logPath, from) }, { cause })
  }
}
