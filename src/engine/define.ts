/** Stored definitions: define, undefine, autostart. Nothing here touches the kernel but to remove the ports of a network that is undefined. */
import { NetwrightError } from '../errors.js'
import type { Definition, NetworkSpec } from '../network/spec.js'
import { Choice } from './choose.js'
import { locked, owned, type Context } from './context.js'
import type { Daemons } from './daemons.js'
import { clear, type Means } from './recovery.js'
import { dropOrigins } from './origins.js'
import { steps, type Steps } from './steps.js'
import { otherDefinitions } from './store.js'
import { failure } from './undo.js'

/**
 * Stores a definition, complete with what is chosen for life. A definition of the same name is replaced and gives its uuid, MAC and bridge name
 * where the new one has none. Throws NETWRIGHT_EXISTS where name and uuid belong to different networks, NETWRIGHT_NAME_IN_USE where another definition has the bridge.
 */
export async function define (context: Context, spec: NetworkSpec, signal: AbortSignal | undefined): Promise<Definition> {
  const purpose = `define ${spec.name}`
  return await owned(context, purpose, signal, async () => await locked(context, purpose, signal, async () => {
    const before = await predecessor(context, spec)
    const definition = await new Choice(context).complete(spec, before)
    await freeBridge(context, definition)
    await steps(context.hook, signal).before('write the definition')
    if (before === undefined) await dropOrigins(context, definition)
    await context.store.save(definition)
    return definition
  }))
}

/** The network of that name, stored or running; refuses a uuid that is another's. */
async function predecessor (context: Context, spec: NetworkSpec): Promise<Definition | undefined> {
  const running = (await context.book.look()).networks().map(({ definition }) => definition)
  const all = [...(await context.store.list()).map(({ definition }) => definition), ...running]
  const same = all.find(({ name }) => name === spec.name)
  if (same !== undefined && spec.uuid !== undefined && same.uuid !== spec.uuid) throw new NetwrightError('NETWRIGHT_EXISTS', `network '${spec.name}' already exists with uuid ${same.uuid}`)
  const other = all.find(({ name, uuid }) => name !== spec.name && uuid === spec.uuid)
  if (other !== undefined) throw new NetwrightError('NETWRIGHT_EXISTS', `network '${other.name}' is already defined with uuid ${other.uuid}`)
  return same
}

async function freeBridge (context: Context, { name, bridge }: Definition): Promise<void> {
  const { store, places, logger } = context
  const own = (await store.list()).map(({ definition }) => definition).filter((other) => other.name !== name)
  const other = [...own, ...await otherDefinitions(places.owners, places.networks, places.system, logger)].find((definition) => definition.bridge.name === bridge.name)
  if (other === undefined) return
  throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `bridge name '${bridge.name}' already in use.`, { conflict: { kind: 'network', name: other.name }, remedy: 'leave the bridge name out and one is chosen' })
}

/**
 * Forgets a definition and, where the network does not run, the ports that its last stop kept, and the leases. Those go first: killed in between, a definition is left that can be undefined
 * again, not leases that nobody knows of. Throws NETWRIGHT_TRANSIENT where there is none to forget.
 */
export async function undefine (context: Context, daemons: Daemons, name: string, signal: AbortSignal | undefined): Promise<void> {
  const purpose = `undefine ${name}`
  await owned(context, purpose, signal, async () => await locked(context, purpose, signal, async () => {
    if (await context.store.get(name) === undefined) throw new NetwrightError('NETWRIGHT_TRANSIENT', `can't undefine transient network`)
    await forget(name, { context, daemons }, steps(context.hook, signal))
  }))
}

/** Forgets a definition with what belongs to it. Callers hold both locks. */
export async function forget (name: string, { context, daemons }: Means, step: Steps): Promise<void> {
  const journal = await context.book.journal()
  if ((await context.book.look()).network(name) === undefined && !journal.some(({ networks }) => networks.some(({ definition }) => definition.name === name))) {
    await forgetPorts(name, { context, daemons })
    await step.before('remove the leases')
    await daemons.forgetLeases(name)
    const stored = await context.store.get(name)
    if (stored !== undefined) await dropOrigins(context, stored.definition)
  }
  await step.before('remove the definition')
  await context.store.remove(name)
}

/** The ports that its last stop left: nobody could name them any more. */
async function forgetPorts (name: string, means: Means): Promise<void> {
  const { book } = means.context
  const ports = (await book.look()).ports([name])
  if (ports.length === 0) return
  const record = await book.intend(`undefine ${name}`, { ports, removal: true })
  const left = await clear(record, means)
  if (left.length > 0) throw failure(record.purpose, left[0]?.error, left)
}

/** Marks a definition for autostart, or not. Throws NETWRIGHT_TRANSIENT. */
export async function setAutostart (context: Context, name: string, on: boolean, signal: AbortSignal | undefined): Promise<void> {
  await owned(context, `autostart ${name}`, signal, async () => {
    if (await context.store.get(name) === undefined) throw new NetwrightError('NETWRIGHT_TRANSIENT', 'cannot set autostart for transient network')
    await steps(context.hook, signal).before('mark for autostart')
    await context.store.setAutostart(name, on)
  })
}
