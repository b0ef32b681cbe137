/** What should stand: networks and ports from documents, checked as a whole. */
import { InputError, type Issue } from '../errors.js'
import { checkNetwork } from '../network/check.js'
import { shown } from '../network/checks/review.js'
import { contentsOf, readDocument, type Document, type Piece } from '../network/document.js'
import { isList, isObject, plainCopy, type Plain } from '../network/plain.js'
import type { NetworkInput, NetworkSpec } from '../network/spec.js'
import { readNetworkElement } from '../network/xml/read.js'
import { pacer } from '../netlink/breathe.js'
import type { NetworkDefinition, PortInput } from './api.js'
import { MOST_PORTS } from './coming-port.js'
import { checkPort, type DesiredPort } from './desired-port.js'

/** A network as a document names it: its definition, and what should become of it. */
export type DesiredNetwork = NetworkDefinition | (NetworkInput & {
  /** TAPs are persistent (`fds` is false), and all of them have a name: their own, or one derived from what tells them apart. */
  readonly ports?: readonly PortInput[]
  /** Default: as it is. */
  readonly autostart?: boolean
  /** It runs. Default true. */
  readonly active?: boolean
  /** It is stored, and so outlives its stop. Default true. */
  readonly persistent?: boolean
})

/** What should stand. `ports` may be on networks that are named here or that are there already. */
export interface Desired {
  readonly networks?: readonly DesiredNetwork[]
  readonly ports?: readonly (PortInput & { readonly network: string })[]
}

/** A network that was checked. */
export interface CheckedNetwork {
  readonly spec: NetworkSpec
  readonly autostart?: boolean
  readonly active: boolean
  readonly persistent: boolean
  readonly ports: readonly DesiredPort[]
}

/** Everything that documents name, checked. Only `checkDesired` makes one. */
export interface CheckedDesired {
  readonly networks: readonly CheckedNetwork[]
  /** Ports of networks that are named nowhere else. */
  readonly ports: readonly { readonly network: string, readonly ports: readonly DesiredPort[] }[]
}

/** Whether a bridge's name or a subnet is still to be chosen, where the network is not there yet. */
export const isOpen = ({ spec: { auto, bridge } }: CheckedNetwork): boolean => auto !== undefined || bridge.name?.includes('%') !== false

const checked = new WeakSet<object>()

/** Whether it was checked by `checkDesired`. */
export function isChecked (value: unknown): value is CheckedDesired { return typeof value === 'object' && value !== null && checked.has(value) }

/** What was checked already, on another thread of ours. */
export function adoptChecked (value: CheckedDesired): CheckedDesired { checked.add(value); return value }

/** More complaints than a person reads. */
const MOST_COMPLAINTS = 100

/**
 * Checks documents together: each network as `host.define` does, names, ports. Strings are JSON or XML text, one network or many; anything else is data.
 * Throws InputError with every complaint and its place: file, line and column where they are known, and the path.
 */
export async function checkDesired (documents: readonly Document[]): Promise<CheckedDesired> {
  const reading = new Reading()
  const pace = pacer()
  const ports: Piece[] = []
  for (const document of documents) {
    const contents = contentsOf(document)
    reading.complain(contents.issues)
    for (const piece of contents.networks) { reading.network(piece); await pace() }
    ports.push(...contents.ports)
  }
  for (const piece of ports) { reading.port(piece); await pace() }
  const result = reading.done()
  checked.add(result)
  return result
}

/** A variable that was never set is no wish for nothing, which `prune` would carry out. */
const isNothing = (input: unknown): boolean => input === undefined || input === null

/** What a caller passes, checked unless it is already. A string is JSON or XML text. Throws InputError. */
export async function desiredOf (input: Desired | DesiredNetwork | readonly DesiredNetwork[] | CheckedDesired): Promise<CheckedDesired> {
  if (isNothing(input)) throw new InputError([{ message: 'nothing was passed; where no network and no port is meant, pass []' }])
  return isChecked(input) ? input : await checkDesired([typeof input === 'string' ? readDocument(input) : { data: input }])
}

interface Wish { readonly autostart?: boolean, readonly active: boolean, readonly persistent: boolean, readonly ports: readonly Piece[] }
interface Building { readonly spec: NetworkSpec, readonly wish: Wish, readonly ports: DesiredPort[] }

/** What becomes of a network whose document says nothing of it. */
const BARE: Wish = { active: true, persistent: true, ports: [] }

class Reading {
  readonly #issues: Issue[] = []
  readonly #networks = new Map<string, Building>()
  readonly #others = new Map<string, DesiredPort[]>()
  /** By name, where each was named. */
  readonly #devs = new Map<string, string>()
  #unsupported = false

