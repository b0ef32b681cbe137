/** The lease file on disk: read, followed, copied, and put right before a start. */
import { setTimeout as pause } from 'node:timers/promises'
import { native, type FileChange } from '../netlink/native.js'
import type { Ip } from '../values/ip.js'
import { changesOf } from './follow.js'
import { currentLeases, leaseChanges, mergeLeases, parseLeases, type Lease, type LeaseChange, type LeaseText } from './leases.js'

/** More than 100,000 leases; what is behind it is not read. */
export const LIMIT = 16 * 1024 * 1024
/** A rewrite is a truncate, a write and an fsync: within this time it is over, milliseconds. */
const SETTLE_MS = 50

/** Where the last good copy lies. */
export const copyPath = (path: string): string => `${path}.copy`
/** Where lines are put that dnsmasq would stumble over. */
export const badPath = (path: string): string => `${path}.bad`

/** In one go; no file is an empty text. */
async function textsOf (paths: readonly string[]): Promise<string[]> {
  return (await native().filesRead(-1, paths, LIMIT)).map((data) => data?.toString('latin1') ?? '')
}

const textOf = async (path: string): Promise<string> => (await textsOf([path]))[0] ?? ''

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

/** Never half there; where it is `durable` there after a power cut. */
const whole = (path: string, text: string, durable: boolean): FileChange => ({ kind: 'file', path, data: Buffer.from(text, 'latin1'), mode: 0o600, group: -1, durable })

/** Writes the copy: what is good of `found`, and at the first look also what the copy had, since nobody knows what was before. */
async function keepCopy (path: string, found: LeaseText, first: boolean): Promise<void> {
  const old = first ? await textOf(copyPath(path)) : ''
  await native().filesEdit([whole(copyPath(path), mergeLeases(found, parseLeases(old), Date.now(), () => true), true)])
}

/** What a lease file is to become before a start. */
export interface Restored {
  /** For `dhcp-lease-max`. */
  readonly stored: number
  /** Lines that dnsmasq would stumble over; they go to `.bad`. */
  readonly bad: number
  readonly changes: readonly FileChange[]
}

/**
 * Takes the file (`text`) and our copy together, leaves out bad lines and leases that `keep` refuses. dnsmasq must not be running, from the reading of
 * both until the changes are made. Pure but for the clock.
 */
export function restored (path: string, { text, copy }: { readonly text: string, readonly copy: string }, keep: (ip: Ip) => boolean = () => true): Restored {
  const file = parseLeases(text)
  const merged = mergeLeases(file, parseLeases(copy), Date.now(), keep)
  return {
    stored: parseLeases(merged).lines.length, bad: file.badCount,
    changes: [
      ...file.badCount > 0 ? [whole(badPath(path), `${file.bad.join('\n')}\n`, false)] : [],
      ...merged !== text || merged === '' ? [whole(path, merged, true)] : [],
    ],
  }
}

/** All that there may be of a network's leases. */
export const leaseFiles = (path: string): readonly string[] => [path, copyPath(path), badPath(path)]
