/** A program on a real pseudo-terminal of 80 by 24, made by script(1): what is typed, what is shown. */
import { background, type Background } from './command.js'

export interface Terminal extends Pick<Background, 'pid' | 'until' | 'output' | 'ended' | 'stop'> {
  /** Types, as a person does: `\t` is TAB, `\r` is Enter, `\x03` is Ctrl-C, `\x04` Ctrl-D. */
  type (keys: string): void
  /** Forgets what was shown so far, for `until`. */
  clear (): void
}

/** Runs a line of sh on a terminal. Stop it in the end. */
export function terminal (line: string, options: { readonly env?: Readonly<Record<string, string>>, readonly cwd?: string } = {}): Terminal {
  const program = background('script', ['-qefc', `stty cols 80 rows 24; ${line}`, '/dev/null'], { ...options, env: { SHELL: '/bin/sh', TERM: 'xterm', ...options.env }, piped: true })
  let from = 0
  const { stdin } = program.child
  return {
    output: () => program.output().slice(from),
    until: (pattern, timeoutMs) => program.until(new RegExp(`(?<=^[^]{${String(from)},})(?:${pattern.source})`, pattern.flags), timeoutMs),
    pid: program.pid,
    ended: program.ended,
    stop: async (signal) => {
      stdin?.end()
      await program.stop(signal)
    },
    type: (keys) => { stdin?.write(keys) },
    clear: () => { from = program.output().length },
  }
}
