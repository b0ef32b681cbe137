/** The lines that were typed at the interactive shell, kept over sessions: as virsh does, in the cache directory. */
import { appendFile, mkdir, open, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** Lines that are kept: virsh's number. Source: tools/vsh.c, VSH_HISTSIZE. */
export const KEPT = 500
/** Bytes of the file that are read, and of a line that is kept. */
const MOST = 256 * 1024
const LONGEST = 4096

export interface History {
  /** The latest first, as node:readline takes them. */
  readonly lines: readonly string[]
  /** Keeps a line; one that begins with a space, repeats the last one or is very long is not kept. */
  add (line: string): Promise<void>
}

/** `$XDG_CACHE_HOME/netwright/history`, or below ~/.cache. Source: the XDG Base Directory Specification. */
export function historyFile (environment: Readonly<Record<string, string | undefined>>): string {
  const cache = environment.XDG_CACHE_HOME
  return join(cache === undefined || !cache.startsWith('/') ? join(homedir(), '.cache') : cache, 'netwright', 'history')
}

/** The end of the file, without a line that may be cut. */
async function tail (file: string): Promise<string[]> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(size, MOST)), 0, Math.min(size, MOST), Math.max(0, size - MOST))
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n').filter((line) => line !== '')
    return size > MOST ? lines.slice(1) : lines
  } finally { await handle.close() }
}

/** Reads the history; a file that has grown beyond twice the bounds is cut. A history that cannot be read or written is none: nobody's commands fail for it. */
export async function history (file: string): Promise<History> {
  const all = await tail(file).catch((): string[] => [])
  const kept = all.slice(-KEPT)
  if (all.length > 2 * KEPT) {
    const next = `${file}.${String(process.pid)}`
    await writeFile(next, kept.map((line) => `${line}\n`).join(''), { mode: 0o600 }).then(() => rename(next, file)).catch(() => undefined)
  }
  let last = kept.at(-1)
  return {
    lines: [...kept].reverse(),
    add: async (line) => {
      if (line.trim() === '' || line.startsWith(' ') || line === last || line.length > LONGEST || line.includes('\n')) return
      last = line
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 })
        await appendFile(file, `${line}\n`, { mode: 0o600 })
      } catch { /* a full disk, a home that is read-only */ }
    },
  }
}
