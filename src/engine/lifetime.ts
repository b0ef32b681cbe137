/**
 * What ends with the process that made it. A host with `lifetime: 'process'` marks its records; such a record is over when its process is dead, or
 * when its host is closed. What is over is removed by whoever comes first: the process's reaper, or the next host of this owner.
 */
import { NetwrightError } from '../errors.js'
import { readIfThere, removeFile } from './files.js'
import { lives } from './identity.js'
import { clear, whenQuiet, type Means } from './recovery.js'
import type { BatchRecord, NetworkRecord, PortRecord } from './record.js'
import { failure } from './undo.js'

/** Whether what a record names is to go. */
export type IsOver = (record: BatchRecord) => Promise<boolean>

/** The process that made it is dead, whatever killed it. */
export const bereaved: IsOver = async ({ lifetime, process }) => lifetime !== undefined && !await lives(process)

/** Made by this host, which is being closed. */
export const madeBy = (host: string): IsOver => async ({ lifetime }) => await Promise.resolve(lifetime === host)

/**
 * Removes what is over: `virsh net-destroy` for each, all at once; definitions stay. Names are free when it resolves, the links go later.
 * Throws NETWRIGHT_LOCKED where somebody is at one of them for too long, NETWRIGHT_UNDO_INCOMPLETE where something stays; then the next host tries again.
 */
export async function reap (means: Means, isOver: IsOver): Promise<void> {
  const { networks: before, ports } = await heritage(means, isOver)
  if (before.length + ports.length === 0) return
  const names = [...new Set([...before.map(nameOf), ...ports.map(({ network }) => network)])]
  const purpose = `remove ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${String(names.length - 3)} more` : ''}, whose process has ended`
  await whenQuiet({ ...means, purpose, networks: names }, async () => {
    const content = await heritage(means, isOver)
    if (content.networks.length + content.ports.length === 0) return
    const record = await means.context.book.intend(purpose, { ...content, removal: true })
    const left = await clear(record, means)
    if (left.length > 0) throw failure(purpose, left[0]?.error, left)
  })
}

/** Networks that are over with their ports, and ports that are over of networks that go on. A stored network keeps the ports that others made, as at any stop. */
async function heritage ({ context }: Means, isOver: IsOver): Promise<{ readonly networks: readonly NetworkRecord[], readonly ports: readonly PortRecord[] }> {
  const networks: NetworkRecord[] = []
  const ports: PortRecord[] = []
  const others: PortRecord[] = []
  for (const record of await context.book.standing()) {
    const over = await isOver(record)
    if (over) networks.push(...record.networks)
    ;(over ? ports : others).push(...record.ports)
  }
  const transient = new Set<string>()
  for (const { definition } of networks) if ((await context.store.get(definition.name))?.definition.uuid !== definition.uuid) transient.add(definition.name)
  return { networks, ports: [...ports, ...others.filter(({ network }) => transient.has(network))] }
}

const nameOf = ({ definition }: NetworkRecord): string => definition.name

/** Removes what dead processes should have taken with them, and tells what their reapers could not do. Never throws: what stays is logged. */
export async function reapDead (means: Means): Promise<void> {
  const { places, logger } = means.context
  try {
    const complaints = await readIfThere(places.complaints)
    if (complaints !== undefined) {
      logger.error({ path: places.complaints }, `a reaper could not remove what its process left: ${complaints.trim()}`)
      await removeFile(places.complaints)
    }
    await reap(means, bereaved)
  } catch (error) {
    logger.error({ err: error, ...error instanceof NetwrightError && error.left !== undefined ? { left: error.left } : {} }, 'what a dead process left is still there: the next host tries again')
  }
}
