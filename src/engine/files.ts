/**
 * Small files written so that a reader sees the old or the new content, never a part. What belongs together goes in one call: each is a trip to another thread and back,
 * which takes longer than the file system does.
 */
import { open, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isError } from '../errors.js'
import { native, type FileChange } from '../netlink/native.js'

const errnoOf = (error: unknown): string | undefined => isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** True where `error` is the file system's "not there". */
export const isMissing = (error: unknown): boolean => errnoOf(error) === 'ENOENT'

/** True where `error` says that there is no room: on the file system, or for this user. */
export const isFull = (error: unknown): boolean => errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT'

/** Each takes a thread. */
const AT_ONCE = 16
let trips = 0
const waiting: (() => void)[] = []

/** One trip to another thread and back; thousands of them wait for each other. */
async function trip<T> (work: () => Promise<T>): Promise<T> {
  if (trips === AT_ONCE) await new Promise<void>((resolve) => { waiting.push(resolve) })
  else trips++
  try { return await work() } finally {
    const next = waiting.shift()
    if (next === undefined) trips--
    else next()
  }
}

/** Bytes, of one file. */
const LIMIT = 0x7fff_ffff

/** What files and directories hold: a text, names, or undefined where there is nothing. */
export async function lookInto (paths: readonly string[]): Promise<readonly (string | readonly string[] | undefined)[]> {
  return (await trip(async () => await native().filesLook(-1, paths, LIMIT))).map((found) => found === null ? undefined : Buffer.isBuffer(found) ? found.toString() : found)
}

export const namesOf = (found: string | readonly string[] | undefined): readonly string[] => typeof found === 'object' ? found : []
export const textOf = (found: string | readonly string[] | undefined): string | undefined => typeof found === 'string' ? found : undefined

/** The names in each directory; none where there is no directory. */
export async function listEach (directories: readonly string[]): Promise<readonly (readonly string[])[]> { return (await lookInto(directories)).map(namesOf) }

/** The names in a directory; none where there is no directory. */
export async function namesIn (directory: string): Promise<readonly string[]> { return (await listEach([directory])).flat() }

/** The name that a temp file of ours was to get; undefined for other names. */
export const finalName = (name: string): string | undefined => /^(.+?)(?:\.[0-9a-f]{12})?\.new$/.exec(name)?.[1]

/**
 * Removes the temp files that a killed process left of `finals` (names in `directory`), or all. Callers hold the lock under which those are written:
 * a temp file of somebody at work would be gone before its rename.
 */
export async function removeTemps (directory: string, finals?: ReadonlySet<string>): Promise<void> { await edit(tempsOf(directory, await namesIn(directory), finals)) }

/** What `removeTemps` does where `names` are in the directory. */
export function tempsOf (directory: string, names: readonly string[], finals?: ReadonlySet<string>): readonly FileChange[] {
  return names.filter((name) => {
    const final = finalName(name)
    return final !== undefined && (finals === undefined || finals.has(final))
  }).map((name) => absent(join(directory, name)))
}

/** A file written whole: temp file, rename. */
export const written = (path: string, data: string | Uint8Array, mode = 0o600): Extract<FileChange, { readonly kind: 'file' }> => ({ kind: 'file', path, data, mode, group: -1, durable: false })
/** A file that is not there. */
export const absent = (path: string): FileChange => ({ kind: 'none', path })
/** Directories that are not there where they are empty: upwards, at most `levels`. */
export const ifEmpty = (path: string, levels: number): FileChange => ({ kind: 'empty', path, levels })

/** Makes changes, in order; the first that fails is the last one tried. */
export async function edit (changes: readonly FileChange[]): Promise<void> {
  if (changes.length === 0) return
  try { await trip(async () => { await native().filesEdit(changes) }) } catch (error) {
    // The addon keeps the beginning of a long path only.
    const at = isError(error) && 'index' in error && typeof error.index === 'number' ? changes[error.index] : undefined
    throw isError(error) && at !== undefined && at.kind !== 'empty' ? Object.assign(error, { path: at.path }) : error
  }
}

/**
 * Temp file, rename. With `durable` also fsync of file and directory: what must outlive a power cut. Without, a kill loses nothing
 * (the page cache stays) and a power cut is told by the boot id inside.
 */
export async function writeAtomic (path: string, data: string, { durable, mode }: { readonly durable: boolean, readonly mode?: number }): Promise<void> { await edit([{ ...written(path, data, mode), durable }]) }

/** Makes a rename or unlink in `directory` survive a power cut. */
export async function syncDirectory (directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try { await handle.sync() } finally { await handle.close() }
}

/** The text of a file, undefined where there is none. */
export async function readIfThere (path: string): Promise<string | undefined> { return (await trip(async () => await native().filesRead(-1, [path], LIMIT)))[0]?.toString() }

/** Unlinks; false where there was nothing. Whoever does not ask that has `absent`. */
export async function removeFile (path: string): Promise<boolean> {
  try { await unlink(path); return true } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** How often a directory is made again that others remove at the same moment, since it is empty. */
const ATTEMPTS = 100
/** Everybody may pass (dnsmasq runs as another user), only root may look; with an umask of 077, which hardened hosts have, too. */
const OPEN = 0o711

const directoryAt = (path: string, mode: number): FileChange => ({ kind: 'directory', path, mode, group: -1 })

/** Makes a directory and those above it, one by one: Node's own `recursive` says that something is no directory where others remove one meanwhile, and that something is missing on a read-only file system. */
export async function makeDirectory (path: string, mode = OPEN): Promise<void> {
  for (let tries = 1; ; tries++) {
    try { await edit([directoryAt(path, mode)]); return } catch (error) {
      if (!isMissing(error) || dirname(path) === path || tries >= ATTEMPTS) throw error
    }
    await makeDirectory(dirname(path), mode)
  }
}

/**
 * Makes changes in a directory, and makes that first; others may remove it at the same moment, since it is empty. `there`: it is made only where they miss it.
 */
export async function editInside (directory: string, changes: readonly FileChange[], { mode = OPEN, there = false }: { readonly mode?: number, readonly there?: boolean } = {}): Promise<void> {
  for (let tries = 1; ; tries++) {
    try { await edit(there ? changes : [directoryAt(directory, mode), ...changes]); return } catch (error) { if (!isMissing(error) || tries >= ATTEMPTS) throw error }
    await makeDirectory(directory, mode)
  }
}

/** Removes directories that are empty, from `path` upwards, at most `levels`. */
export async function removeEmpty (path: string, levels: number): Promise<void> { await edit([ifEmpty(path, levels)]) }
