/** Standard output and error: nobody reading is not an error, and everything is written before the process ends. */

export interface Output {
  write (text: string): void
  /** Aborted when the reader is gone (`netwright net-list | head -1`). */
  readonly gone: AbortSignal
  /** Resolves when what was written has left the process, or cannot any more. */
  flush (): Promise<void>
  /** Why something could not be written, other than for want of a reader: `ENOSPC`. */
  problem (): string | undefined
}

/** Writes to a stream of the process, which is opened when there is something to write. EPIPE is quiet: what is written afterwards is dropped. */
export function output (open: () => NodeJS.WriteStream): Output {
  const gone = new AbortController()
  let problem: string | undefined
  let opened: NodeJS.WriteStream | undefined
  const stream = (): NodeJS.WriteStream => {
    opened ??= open().on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') problem ??= error.code ?? error.message
      gone.abort()
    })
    return opened
  }
  return {
    gone: gone.signal,
    write: (text) => { if (!gone.signal.aborted && text !== '') stream().write(text) },
    flush: () => new Promise<void>((resolve) => {
      if (gone.signal.aborted || opened === undefined || opened.writableLength === 0) { resolve(); return }
      gone.signal.addEventListener('abort', () => { resolve() }, { once: true })
      opened.write('', () => { resolve() })
    }),
    problem: () => problem,
  }
}
