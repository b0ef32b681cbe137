/**
 * Every process of kernel tests runs in namespaces of its own: mounts (a fresh /run, so /run/netns and /run/netwright are its own),
 * processes (whatever is left is ours and dies with us) and network (the machine's own links and rules cannot be reached, let alone changed).
 * So tests run beside each other, a killed test leaves nothing, and "as before" can be compared exactly.
 *
 * Importing this file is enough: outside of a sandbox it starts the same test file again inside one and exits with its exit code.
 */
import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { marker, sandboxed } from './enter.js'

function fail (why: string): never {
  process.stderr.write(`kernel tests cannot run: ${why}\n`)
  process.exit(1)
}

function enter (): never {
  if (process.getuid?.() !== 0) fail('they make network namespaces and need root; run them as root')
  const { file, args } = sandboxed([process.execPath, ...process.execArgv, ...process.argv.slice(1)])
  const { status, signal, error } = spawnSync(file, args, { stdio: 'inherit' })
  if (error !== undefined) fail(`unshare: ${error.message}`)
  if (signal !== null) fail(`the sandbox was ended by ${signal}`)
  process.exit(status ?? 1)
}

if (process.env[marker] !== readlinkSync('/proc/self/ns/mnt')) enter()
