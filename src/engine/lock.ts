/** A flock that dies with the process, waited for with a deadline; whoever waits in vain learns who holds it. */
import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NetwrightError } from '../errors.js'
import { now } from '../netlink/breathe.js'
import { isErrno } from '../netlink/errno.js'
import { native } from '../netlink/native.js'
import { makeDirectory, readIfThere } from './files.js'
import { stopIfAborted } from './steps.js'

export interface LockOptions {
  readonly path: string
  /** What for, e.g. `start red_nat`: shown to whoever waits. */
  readonly purpose: string
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
  /** One that was taken before, unless it has been left. Default: behind all that have asked. */
  readonly place?: Place | undefined
}

/** Among those of this process who wait for a lock. */
export interface Place {
  /** It is our turn. */
  readonly ready: Promise<void>
  readonly left: boolean
  /** Twice is fine. */
  leave (): void
}

/** Held until `release`. Two locks of one process exclude each other as those of two processes do. */
export interface Lock {
  /** `unlink` also removes the lock file: for directories that must go without a trace. */
  release (unlink?: boolean): Promise<void>
}

/** Who waits for which lock inside this process: one of us at a time asks the kernel, in the order of asking. */
const queues = new Map<string, Promise<void>>()

/** The last place. Whoever takes one must leave it, or give it to `lock`, which does. */
export function placeAt (path: string): Place {
  const ready = queues.get(path) ?? Promise.resolve()
  let done: () => void = () => undefined
  const mine = new Promise<void>((resolve) => { done = resolve })
  const last = ready.then(async () => { await mine })
  queues.set(path, last)
  // Not before all who asked earlier are done, else the next one would take itself for the first.
  void last.then(() => { if (queues.get(path) === last) queues.delete(path) })
  let left = false
  return { ready, get left () { return left }, leave: () => { left = true; done() } }
}

/** Resolves with the way out when it is our turn. What our own process does takes as long as it takes: only the signal ends the waiting. */
async function turn ({ path, purpose, signal, place }: LockOptions): Promise<() => void> {
  const { ready, leave } = place?.left === false ? place : placeAt(path)
  try {
    await either(ready, signal)
    stopIfAborted(signal, purpose)
  } catch (error) {
    leave() // whoever asks after us waits for this
    throw error
  }
  return leave
}

/** Resolves when it is our turn or the signal aborts. A signal may live as long as its program: nothing of ours stays with it. */
async function either (before: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) { await before; return }
  await new Promise<void>((resolve) => {
    const end = (): void => { signal.removeEventListener('abort', end); resolve() }
    signal.addEventListener('abort', end)
    void before.then(end)
  })
}

/**
 * Takes the lock. Throws NETWRIGHT_LOCKED after the deadline, naming pid and purpose of the holder; never steals.
 * The waiting is polling, 1 to 20 ms: a blocking flock would need a thread a waiter.
 */
export async function lock (options: LockOptions): Promise<Lock> {
  stopIfAborted(options.signal, options.purpose)
  const leave = await turn(options)
  try {
    const { release } = await flock(options, now() + options.timeout)
    return { release: async (unlink) => { try { await release(unlink) } finally { leave() } } }
  } catch (error) {
    leave()
    throw error
  }
}

async function flock (options: LockOptions, deadline: number): Promise<Lock> {
  for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
    stopIfAborted(options.signal, options.purpose)
    const fd = await attempt(options)
    if (fd !== null) return { release: async (unlink = false) => { await native().lockRelease(fd, options.path, unlink) } }
    if (now() >= deadline) throw await held(options)
    await sleep(pause)
  }
}

async function attempt ({ path, purpose }: LockOptions): Promise<number | null> {
  for (let tries = 0; ; tries++) {
    try { return await native().lockTry(path, `${String(process.pid)} ${purpose}\n`) } catch (error) {
      if (!isErrno(error, 'ENOENT') || tries >= 100) throw error
      await makeDirectory(dirname(path)) // whoever held it last has removed the directory
    }
  }
}

/** Removes the file of a lock whose holder was killed; one that is held stays, as does one that may not be touched. */
export async function clearLock (path: string): Promise<void> {
  try {
    await access(path)
    const fd = await native().lockTry(path, null)
    if (fd !== null) await native().lockRelease(fd, path, true)
  } catch { /* not there, or not ours to take: nothing depends on it */ }
}

async function held (options: LockOptions): Promise<NetwrightError> {
  const text = (await readIfThere(options.path))?.trim() ?? ''
  const [pid = '', ...purpose] = text.split(' ')
  const holder = text === '' ? 'another process' : `process ${pid} (${purpose.join(' ')})`
  return new NetwrightError('NETWRIGHT_LOCKED', `${options.purpose}: waited ${String(Math.round(options.timeout))} ms for ${holder}, which holds ${options.path}`, {
    holder, remedy: `wait until it is done, or see what it does: ps -fp ${pid === '' ? 'PID' : pid}`,
  })
}
