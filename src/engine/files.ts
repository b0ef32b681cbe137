/** Small files written so that a reader sees the old or the new content, never a part. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm, rmdir, unlink } from 'node:fs/promises'
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
  const first = await mkdir(path, { recursive: true, mode }).catch(async (error: unknown) => { throw isMissing(error) ? await reason(path) ?? error : error })
  if (first === undefined) return
  // With an umask of 077, which hardened hosts have, dnsmasq's user could not pass.
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await chmod(made, mode).catch((error: unknown) => { if (!isMissing(error)) throw error }) // removed meanwhile, since it is empty
  }
}

/** Why a directory cannot be made: Node says ENOENT, too, of a file system that is read-only. Undefined where it can, by now. */
async function reason (path: string): Promise<unknown> {
  try { await mkdir(path) } catch (error) { return isMissing(error) && dirname(path) !== path ? await reason(dirname(path)) : error }
  await rmdir(path)
  return undefined
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
