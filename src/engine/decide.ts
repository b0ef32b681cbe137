/** From what is asked to definitions with everything chosen. Only reads. Callers hold the namespace's lock until the choices can be seen by others. */
import { InputError, located, NetwrightError, type Whereabouts } from '../errors.js'
import { pacer } from '../netlink/breathe.js'
import type { Definition } from '../network/spec.js'
import { Choice } from './choose.js'
import type { Context } from './context.js'
import { inventory } from './inventory.js'
import { liveDiff } from './live.js'
import type { NetworkRecord } from './record.js'
import { about, aboutNetwork, type Created, type Updated, type Work } from './work.js'

/** A network that is to run, and where it was asked for. */
export interface Fresh { readonly definition: Definition, readonly at: string | undefined, readonly subnet: boolean }
/** A running one, and what it becomes. */
export interface Changed { readonly before: NetworkRecord, readonly after: Definition, readonly at: string | undefined, readonly subnet: boolean }
export interface Decided { readonly fresh: readonly Fresh[], readonly changed: readonly Changed[] }

/** Throws NETWRIGHT_EXISTS, NETWRIGHT_ACTIVE, NETWRIGHT_INACTIVE, NETWRIGHT_NOT_FOUND, NETWRIGHT_NO_FREE_SUBNET, NETWRIGHT_UNSUPPORTED for an update that needs a new start; each says whom it is about. */
export async function decide (context: Context, work: Work): Promise<Decided> {
  const { create = [], start = [], update = [] } = work
  onceEach(work)
  await unknown(context, create)
  const choice = new Choice(context)
  const changed = await changedBy(context, choice, update)
  const stored: Fresh[] = []
  for (const { name, at } of start) stored.push({ definition: await about(aboutNetwork(name, at), async () => await storedOne(context, name)), at, subnet: false })
  return { fresh: [...await chosen(choice, create), ...stored], changed }
}

/** A network is made, started, changed or stopped, once. */
function onceEach ({ create = [], start = [], update = [], attach = [], stop = [] }: Work): void {
  const coming = [...create, ...update].map(({ spec, at }) => ({ name: spec.name, at }))
  const seen = new Set<string>()
  for (const { name, at } of [...coming, ...start]) {
    if (seen.has(name)) throw located(new NetwrightError('NETWRIGHT_NAME_IN_USE', `network ${name} is named twice in one batch`, { conflict: { kind: 'network', name } }), aboutNetwork(name, at, 'name'))
    seen.add(name)
  }
  const going = new Set<string>()
  for (const { name, at } of stop) {
    if (seen.has(name) || going.has(name) || attach.some(({ network }) => network === name)) throw new InputError([{ ...at === undefined ? {} : { path: at }, message: `network ${name} is to be stopped and something else in one transaction: removals come last, so do one after the other` }])
    going.add(name)
  }
}

/** What is created must not be there, stored or by its uuid. */
async function unknown (context: Context, create: readonly Created[]): Promise<void> {
  const stored = await context.store.findAny(create.map(({ spec }) => spec.name))
  if (stored !== undefined) {
    const { name, uuid } = stored.definition
    throw located(new NetwrightError('NETWRIGHT_EXISTS', `network '${name}' already exists with uuid ${uuid}`, { remedy: `netwright net-start ${name}` }), placeIn(create, (one) => one.spec.name === name))
  }
  const given = create.flatMap(({ spec }) => spec.uuid ?? [])
  if (given.length === 0) return
  const other = (await inventory(context)).find(({ uuid }) => given.includes(uuid))
  if (other !== undefined) throw located(new NetwrightError('NETWRIGHT_EXISTS', `network '${other.name}' is already defined with uuid ${other.uuid}`), placeIn(create, (one) => one.spec.uuid === other.uuid, 'uuid'))
  const twice = given.find((uuid, i) => given.indexOf(uuid) !== i)
  if (twice !== undefined) throw located(new NetwrightError('NETWRIGHT_EXISTS', `two networks of one batch have uuid ${twice}`), placeIn(create, (one) => one.spec.uuid === twice, 'uuid'))
}

/** The last one that is so: of two alike, the second is at fault. */
function placeIn (create: readonly Created[], is: (one: Created) => boolean, part = 'name'): Whereabouts {
  const one = create.findLast(is)
  return one === undefined ? {} : aboutNetwork(one.spec.name, one.at, part)
}

/** Those that leave nothing to be chosen come first: what they name is taken then. */
async function chosen (choice: Choice, create: readonly Created[]): Promise<readonly Fresh[]> {
  const found = new Map<Created, Definition>()
  const pace = pacer()
  for (const open of [false, true]) for (const one of create) {
    if (isOpen(one) !== open) continue
    found.set(one, await about(aboutNetwork(one.spec.name, one.at, one.spec.auto === undefined ? 'bridge' : 'subnet'), async () => await choice.complete(one.spec)))
    const rest = pace()
    if (rest !== undefined) await rest
  }
  return create.flatMap((one) => {
    const definition = found.get(one)
    return definition === undefined ? [] : [{ definition, at: one.at, subnet: one.subnet === true }]
  })
}

const isOpen = ({ spec: { auto, bridge } }: Created): boolean => auto !== undefined || bridge.name === undefined || bridge.name.includes('%')

async function storedOne ({ store, book }: Context, name: string): Promise<Definition> {
  if ((await book.look()).network(name) !== undefined) throw new NetwrightError('NETWRIGHT_ACTIVE', `network ${name} is already active`)
  const stored = await store.get(name)
  if (stored === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `no network with matching name '${name}'`, { remedy: 'netwright net-list --all' })
  return stored.definition
}

async function changedBy (context: Context, choice: Choice, update: readonly Updated[]): Promise<readonly Changed[]> {
  const changed: Changed[] = []
  const pace = pacer()
  for (const { spec, at, subnet = false } of update) {
    await about(aboutNetwork(spec.name, at), async () => {
      const before = (await context.book.look()).network(spec.name)
      if (before === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network ${spec.name} is not active`, { remedy: `netwright net-start ${spec.name}` })
      const after = await choice.complete(spec, before.definition)
      live(before.definition, after)
      changed.push({ before, after, at, subnet })
    })
    const rest = pace()
    if (rest !== undefined) await rest
  }
  return changed
}

/** Throws where the network has to be stopped and started for it. */
function live (before: Definition, after: Definition): void {
  const { parts: [first], restart } = liveDiff(before, after)
  if (restart && first !== undefined) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `network ${before.name} cannot be changed while it runs: ${first.what}: ${first.reason}`, { network: before.name, remedy: 'stop the network, define it anew and start it' })
}
