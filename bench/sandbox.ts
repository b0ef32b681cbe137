/**
 * The benchmark runs in namespaces of its own: mounts (a fresh /run), processes and network. The machine's own links and rules cannot be reached,
 * and whatever ends the benchmark (its end, an error, SIGINT) ends every process in it and with them every namespace.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { marker, sandboxed } from '../test/harness/enter.js'

/** Whether this process is inside. */
export const inSandbox = (): boolean => process.env[marker] === readlinkSync('/proc/self/ns/mnt')

/** Starts this program again inside, and resolves with its exit code. */
export async function enterSandbox (): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error('the benchmark makes network namespaces: run it as root')
  const { file, args } = sandboxed([process.execPath, ...process.execArgv, ...process.argv.slice(1)])
  // A group of its own: Ctrl-C comes to us alone, and we end all of it at once.
  const child = spawn(file, args, { stdio: 'inherit', detached: true })
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
  let ended: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { ended = codes[signal]; child.kill('SIGKILL') })
  const [code] = await once(child, 'close') as [number | null]
  return ended ?? code ?? 1
}
