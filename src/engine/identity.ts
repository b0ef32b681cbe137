/** Which boot this is and which process we are: what makes a record void or alive. Source: proc(5), /proc/PID/stat field 22. */
import { readFile } from 'node:fs/promises'
import { isMissing } from './files.js'

export interface Identity { readonly boot: string, readonly process: { readonly pid: number, readonly started: string } }

let own: Promise<Identity> | undefined

/** This boot and this process; read once. */
export function identity (): Promise<Identity> {
  own ??= (async () => ({
    boot: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    process: { pid: process.pid, started: await startTime(process.pid) ?? '' },
  }))()
  return own
}

/** Start time of a process in clock ticks since boot; undefined where there is no such process, or only its zombie. */
export async function startTime (pid: number): Promise<string | undefined> {
  let stat: string
  try { stat = await readFile(`/proc/${String(pid)}/stat`, 'latin1') } catch (error) {
    if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'ESRCH')) return undefined
    throw error
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : fields[19]
}

/** Does the process that wrote a record still live? Pid and start time must match, so a reused pid is not taken for it. */
export async function lives (process: Identity['process']): Promise<boolean> {
  return await startTime(process.pid) === process.started
}