  complain (issues: readonly Issue[]): void { this.#issues.push(...issues) }

  done (): CheckedDesired {
    if (this.#issues.length > 0) throw new InputError(this.#issues.slice(0, MOST_COMPLAINTS), this.#unsupported ? { code: 'NETWRIGHT_UNSUPPORTED' } : {})
    return {
      networks: [...this.#networks.values()].map(({ spec, wish: { ports: _, ...wish }, ports }) => ({ spec, ...wish, ports })),
      ports: [...this.#others].map(([network, ports]) => ({ network, ports })),
    }
  }

  /** Runs one check; its complaints are placed and kept. */
  #attempt<T> (piece: Piece, work: () => T): T | undefined {
    try { return work() } catch (error) {
      if (!(error instanceof InputError)) throw error
      this.#unsupported ||= error.code === 'NETWRIGHT_UNSUPPORTED'
      this.complain(error.issues.map(piece.locate))
      return undefined
    }
  }

  network (piece: Piece): void {
    if (typeof piece.data === 'string') { this.#text(piece, piece.data); return }
    if (piece.element !== undefined) { this.#take(piece, this.#attempt(piece, () => piece.element === undefined ? undefined : readNetworkElement(piece.element)), BARE); return }
    const copy = this.#attempt(piece, () => plainCopy(piece.data))
    if (copy === undefined) return
    if (!isObject(copy)) { this.complain([piece.locate({ message: 'a network is XML text or an object' })]); return }
    const { ports, autostart, active, persistent, ...definition } = copy
    const wish = this.#wish(piece, { ports, autostart, active, persistent })
    this.#take(piece, this.#attempt(piece, () => checkNetwork(definition)), wish, typeof copy.name === 'string' ? copy.name : '')
  }

  /** `spec` is undefined where it was complained of; its ports are looked at all the same. */
  #take (piece: Piece, spec: NetworkSpec | undefined, wish: Wish, name = ''): void {
    const twice = spec !== undefined && this.#networks.has(spec.name)
    if (twice) this.complain([piece.locate({ ...piece.element === undefined ? { path: 'name' } : {}, message: `network '${shown(spec.name)}' is named twice` })])
    const ports: DesiredPort[] = []
    if (spec !== undefined && !twice) this.#networks.set(spec.name, { spec, wish, ports })
    for (const port of wish.ports) this.#port(port, port.data, ports, spec?.name ?? name)
  }

  /** A definition inside a list may be text of its own. */
  #text (piece: Piece, text: string): void {
    const contents = this.#attempt(piece, () => contentsOf(readDocument(text)))
    if (contents === undefined) return
    const nested = (one: Piece): Piece => ({ ...one, locate: (issue) => ({ ...one.locate(issue), ...piece.path === '' ? {} : { path: piece.path } }) })
    this.complain(contents.issues)
    for (const one of contents.networks) this.network(nested(one))
    for (const one of contents.ports) this.port(nested(one))
  }

  #wish (piece: Piece, { ports, autostart, active, persistent }: Readonly<Record<keyof Wish, Plain | undefined>>): Wish {
    const issues: Issue[] = []
    const flag = (path: string, value: Plain | undefined): boolean | undefined => {
      if (value !== undefined && typeof value !== 'boolean') issues.push({ path, message: `expected true or false, not ${isList(value) ? 'a list' : isObject(value) ? 'an object' : `'${shown(String(value))}'`}` })
      return typeof value === 'boolean' ? value : undefined
    }
    const marked = flag('autostart', autostart)
    const wish = { ...marked === undefined ? {} : { autostart: marked }, active: flag('active', active) ?? true, persistent: flag('persistent', persistent) ?? true, ports: portsOf(piece, ports, issues) }
    this.complain([...issues, ...contradictions(wish)].map(piece.locate))
    return wish
  }

  /** A port that stands outside of its network. */
  port (piece: Piece): void {
    const copy = this.#attempt(piece, () => plainCopy(piece.data))
    if (copy === undefined) return
    if (!isObject(copy) || typeof copy.network !== 'string') { this.complain([piece.locate({ path: isObject(copy) ? 'network' : '', message: isObject(copy) ? 'expected the name of a network' : 'a port is an object' })]); return }
    const { network, ...port } = copy
    const building = this.#networks.get(network)
    if (building !== undefined && !building.wish.active) { this.complain([piece.locate({ path: 'network', message: `network '${shown(network)}' does not run here (active is false), and only one that runs has ports` })]); return }
    const others = this.#others.get(network) ?? []
    this.#port(piece, port, building?.ports ?? others, network)
    if (building === undefined && others.length > 0) this.#others.set(network, others)
  }

  #port (piece: Piece, data: unknown, ports: DesiredPort[], network: string): void {
    const complain = (path: string, message: string): void => { this.complain([piece.locate({ path, message })]) }
    if (ports.length >= MOST_PORTS) { complain('', `a bridge has at most ${String(MOST_PORTS)} ports`); return }
    const port = checkPort(data, network, `#${String(ports.length)}`, complain)
    if (port === undefined) return
    const other = this.#devs.get(port.dev)
    if (other !== undefined) { complain('', `port ${port.dev} is named twice${other === network ? '' : `, also by network '${shown(other)}'`}: give it a dev, a hostname or a mac of its own`); return }
    for (const key of ['mac', 'address'] as const) {
      const value = port[key]
      if (value !== undefined && value !== 'auto' && ports.some((one) => one[key] === value)) complain(key, `${value} is given to two ports of network '${shown(network)}'`)
    }
    this.#devs.set(port.dev, network)
    ports.push(port)
  }
}

function portsOf (piece: Piece, ports: Plain | undefined, issues: Issue[]): readonly Piece[] {
  if (ports === undefined) return []
  if (!isList(ports)) { issues.push({ path: 'ports', message: 'expected a list' }); return [] }
  if (ports.length > MOST_PORTS) { issues.push({ path: 'ports', message: `a bridge has at most ${String(MOST_PORTS)} ports, not ${String(ports.length)}` }); return [] }
  return ports.map((data, i) => {
    const path = `ports[${String(i)}]`
    return { data, path, locate: (issue) => piece.locate({ ...issue, path: issue.path === undefined || issue.path === '' ? path : `${path}.${issue.path}` }) }
  })
}

function contradictions ({ active, persistent, autostart, ports }: Wish): Issue[] {
  const issues: Issue[] = []
  if (!active && !persistent) issues.push({ path: 'active', message: 'a network that is neither active nor persistent is none' })
  if (!persistent && autostart === true) issues.push({ path: 'autostart', message: 'only a persistent network can be marked for autostart' })
  if (!active && ports.length > 0) issues.push({ path: 'ports', message: 'only a network that runs has ports, and active is false' })
  return issues
}

