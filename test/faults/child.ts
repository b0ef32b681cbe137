/**
 * A process that opens a host, changes something and is killed before its nth effect: `node child.js '{"operation":…}'`.
 * Exits 0 where it came to its end, 3 after an error of ours, 4 after any other. Without an operation it only opens and closes the host, so
 * recovery is what is killed.
 */
import { execFileSync } from 'node:child_process'
import { NetwrightError } from '../../src/errors.js'
import { openHost } from '../../src/engine/host.js'
import { isOperation, operations, type Place } from './operations.js'

/** `step` from 1; 0: none. */
export interface Order extends Place { readonly operation: string, readonly step: number, /** An earlier step, which fails: so it is the undo that is killed. */ readonly fail?: number, /** Default SIGKILL. */ readonly signal?: NodeJS.Signals, /** Of open files, once everything is loaded. */ readonly files?: number }

const order = JSON.parse(process.argv[2] ?? '{}') as Order
if (order.files !== undefined) execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${String(order.files)}:${String(order.files)}`])
let count = 0
const hook = (): void => {
  if (++count === order.step) process.kill(process.pid, order.signal ?? 'SIGKILL')
  if (count === order.fail) throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', 'fault')
}
try {
  const host = await openHost({ netns: order.netns, root: order.root, supervise: false }, { hook })
  try { if (isOperation(order.operation)) await operations[order.operation].run(host, order) } finally { await host.close() }
} catch (error) {
  console.error(error)
  process.exitCode = error instanceof NetwrightError ? 3 : 4
}
