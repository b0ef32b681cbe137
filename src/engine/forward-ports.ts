/** Ports of the host that are to be forwarded: who has them already, and which are free. Only reads. Callers hold the namespace's lock. */
import { NetwrightError } from '../errors.js'
import { boundSockets, isAny, ownersOf, type BoundSocket } from '../dnsmasq/holder.js'
import { readOtherForwards } from '../kernel/other-forwards.js'
import { mapSlowly } from '../netlink/breathe.js'
import { hostWords, type ForwardProtocol } from '../network/forward-words.js'
import { forwardFamily } from '../network/forwarded.js'
import type { Definition, Forwarded, ForwardSpec, NetworkSpec } from '../network/spec.js'
import type { Context } from './context.js'

/** Ports of one address of the host, or of all. */
interface Taking { readonly proto: ForwardProtocol, readonly family: 4 | 6, readonly address: string | undefined, readonly from: number, readonly to: number }

const takingOf = (forward: Forwarded): Taking => ({ proto: forward.proto, family: forwardFamily(forward), address: forward.address, from: forward.port, to: forward.end ?? forward.port })
const meet = (one: Taking, other: Taking): boolean => one.proto === other.proto && one.family === other.family && one.from <= other.to && other.from <= one.to && (one.address === undefined || other.address === undefined || one.address === other.address)

/** By port, what is wanted of it: whoever has ports is compared with those only. */
class Wanted<T extends Taking> {
  readonly #ports = new Map<string, T[]>()

  add (taking: T): void {
    for (let port = taking.from; port <= taking.to; port++) {
      const key = keyOf(taking, port)
      const there = this.#ports.get(key)
      if (there === undefined) this.#ports.set(key, [taking])
      else there.push(taking)
    }
  }

  /** The first that cannot be together with this one. */
  find (taking: Taking): T | undefined {
    for (let port = taking.from; port <= taking.to; port++) {
      const found = this.#ports.get(keyOf(taking, port))?.find((one) => meet(one, taking))
      if (found !== undefined) return found
    }
    return undefined
  }
}

const keyOf = ({ proto, family }: Taking, port: number): string => `${proto} ${String(family)} ${String(port)}`

/** A definition that is about to run, and the one that it replaces. */
export interface Coming { readonly definition: Definition, readonly before?: Definition | undefined }
interface Asked extends Taking { readonly forward: Forwarded, readonly place: string, readonly network: string }

/** Throws NETWRIGHT_PORT_IN_USE where a port that comes is somebody's: another network's, another owner's, or a socket's of this host. */
export async function freePorts (context: Context, coming: readonly Coming[]): Promise<void> {
  const wanted = new Wanted<Asked>()
  const fresh: Asked[] = []
  for (const { definition: { name, forwards = [] }, before } of coming) {
    const had = new Set(before?.forwards?.map(hostWords))
    for (const [i, forward] of forwards.entries()) {
      const asked = { ...takingOf(forward), forward, place: `forwards[${String(i)}]`, network: name }
      const other = wanted.find(asked)
      if (other !== undefined && other.network !== name) throw taken(asked, `a forward of network ${other.network}`, { kind: 'forward', name: other.network, detail: hostWords(other.forward) })
      wanted.add(asked)
      if (!had.has(hostWords(forward))) fresh.push(asked)
    }
  }
  if (fresh.length === 0) return
  await ofNetworks(context, wanted, new Set(coming.map(({ definition: { name } }) => name)))
  await ofOwners(context, fresh)
  await ofSockets(context, fresh)
}

async function ofNetworks (context: Context, wanted: Wanted<Asked>, own: ReadonlySet<string>): Promise<void> {
  await mapSlowly([...(await context.book.look()).networks(), ...await context.book.returning()], ({ definition: { name, forwards = [] } }) => {
    if (own.has(name)) return
    for (const forward of forwards) {
      const asked = wanted.find(takingOf(forward))
      if (asked !== undefined) throw taken(asked, `a forward of network ${name}`, { kind: 'forward', name, detail: hostWords(forward) })
    }
  })
}

async function ofOwners (context: Context, fresh: readonly Asked[]): Promise<void> {
  const others = await readOtherForwards(context.nft, context.table)
  if (others.length === 0) return
  const wanted = new Wanted<Asked>()
  for (const one of fresh) wanted.add(one)
  await mapSlowly(others, ({ table, proto, family, address, port }) => {
    const asked = wanted.find({ proto, family, address, from: port, to: port })
    if (asked !== undefined) throw taken(asked, `a forward in table ${table}, which is another owner's`, { kind: 'table', name: table })
  })
}

