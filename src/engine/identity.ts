/** Which boot this is and which process we are: what makes a record void or alive. Source: proc(5), /proc/PID/stat field 22. */
import { readFile } from 'node:fs/promises'
import { startTimeOf } from '../dnsmasq/running.js'
import { native } from '../netlink/native.js'

export interface Identity { readonly boot: string, readonly process: { readonly pid: number, readonly started: string } }

let own: Promise<Identity> | undefined

/**
 * This boot and this process; read once. In a worker it is the worker's thread, which the kernel numbers as it does processes: a worker may be terminated
 * in the middle of a change, and its process, which lives on, knows nothing of that.
 */
export function identity (): Promise<Identity> {
  own ??= (async () => {
    const pid = native().threadId() // of the main thread it is the process's
    return { boot: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(), process: { pid, started: await startTimeOf(pid) ?? '' } }
  })()
  return own
}

/** Does the process that wrote a record still live? Pid and start time must match, so a reused pid is not taken for it. */
export async function lives (process: Identity['process']): Promise<boolean> {
  return await startTimeOf(process.pid) === process.started
}
