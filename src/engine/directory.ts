/** Follows a directory that others may remove and make again. */
import { watch, type FSWatcher } from 'node:fs'
import { isMissing, makeDirectory } from './files.js'

/** Yields once at the beginning, then after each change of what is in the directory; several at once are one. Makes it where it is missing. Ends when the signal aborts. */
export async function * directoryChanges (path: string, signal: AbortSignal): AsyncGenerator<void, void, undefined> {
  let changed = true
  let gone = true
  let wake: () => void = () => undefined
  let watcher: FSWatcher | undefined
  const stop = (): void => { wake() }
  signal.addEventListener('abort', stop)
  const touch = (): void => { changed = true; wake() }
  try {
    while (!signal.aborted) {
      if (gone) {
        watcher?.close()
        watcher = await follow(path, touch, () => { gone = true; touch() })
        gone = false
      }
      if (!changed) await new Promise<void>((resolve) => { wake = resolve })
      else { changed = false; yield }
    }
  } finally {
    signal.removeEventListener('abort', stop)
    watcher?.close()
  }
}

async function follow (path: string, touch: () => void, lost: () => void): Promise<FSWatcher> {
  for (let tries = 0; ; tries++) {
    await makeDirectory(path)
    try {
      // The removal of the directory itself is a rename of its own name.
      const watcher = watch(path, { persistent: false }, (event, name) => { if (event === 'rename' && name !== null && path.endsWith(`/${name}`)) lost(); else touch() })
      watcher.on('error', lost)
      return watcher
    } catch (error) { if (!isMissing(error) || tries >= 10) throw error }
  }
}