async function ofSockets (context: Context, fresh: readonly Asked[]): Promise<void> {
  const wanted = new Wanted<Asked>()
  for (const one of fresh) wanted.add(one)
  for (const socket of await boundSockets(context.netns.fd)) {
    const asked = socketTakings(socket).map((taking) => wanted.find(taking)).find((one) => one !== undefined)
    if (asked === undefined) continue
    const [holder = 'a process that cannot be seen'] = await ownersOf([socket])
    throw taken(asked, `${holder}, which listens on ${socket.address} port ${String(socket.port)}`, { kind: 'socket', name: holder, detail: `${socket.protocol} ${socket.address} ${String(socket.port)}` })
  }
}

/** A socket on :: has the port of IPv4 too, unless it says otherwise, which /proc does not show. */
function socketTakings ({ protocol, address, port }: BoundSocket): Taking[] {
  const common = { proto: protocol, from: port, to: port }
  if (!isAny(address)) return [address.startsWith('::ffff:') ? { ...common, family: 4, address: address.slice(7) } : { ...common, family: address.includes(':') ? 6 : 4, address }]
  const families = address.includes(':') ? [4, 6] as const : [4] as const
  return families.map((family) => ({ ...common, family, address: undefined }))
}

function taken ({ forward, place, network }: Asked, holder: string, conflict: { readonly kind: string, readonly name: string, readonly detail?: string }): NetwrightError {
  return new NetwrightError('NETWRIGHT_PORT_IN_USE', `network ${network}: ${place}: ${hostWords(forward)} is taken by ${holder}`, { network, holder, conflict, remedy: 'forward another port of the host, or let one be chosen: auto' })
}

/** Dynamic ports. Source: RFC 6335, section 6. */
const AUTO = { from: 49_152, to: 65_535 }

/**
 * A port for each forward that leaves it open (`auto`), in their order: what was chosen for the same guest before, else the first that no network of this owner
 * and no socket has. Throws NETWRIGHT_PORT_IN_USE where none is free. `passing`: what is chosen or named elsewhere in the same batch.
 */
export async function chosenPorts (context: Context, spec: NetworkSpec, before: Definition | undefined, passing: readonly Definition[]): Promise<number[]> {
  const forwards = spec.forwards ?? []
  if (!forwards.some(({ port }) => port === 'auto')) return []
  const held = new Wanted<Taking>()
  const stored = (await context.store.list()).map(({ definition }) => definition)
  const standing = [...(await context.book.look()).networks(), ...await context.book.returning()].map(({ definition }) => definition)
  for (const { name, forwards: theirs = [] } of [...stored, ...standing, ...passing]) if (name !== spec.name) for (const forward of theirs) held.add(takingOf(forward))
  for (const forward of forwards) if (isChosen(forward)) held.add(takingOf(forward))
  const sockets = (await boundSockets(context.netns.fd)).flatMap(socketTakings)
  return forwards.filter(({ port }) => port === 'auto').map((forward) => {
    const kept = before?.forwards?.find((one) => sameGuest(one, forward) && held.find(takingOf(one)) === undefined)
    const taking = kept === undefined ? firstFree(forward, held, sockets, spec.name) : takingOf(kept)
    held.add(taking)
    return taking.from
  })
}

const isChosen = (forward: ForwardSpec): forward is Forwarded => forward.port !== 'auto'
const sameGuest = (one: Forwarded, other: ForwardSpec): boolean => one.proto === other.proto && one.address === other.address && one.guest === other.guest && one.guestPort === other.guestPort

function firstFree (forward: ForwardSpec, held: Wanted<Taking>, sockets: readonly Taking[], network: string): Taking {
  const bound = new Wanted<Taking>()
  for (const socket of sockets) bound.add(socket)
  for (let port = AUTO.from; port <= AUTO.to; port++) {
    const taking = takingOf({ ...forward, port })
    if (held.find(taking) === undefined && bound.find(taking) === undefined) return taking
  }
  throw new NetwrightError('NETWRIGHT_PORT_IN_USE', `network ${network}: no port from ${String(AUTO.from)} to ${String(AUTO.to)} is free`, { network, remedy: 'name a port of the host' })
}

