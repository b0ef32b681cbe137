/**
 * Files below /proc/sys/net, in a given namespace. They are read and written on a native thread of ours: on libuv's pool a write
 * that waits for RTNL would starve the user's own file access, and /proc/sys/net there is that of whichever namespace the thread is in.
 */
import { isError } from '../errors.js'
import { isErrno } from '../netlink/errno.js'
import { native } from '../netlink/native.js'
import { refusal } from './refusal.js'

/** A file and what is in it, without the newline. */
export interface Sysctl { readonly path: string, readonly value: string }

/** No sysctl that we read is longer. */
const LIMIT = 4096
const ROOT = '/proc/sys/net/'

function checkedPath (path: string): string {
  if (!path.startsWith(ROOT) || path.split('/').includes('..') || path.includes('\0')) throw new RangeError(`${JSON.stringify(path)} is not below ${ROOT}`)
  return path
}

/** Values in the order of `paths`, undefined where there is no such file. `sysctl -n`. Throws KernelError. */
export async function readSysctls (netns: number, paths: readonly string[]): Promise<(string | undefined)[]> {
  const checked = paths.map(checkedPath)
  if (checked.length === 0) return []
  try {
    const contents = await native().filesRead(netns, checked, LIMIT)
    return contents.map((content) => content?.toString('latin1').replace(/\n$/, ''))
  } catch (error) { throw refusal(error, 'read', pathOf(error) ?? ROOT) }
}

/**
 * Writes in order; files that do not exist (an interface that is gone, a kernel without IPv6) are skipped and returned.
 * `sysctl -w`. Throws KernelError on any other refusal; what came before it stays written.
 */
export async function writeSysctls (netns: number, files: readonly Sysctl[]): Promise<readonly Sysctl[]> {
  const skipped: Sysctl[] = []
  let left = files.map(({ path, value }) => ({ path: checkedPath(path), data: value }))
  while (left.length > 0) {
    try {
      await native().filesWrite(netns, left)
      return skipped
    } catch (error) {
      const at = indexOf(error)
      const missing = at === undefined ? undefined : left[at]
      if (at === undefined || missing === undefined || !(isErrno(error, 'ENOENT') || isErrno(error, 'ENODEV'))) throw refusal(error, 'write', pathOf(error) ?? ROOT)
      skipped.push({ path: missing.path, value: missing.data })
      left = left.slice(at + 1)
    }
  }
  return skipped
}

function indexOf (error: unknown): number | undefined {
  return isError(error) && 'index' in error && typeof error.index === 'number' ? error.index : undefined
}
function pathOf (error: unknown): string | undefined {
  return isError(error) && 'path' in error && typeof error.path === 'string' ? error.path : undefined
}
