/** SIGHUP, SIGINT and SIGTERM: the first one aborts the running verb, which undoes what it began; a second one ends the process at once, and the next command tidies up. */
import { readFileSync } from 'node:fs'

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

export interface Signals {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  /** The exit code that a signal asks for. */
  code (): number | undefined
  /** After a SIGINT the interactive shell goes on, with another `signal`; after the others it does not. Returns whether it goes on. */
  renew (): boolean
}

export function signals (): Signals {
  let controller = new AbortController()
  let code: number | undefined
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    if (name === 'SIGHUP' && ignoresHangup()) continue
    process.on(name, () => {
      if (code !== undefined) process.exit(exitCodes[name])
      code = exitCodes[name]
      controller.abort()
    })
  }
  return {
    get signal () { return controller.signal },
    code: () => code,
    renew: () => {
      if (code === undefined) return true
      if (code !== exitCodes.SIGINT) return false
      code = undefined
      controller = new AbortController()
      return true
    },
  }
}

/** Under nohup: what lives on without its terminal must not be aborted with it. Source: proc_pid_status(5), SigIgn. */
function ignoresHangup (): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  return ignored !== undefined && (BigInt(`0x${ignored}`) & 1n) === 1n
}
