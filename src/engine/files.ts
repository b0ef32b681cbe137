/** Small files written so that a reader sees the old or the new content, never a part. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isError } from '../errors.js'

const errnoOf = (error: unknown): string | undefined => isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** True where `error` is the file system's "not there". */
export const isMissing = (error: unknown): boolean => errnoOf(error) === 'ENOENT'

/** True where `error` says that there is no room: on the file system, or for this user. */
export const isFull = (error: unknown): boolean => errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT'

/** The names in a directory; none where there is no directory. */
export async function namesIn (directory: string): Promise<string[]> {
  try { return await readdir(directory) } catch (error) {
    if (isMissing(error) || errnoOf(error) === 'ENOTDIR') return []
    throw error
  }
}

/** The name that a temp file of ours was to get; undefined for other names. */
export const finalName = (name: string): string | undefined => /^(.+?)(?:\.[0-9a-f]{12})?\.new$/.exec(name)?.[1]

/**
 * Removes the temp files that a killed process left of `finals` (names in `directory`), or all. Callers hold the lock under which those are written:
 * a temp file of somebody at work would be gone before its rename.
 */
export async function removeTemps (directory: string, finals?: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(directory)) {
    const final = finalName(name)
    if (final !== undefined && (finals === undefined || finals.has(final))) await removeFile(join(directory, name))
  }
}

/**
 * Temp file, rename. With `durable` also fsync of file and directory: what must outlive a power cut. Without, a kill loses nothing
 * (the page cache stays) and a power cut is told by the boot id inside.
 */
export async function writeAtomic (path: string, data: string, options: { readonly durable: boolean, readonly mode?: number }): Promise<void> {
  const temp = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    const file = await open(temp, 'wx', options.mode ?? 0o600)
    try {
      await file.writeFile(data)
      if (options.durable) await file.sync()
    } finally { await file.close() }
    await rename(temp, path)
  } catch (error) {
    await rm(temp, { force: true })
    throw isError(error) && !('path' in error) ? Object.assign(error, { path }) : error // a write does not know where it goes
  }
  if (options.durable) await syncDirectory(dirname(path))
}

/** Makes a rename or unlink in `directory` survive a power cut. */
export async function syncDirectory (directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try { await handle.sync() } finally { await handle.close() }
}

/** The text of a file, undefined where there is none. */
export async function readIfThere (path: string): Promise<string | undefined> {
  try { return await readFile(path, 'utf8') } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Unlinks; false where there was nothing. */
export async function removeFile (path: string): Promise<boolean> {
  try { await unlink(path); return true } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Makes a directory and those above it. Everybody may pass (dnsmasq runs as another user), only root may look. */
export async function makeDirectory (path: string, mode = 0o711): Promise<void> {
  const first = await firstMade(path, mode)
  if (first === undefined) return
  // With an umask of 077, which hardened hosts have, dnsmasq's user could not pass.
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await chmod(made, mode).catch((error: unknown) => { if (!isMissing(error)) throw error }) // removed meanwhile, since it is empty
  }
}

/** How often a directory is made again that others remove at the same moment, since it is empty. */
const ATTEMPTS = 100

/**
 * The uppermost directory that had to be made, one by one. Node's own `recursive` would not do: where others remove a directory meanwhile its error says that
 * something is no directory, and on a read-only file system that something is missing.
 */
async function firstMade (path: string, mode: number): Promise<string | undefined> {
  let first: string | undefined
  for (let tries = 1; ; tries++) {
    try { await mkdir(path, mode); return first ?? path } catch (error) {
      const code = errnoOf(error)
      const there = code === 'EEXIST' ? await isDirectory(path) : undefined
      if (there === true) return first
      const again = code === 'EEXIST' || (code === 'ENOENT' && dirname(path) !== path)
      if (there === false || !again || tries >= ATTEMPTS) throw error
      if (code === 'ENOENT') first = await firstMade(dirname(path), mode) ?? first
    }
  }
}

/**
 * Runs `work`, which writes into a directory, and makes that first; others may remove it at the same moment, since it is empty. `there`: it is made only where
 * `work` misses it.
 */
export async function inside<T> (directory: string, work: () => Promise<T>, { mode, there = false }: { readonly mode?: number, readonly there?: boolean } = {}): Promise<T> {
  for (let tries = 1; ; tries++) {
    if (tries > 1 || !there) await makeDirectory(directory, mode)
    try { return await work() } catch (error) { if (!isMissing(error) || tries >= ATTEMPTS) throw error }
  }
}

/** Undefined where there is nothing. */
async function isDirectory (path: string): Promise<boolean | undefined> {
  try { return (await stat(path)).isDirectory() } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Removes directories that are empty, from `path` upwards, at most `levels`. */
export async function removeEmpty (path: string, levels: number): Promise<void> {
  let directory = path
  for (let level = 0; level < levels; level++) {
    try { await rmdir(directory) } catch (error) {
      const code = errnoOf(error)
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EBUSY') return
      if (code !== 'ENOENT') throw error
    }
    directory = dirname(directory)
  }
}
