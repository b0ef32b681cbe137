/** Other people's programs that the demonstration runs: found, started, waited for. None outlives this process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'

/** Longer than any of them takes, even on a machine with much else to do. Milliseconds. */
export const PATIENCE = 15_000

export interface Program {
  /** Everything it has printed so far, both streams. */
  output (): string
  /** Resolves when the output matches. Throws with the output when the program ends before, or takes too long. */
  until (pattern: RegExp): Promise<void>
  /** Resolves when it has ended and all its output is read. Throws when it takes too long. */
  ended (): Promise<void>
  stop (): void
}

/** Starts one, with nothing but PATH in its environment. */
export function start (file: string, args: readonly string[], directory?: string): Program {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory, env: { PATH: process.env.PATH } })
  let output = ''
  let over = false
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (data: string) => { output += data; child.emit('news') })
  child.on('error', (error) => { output += error.message; over = true; child.emit('news') })
  child.on('close', () => { over = true; child.emit('news') })
  process.on('exit', () => { child.kill('SIGKILL') })
  const wait = async (enough: () => boolean): Promise<void> => {
    const late = AbortSignal.timeout(PATIENCE)
    while (!enough() && !over) {
      await once(child, 'news', { signal: late }).catch(() => { throw new Error(`${file} has not done its work after ${String(PATIENCE / 1_000)} s: ${output.trim()}`) })
    }
  }
  return {
    output: () => output,
    until: async (pattern) => {
      await wait(() => pattern.test(output))
      if (!pattern.test(output)) throw new Error(`${file} ended before its work was done: ${output.trim()}`)
    },
    ended: () => wait(() => over),
    stop: () => { child.kill() },
  }
}

/** The first of these programs that is installed, as an absolute path. */
export async function which (...names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const directory of (process.env.PATH ?? '').split(':')) {
      const file = join(directory, name)
      if (await access(file, constants.X_OK).then(() => true, () => false)) return file
    }
  }
  return undefined
}
