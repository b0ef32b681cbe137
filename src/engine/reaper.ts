/** Our side of a reaper: a small process of its own that outlives us, whatever kills us, and then becomes a program of ours. Source: native-shims/reaper.c. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NetwrightError } from '../errors.js'
import { monotonic } from '../kernel/footprint.js'
import { refusal } from '../kernel/refusal.js'
import type { Logger } from '../log.js'
import { isErrno } from '../netlink/errno.js'
import { buildCommand, isMainThread, native, reaperPath } from '../netlink/native.js'

/** What the reaper hands to reap.js, as JSON. */
export interface Estate {
  readonly owner: string
  readonly root: string
  /** Where it writes what it could not do. */
  readonly complaints: string
  /** The root was made for this host alone and goes with it. */
  readonly discard: boolean
}

/** What a reaper may become. */
const programs = { reap: new URL('reap.js', import.meta.url), takeBack: new URL('take-back.js', import.meta.url) }

export interface ReaperOptions {
  readonly program: keyof typeof programs
  /** For the program: plain data. */
  readonly duty: object
  /** It waits for our death no longer than until then: milliseconds of CLOCK_MONOTONIC. */
  readonly deadline?: number
  /** An open descriptor of the namespace, -1 for our own. The reaper lives in it, so it needs no name. */
  readonly netns: number
  readonly logger: Logger
}

const SIGKILL = 9
/** Milliseconds before a reaper that was killed is replaced; the last one counts for all that follow. */
const PAUSES = [0, 100, 1_000, 10_000, 60_000]
/** One that lived as long was no part of a series. */
const STEADY_MS = 60_000

interface Process { readonly pid: number, readonly pidfd: number, readonly exited: Promise<{ readonly code: number | null }> }

export class Reaper {
  readonly #options: ReaperOptions
  readonly #end = new AbortController()
  readonly #watching: Promise<void>
  /** Undefined while there is none. */
  #process: Process | undefined

  private constructor (options: ReaperOptions, process: Process) {
    this.#options = options
    this.#watching = this.#watch(process)
  }

  /** Resolves when it watches over us. Throws NETWRIGHT_ADDON_MISSING where it is not built, KernelError where it cannot be started. */
  static async start (options: ReaperOptions): Promise<Reaper> { return new Reaper(options, await spawn(options)) }

  /** Resolves when it is gone, without having done anything. Twice is fine. */
  async end (): Promise<void> {
    this.#end.abort()
    this.#dismiss()
    const awake = setInterval(() => undefined, 60_000) // the wait alone does not keep the event loop alive
    try { await this.#watching } finally { clearInterval(awake) }
  }

  /** Somebody may kill it, or the kernel for want of memory: then there is another. */
  async #watch (first: Process): Promise<void> {
    let killed = 0
    for (let process: Process | undefined = first; process !== undefined; process = await this.#replace(killed++)) {
      const since = performance.now()
      this.#process = process
      if (this.#end.signal.aborted) this.#dismiss()
      const { code } = await process.exited
      this.#process = undefined // its descriptor's number is soon somebody else's
      native().close(process.pidfd)
      if (this.#end.signal.aborted || (code === 0 && this.#options.deadline !== undefined)) return
      if (performance.now() - since > STEADY_MS) killed = 0
      this.#options.logger.warn({ pid: process.pid }, 'the process that would clear up after us was killed: another one is started')
    }
  }

  /** One that has ended already needs no signal. */
  #dismiss (): void {
    if (this.#process === undefined) return
    try { native().processSignal(this.#process.pidfd, SIGKILL) } catch (error) { if (!isErrno(error, 'ESRCH')) throw error }
  }

  /** Undefined where the host is closed meanwhile. */
  async #replace (killed: number): Promise<Process | undefined> {
    const { signal } = this.#end
    for (let tries = killed; ; tries++) {
      await sleep(PAUSES[Math.min(tries, PAUSES.length - 1)], undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return undefined
      try { return await spawn(this.#options) } catch (error) {
        this.#options.logger.error({ err: error }, 'nobody would clear up if this process died now: the reaper cannot be started; it is tried again')
      }
    }
  }
}

/** Whose end the reaper waits for: ours, in a worker the worker's. Before Linux 6.9 nobody can wait for a thread; then a worker's things go with the process. */
async function watched (): Promise<number> {
  if (isMainThread()) return await native().processOpen(process.pid)
  try { return await native().threadOpen() } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error
    return await native().processOpen(process.pid)
  }
}

/** With a pidfd of ours and nothing else of ours: no descriptor, terminal, session, directory or environment. */
async function spawn ({ program, duty, deadline, netns }: ReaperOptions): Promise<Process> {
  const own = await watched()
  try {
    // Some builds of Node need to be told where their libraries are.
    const libraries = process.env.LD_LIBRARY_PATH
    const environment = ['LC_ALL=C', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...libraries === undefined ? [] : [`LD_LIBRARY_PATH=${libraries}`]]
    const { pid, pidfd } = await native().processSpawn(netns, reaperPath, [...deadline === undefined ? [] : ['-t', String(Math.max(0, deadline - monotonic()))], process.execPath, fileURLToPath(programs[program]), JSON.stringify(duty)], environment, [own, -1, -1], { newSession: true, directory: '/' })
    return { pid, pidfd, exited: native().processWait(pidfd, false) }
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) throw new NetwrightError('NETWRIGHT_ADDON_MISSING', `netwright's reaper is not at ${reaperPath}`, { cause, remedy: buildCommand })
    throw refusal(cause, 'clone', 'reaper')
  } finally { native().close(own) }
}
