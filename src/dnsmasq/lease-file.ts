/** The lease file on disk: read, followed, copied, and put right before a start. */
import { randomBytes } from 'node:crypto'
import { open, rename, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isError } from '../errors.js'
import type { Ip } from '../values/ip.js'
import { changesOf } from './follow.js'
import { currentLeases, leaseChanges, mergeLeases, parseLeases, type Lease, type LeaseChange, type LeaseText } from './leases.js'

/** More than 100,000 leases; what is behind it is not read. */
const LIMIT = 16 * 1024 * 1024
/** A rewrite is a truncate, a write and an fsync: within this time it is over, milliseconds. */
const SETTLE_MS = 50

/** Where the last good copy lies. */
export const copyPath = (path: string): string => `${path}.copy`
/** Where lines are put that dnsmasq would stumble over. */
export const badPath = (path: string): string => `${path}.bad`

async function textOf (path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isError(error) && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return ''
  try {
    const size = Math.min((await file.stat()).size, LIMIT)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/**
 * Reads a lease file that dnsmasq may be rewriting at this moment: a text that is not whole, or has less than `before`, is believed only
 * when two reads give the same (kernel.md, dnsmasq 11). No file is an empty one.
 */
export async function readLeases (path: string, before?: LeaseText): Promise<LeaseText> {
  let text = await textOf(path)
  // A file that changes all the time is read at most ten times; the next change brings us back here.
  for (let tries = 0; tries < 10; tries++) {
    const found = parseLeases(text)
    if (found.whole && text !== '' && found.lines.length >= (before?.lines.length ?? 0)) return found
    if (text === '' && (before === undefined || before.lines.length === 0)) return found
    await pause(SETTLE_MS)
    const again = await textOf(path)
    if (again === text) return found
    text = again
  }
  return parseLeases(text)
}

/** The leases that have not run out: `virsh net-dhcp-leases`. */
export async function listLeases (path: string): Promise<Lease[]> {
  return currentLeases(await readLeases(path), Date.now())
}

/**
 * Those that are there (`present`), then every change, until the signal. Keeps the last good copy beside the file.
 *
 * `alive` tells whether dnsmasq runs (`Running.alive`): one that was killed in the middle of a rewrite leaves an empty file or a part, so
 * leases that vanish while it does not run are not believed. Ends without an error when the signal aborts.
 */
export async function * watchLeases (path: string, alive: () => boolean, signal?: AbortSignal): AsyncGenerator<LeaseChange, void, undefined> {
  let before: LeaseText | undefined
  let told: readonly Lease[] = []
  for await (const _ of changesOf(path, signal)) {
    const found = await readLeases(path, before)
    const leases = currentLeases(found, Date.now())
    const changes = leaseChanges(told, leases)
    if (before !== undefined && changes.some(({ change }) => change === 'removed') && !alive()) continue
    if (changes.length > 0) await keepCopy(path, found, before === undefined)
    for (const change of changes) yield before === undefined ? { ...change, change: 'present' } : change
    before = found
    told = leases
  }
}

/** Never half there, and there after a power cut. */
async function writeWhole (path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`
  await writeFile(temporary, text, { mode: 0o600, encoding: 'latin1', flush: true, flag: 'wx' })
  await rename(temporary, path)
  const directory = await open(dirname(path), 'r')
  try { await directory.sync() } finally { await directory.close() }
}

/** Writes the copy: what is good of `found`, and at the first look also what the copy had, since nobody knows what was before. */
async function keepCopy (path: string, found: LeaseText, first: boolean): Promise<void> {
  const old = first ? await textOf(copyPath(path)) : ''
  await writeWhole(copyPath(path), mergeLeases(found, parseLeases(old), Date.now(), () => true))
}

/**
 * Before a start: takes the file and our copy together, leaves out what dnsmasq would stumble over (bad lines go to `.bad`) and leases that
 * `keep` refuses, and returns how many there are, for `dhcp-lease-max`. dnsmasq must not be running.
 */
export async function restoreLeases (path: string, keep: (ip: Ip) => boolean = () => true): Promise<{ readonly stored: number, readonly bad: number }> {
  const [text, copy] = await Promise.all([textOf(path), textOf(copyPath(path))])
  const file = parseLeases(text)
  const merged = mergeLeases(file, parseLeases(copy), Date.now(), keep)
  if (file.badCount > 0) await writeFile(badPath(path), `${file.bad.join('\n')}\n`, { mode: 0o600, encoding: 'latin1' })
  if (merged !== text || merged === '') await writeWhole(path, merged)
  return { stored: parseLeases(merged).lines.length, bad: file.badCount }
}

/** Forgets the leases of a network, copy and all. */
export async function removeLeases (path: string): Promise<void> {
  for (const file of [path, copyPath(path), badPath(path)]) {
    await unlink(file).catch((error: unknown) => {
      if (!(isError(error) && 'code' in error && error.code === 'ENOENT')) throw error
    })
  }
}
