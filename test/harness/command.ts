/** Programs that tests run: one that ends, with its output; one in the background, killed at the end. All bounded in time. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

export interface Outcome { readonly stdout: string, readonly stderr: string, /** 128 + n after signal n is not distinguished: -1. */ readonly code: number }
export interface ExecOptions {
  /** Written to the program's standard input, which is then closed. Default: empty. */
  readonly input?: string
  /** Default 60,000. */
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const environment = (env: ExecOptions['env']): NodeJS.ProcessEnv => ({ ...process.env, LC_ALL: 'C', ...env })

/** Runs a program to its end. A non-zero exit code is an outcome, not an exception; one that cannot be started, or takes too long, throws. */
export async function exec (command: string, args: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
  const timeoutMs = options.timeoutMs ?? 60_000
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: environment(options.env), cwd: options.cwd })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  child.stdin.on('error', () => undefined) // a program that does not read its input closes it: its exit code tells
  child.stdin.end(options.input ?? '')
  let late = false
  const timer = setTimeout(() => { late = true; child.kill('SIGKILL') }, timeoutMs)
  try {
    const [code] = await once(child, 'close') as [number | null]
    if (late) throw new Error(`${[command, ...args].join(' ')} was still running after ${String(timeoutMs)} ms\n${stdout}${stderr}`)
    return { stdout, stderr, code: code ?? -1 }
  } finally {
    clearTimeout(timer)
  }
}

/** Runs a program that must succeed; returns its standard output, throws with everything it said otherwise. */
export async function must (command: string, args: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await exec(command, args, options)
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')}: exit code ${String(code)}\n${stderr}${stdout}`)
  return stdout
}

/** Runs a program that prints JSON; nothing printed (as `ip -j` does for nothing found) is an empty list. */
export async function json (command: string, args: readonly string[], options: ExecOptions = {}): Promise<unknown> {
  const text = await must(command, args, options)
  return text.trim() === '' ? [] : JSON.parse(text) as unknown
}

/** A program in the background. */
export interface Background {
  readonly pid: number
  readonly child: ChildProcess
  /** Everything it printed so far, both streams. */
  output (): string
  /** Resolves with the match once the output matches; rejects when the program ends before or it takes too long (default 60,000 ms). */
  until (pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>
  /** Resolves with the exit code (-1 after a signal) when it has ended by itself; rejects after `timeoutMs` (default 60,000). */
  ended (timeoutMs?: number): Promise<number>
  /** Sends a signal (default SIGTERM, after 10 s SIGKILL) and waits until it has ended. Twice is fine. */
  stop (signal?: NodeJS.Signals): Promise<void>
}

/** Starts a program in the background; the caller must `stop` it. */
export function background (command: string, args: readonly string[], options: Pick<ExecOptions, 'env' | 'cwd'> & { /** Its standard input is `child.stdin`. */ readonly piped?: boolean } = {}): Background {
  const child = spawn(command, args, { stdio: [options.piped === true ? 'pipe' : 'ignore', 'pipe', 'pipe'], env: environment(options.env), cwd: options.cwd })
  const title = [command, ...args].join(' ')
  let text = ''
  let code: number | undefined
  const watchers = new Set<() => void>()
  const wake = (): void => { for (const watcher of [...watchers]) watcher() }
  const add = (data: string): void => { text += data; wake() }
  child.stdout?.setEncoding('utf8').on('data', add)
  child.stderr?.setEncoding('utf8').on('data', add)
  child.on('error', (error) => { text += error.message; code = -1; wake() })
  child.on('close', (status) => { code = status ?? -1; wake() })

  /** Resolves when `check` gives a value: now, or after output or the end. */
  const wait = async <T> (check: () => T | undefined, timeoutMs: number, what: string): Promise<T> => await new Promise<T>((resolve, reject) => {
    const settle = (act: () => void): void => { clearTimeout(timer); watchers.delete(look); act() }
    const look = (): void => {
      try {
        const value = check()
        if (value !== undefined) settle(() => { resolve(value) })
      } catch (error) {
        settle(() => { reject(error instanceof Error ? error : new Error(String(error))) })
      }
    }
    const timer = setTimeout(() => { settle(() => { reject(new Error(`${title}: ${what} not seen within ${String(timeoutMs)} ms; it printed:\n${text}`)) }) }, timeoutMs)
    watchers.add(look)
    look()
  })

  return {
    pid: child.pid ?? -1,
    child,
    output: () => text,
    until: (pattern, timeoutMs = 60_000) => wait(() => {
      const match = text.match(pattern)
      if (match !== null) return match
      if (code !== undefined) throw new Error(`${title} ended with ${String(code)} before it printed ${String(pattern)}:\n${text}`)
      return undefined
    }, timeoutMs, String(pattern)),
    ended: (timeoutMs = 60_000) => wait(() => code, timeoutMs, 'its end'),
    stop: async (signal = 'SIGTERM') => {
      if (code !== undefined) return
      child.kill(signal)
      const hard = setTimeout(() => { child.kill('SIGKILL') }, 10_000)
      try {
        await wait(() => code, 60_000, 'its end')
      } finally {
        clearTimeout(hard)
      }
    },
  }
}
