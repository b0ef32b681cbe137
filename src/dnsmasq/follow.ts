/** Follows one file through changes, renames onto its name, and removal. `inotifywait -m`. */
import { watch } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { isError } from '../errors.js'

/**
 * Yields once at the beginning, then after each change of the file at `path`, whether it is written in place, renamed or removed; several
 * changes at once are one. Its directory must exist. Ends when the signal aborts. A symbolic link is followed as it is at the beginning,
 * and the link itself is watched too.
 *
 * Only the signal ends a wait for the next change; `return()` is obeyed after it.
 * Where inotify instances are used up it looks every second.
 */
export async function * changesOf (path: string, signal?: AbortSignal): AsyncGenerator<void, void, undefined> {
  const target = await realpath(path).catch(() => path)
  let changed = true
  let wake: () => void = () => undefined
  const touch = (): void => { changed = true; wake() }
  const watchers = [...new Set([path, target])].map((file) => watchName(file, touch))
  const stop = (): void => { wake() }
  signal?.addEventListener('abort', stop)
  try {
    while (signal?.aborted !== true) {
      if (!changed) await new Promise<void>((resolve) => { wake = resolve })
      else { changed = false; yield }
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    for (const watcher of watchers) watcher.close()
  }
}

function watchName (file: string, touch: () => void): { close (): void } {
  try {
    // The directory, since the name may come to stand for another file.
    return watch(dirname(file), (_, name) => { if (name === null || name === basename(file)) touch() }).on('error', touch)
  } catch (error) {
    if (!(isError(error) && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENOSPC'))) throw error
    const timer = setInterval(touch, 1_000)
    return { close: () => { clearInterval(timer) } }
  }
}
