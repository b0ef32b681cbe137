/** Stops networks: one journal record, one send for the links, one nft commit. */
import { NetwrightError } from '../errors.js'
import { requireCapabilities } from '../kernel/host.js'
import type { Context } from './context.js'
import type { Daemons } from './daemons.js'
import { clear, whenQuiet } from './recovery.js'
import type { NetworkRecord, PortRecord } from './record.js'
import { steps } from './steps.js'
import type { Turn } from './together.js'
import { failure } from './undo.js'

export interface Stop {
  readonly context: Context
  readonly daemons: Daemons
  readonly signal?: AbortSignal | undefined
  /** What happens to the ports' links: kept for the next start, or removed. */
  readonly ports: 'keep' | 'remove'
  /** Of a batch of several callers, who have waited for room themselves. */
  readonly turn?: Turn | undefined
}

/**
 * Throws NETWRIGHT_INACTIVE where one of them is not running, NETWRIGHT_LOCKED where somebody is at it. After the intent is on record there is
 * no way back: a signal is honoured before, what fails is named in NETWRIGHT_UNDO_INCOMPLETE and tried again by the next command.
 */
export async function stop (names: readonly string[], { context, daemons, signal, ports, turn }: Stop): Promise<readonly NetworkRecord[]> {
  requireCapabilities('network')
  if (turn === undefined) await context.sexton.room(signal)
  const purpose = `stop ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${String(names.length - 3)} more` : ''}`
  return await whenQuiet({ context, daemons, purpose, networks: names, signal, removal: true, turn }, async () => {
    const step = steps(context.hook, signal)
    const { networks, attached } = await find(names, context)
    await step.before('write the journal')
    const record = await context.book.intend(purpose, { networks, ports: ports === 'remove' ? attached : [], removal: true })
    const left = await clear(record, { context, daemons })
    if (left.length > 0) throw failure(purpose, left[0]?.error, left)
    return networks
  })
}

async function find (names: readonly string[], context: Context): Promise<{ readonly networks: readonly NetworkRecord[], readonly attached: readonly PortRecord[] }> {
  const standing = await context.book.look()
  const networks: NetworkRecord[] = []
  for (const name of names) {
    const found = standing.network(name)
    if (found === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network ${name} is not active`)
    networks.push(found)
  }
  return { networks, attached: standing.ports(new Set(names)) }
}
