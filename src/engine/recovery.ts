/** Finishes or undoes what a dead process left: whatever its journal names is removed. Callers hold the namespace's lock. */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetwrightError } from '../errors.js'
import { locked, type Context } from './context.js'
import type { Daemons } from './daemons.js'
import { lives } from './identity.js'
import type { BatchRecord } from './record.js'
import { undoSteps } from './steps.js'
import { teardown } from './teardown.js'

/** Journals whose undo failed in this process: it lives, but nobody is at them. */
const abandoned = new Set<string>()

/** From now on `recover` takes this record for that of a dead process. */
export function abandon (record: BatchRecord): void { abandoned.add(record.id) }

/** Removes what the journals of dead processes name. What cannot be removed stays in the journal, for the next attempt, and is logged. */
export async function recover (context: Context, daemons: Daemons): Promise<void> {
  for (const record of await context.book.journal()) {
    if (!abandoned.has(record.id) && await lives(record.process)) continue
    context.logger.warn({ purpose: record.purpose, pid: record.process.pid }, `process ${String(record.process.pid)} died during "${record.purpose}": removing what it left`)
    const left = await teardown(record, { context, daemons, steps: undoSteps(context.hook) })
    if (left.length > 0) continue
    await context.book.gone(record)
    abandoned.delete(record.id)
  }
}

/** Somebody alive is at one of these networks or its ports; undefined where nobody is. */
async function busy (context: Context, networks: readonly string[]): Promise<{ readonly network: string, readonly record: BatchRecord } | undefined> {
  for (const record of await context.book.journal()) {
    if (abandoned.has(record.id)) continue
    const network = [...record.networks.map(({ definition }) => definition.name), ...record.ports.map((port) => port.network)].find((name) => networks.includes(name))
    if (network !== undefined) return { network, record }
  }
  return undefined
}

export interface Quiet { readonly context: Context, readonly daemons: Daemons, readonly purpose: string, readonly networks: readonly string[], readonly signal?: AbortSignal | undefined }

/**
 * Runs `work` under the lock, after what dead processes left is gone, and when nobody is at any of these networks: a network that is being
 * started is waited for. Throws NETWRIGHT_LOCKED, naming who is at it, after the lock's deadline.
 */
export async function whenQuiet<T> ({ context, daemons, purpose, networks, signal }: Quiet, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + context.lockTimeout
  for (let pause = 2; ; pause = Math.min(pause * 2, 25)) {
    const result = await locked(context, purpose, signal, async () => {
      await recover(context, daemons)
      const at = await busy(context, networks)
      return at === undefined ? { done: await work() } : { at }
    })
    if ('done' in result) return result.done
    if (performance.now() >= deadline) throw busyError(result.at.network, result.at.record)
    await sleep(pause)
  }
}

function busyError (network: string, record: BatchRecord): NetwrightError {
  const holder = `process ${String(record.process.pid)} (${record.purpose})`
  return new NetwrightError('NETWRIGHT_LOCKED', `network ${network} is being changed by ${holder}`, { holder, remedy: 'wait until it is done' })
}
