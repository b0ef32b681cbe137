/** The part of a plan that is about one network. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { Definition } from '../network/spec.js'
import { wordsOf, worst, type Change, type Consequence, type PlannedPort, type Transition } from './change.js'
import { differences } from './differences.js'
import type { NetworkState, PortState } from './state.js'

/** A network as it should be. */
export interface WantedNetwork {
  readonly name: string
  /** Undefined: the network stays as it is, and only its ports are spoken of. `gone`: it should not be there. */
  readonly definition?: Definition | 'gone'
  /** Stored, so that it outlives its stop and the host's. Default true. */
  readonly persistent?: boolean
  /** Default true. */
  readonly active?: boolean
  /** Default: as it is. */
  readonly autostart?: boolean
  readonly ports: readonly PlannedPort[]
  /** Host sides' names of ports that should not be there. */
  readonly without?: readonly string[]
}

/** What changes when a running network takes another definition, and whether that needs a stop and a start. */
export type LiveDiff = (from: Definition, to: Definition) => { readonly parts: readonly Consequence[], readonly restart: boolean }

export interface Planning {
  readonly live: LiveDiff
  /** Where the wants come from: recorded with what is made. */
  readonly source?: string
  /** Remove what was made from the same source and is not named any more. */
  readonly prune?: boolean
  /** Everything that is named goes. */
  readonly remove?: boolean
}

export interface Phases { readonly way: Change[], readonly make: Change[], readonly remove: Change[] }

/** Adds this network's changes to the phases. */
export function planNetwork (want: WantedNetwork, have: NetworkState, planning: Planning, phases: Phases): void {
  new Network(want, have, planning, phases).plan()
}

type Add = (transition: Transition, interrupts?: Change['interrupts']) => void

class Network {
  readonly #want: WantedNetwork
  readonly #have: NetworkState
  readonly #planning: Planning
  readonly #phases: Phases
  /** Its ports are made anew with it: those of a transient network, which nobody could name while it is stopped. */
  #anew = false

  constructor (want: WantedNetwork, have: NetworkState, planning: Planning, phases: Phases) {
    this.#want = want
    this.#have = have
    this.#planning = planning
    this.#phases = phases
  }

  plan (): void {
    const { definition } = this.#want
    if (definition === 'gone') { this.#leave(); return }
    if (definition !== undefined) {
      this.#origin()
      this.#stored(definition)
      this.#running(definition)
    }
    this.#ports()
  }

  #add (phase: keyof Phases, transition: Transition, reason: string, interrupts: Change['interrupts'] = 'none', parts: readonly Consequence[] = []): void {
    const { name } = this.#want
    this.#phases[phase].push({ ...transition, network: name, what: wordsOf(name, transition), reason, interrupts, ...parts.length === 0 ? {} : { parts } })
  }

  #unnamed (): string { return this.#planning.remove === true ? 'it is to be deleted' : `${this.#planning.source ?? 'its source'} does not name it any more` }

  /** All of it, with all its ports. */
  #leave (): void {
    const { running, stored, autostart, ports, source } = this.#have
    const add: Add = (transition, interrupts) => { this.#add('remove', transition, this.#unnamed(), interrupts) }
    for (const port of ports) forget(port, add)
    if (running !== undefined) add({ kind: 'running', from: running }, 'outage')
    if (autostart) add({ kind: 'autostart', from: true, to: false })
    if (stored !== undefined) add({ kind: 'stored', from: stored })
    if (source !== undefined) add({ kind: 'source', from: source })
  }

  /** Recorded for what we make; what somebody made by hand stays theirs, and what another file made is taken over. */
  #origin (): void {
    const { source } = this.#planning
    const { stored, running, source: before } = this.#have
    if (source === undefined || source === before || (before === undefined && (stored ?? running) !== undefined)) return
    this.#add('make', { kind: 'source', ...before === undefined ? {} : { from: before }, to: source }, namedBy(source, before))
  }

  #stored (definition: Definition): void {
    const { persistent = true, autostart } = this.#want
    const { stored, running, autostart: marked } = this.#have
    if (persistent && stored === undefined) this.#add('make', { kind: 'stored', to: definition }, running === undefined ? 'it is not there' : 'it is transient')
    else if (persistent && !isDeepStrictEqual(stored, definition)) this.#add('make', { kind: 'stored', ...stored === undefined ? {} : { from: stored }, to: definition }, `it differs in ${differences(stored, definition)}`)
    const mark = persistent && (autostart ?? marked)
    if (mark !== marked) this.#add(persistent ? 'make' : 'remove', { kind: 'autostart', from: marked, to: mark }, persistent ? `autostart is ${String(mark)}` : 'it becomes transient')
    if (!persistent && stored !== undefined) this.#add('remove', { kind: 'stored', from: stored }, 'persistent is false')
  }

  #running (definition: Definition): void {
    const { active = true } = this.#want
    const { running: before, stored, ports } = this.#have
    if (before === undefined) {
      if (active) this.#add('make', { kind: 'running', to: definition }, stored === undefined ? 'it is not there' : 'it does not run')
    } else if (active) {
      if (this.#have.lost === true || !isDeepStrictEqual(before, definition)) this.#change(before, definition)
    } else {
      // Nobody could bring the ports of a transient network back.
      if (stored === undefined) for (const port of ports) forget(port, (transition, interrupts) => { this.#add('remove', transition, 'its network stops, and is transient', interrupts) })
      this.#add('remove', { kind: 'running', from: before }, 'active is false', 'outage')
    }
  }

  #change (from: Definition, to: Definition): void {
    const { parts, restart } = this.#planning.live(from, to)
    const where = this.#have.lost === true ? `its bridge ${from.bridge.name} is gone` : `it differs in ${differences(from, to)}`
    if (this.#have.lost === true) this.#add('way', { kind: 'running', from }, where, 'outage')
    else if (!restart) { this.#add('make', { kind: 'running', from, to }, where, worst(parts), parts); return }
    else this.#add('way', { kind: 'running', from }, 'it cannot change while it runs', 'outage', parts)
    this.#add('make', { kind: 'running', to }, where)
    this.#anew = this.#have.stored === undefined
  }

  #ports (): void {
    const { ports, without = [], active = true } = this.#want
    const { source, prune = false } = this.#planning
    if (!active) return
    const wanted = new Map(ports.map((port) => [port.dev, port]))
    // One that goes may hold the MAC or the address that one needs which comes.
    const phase = ports.length > 0 ? 'way' : 'remove'
    for (const state of this.#have.ports) {
      const port = wanted.get(state.dev)
      if (port !== undefined) {
        this.#port(state, port)
        if (source !== undefined && state.source !== undefined && state.source !== source) this.#mark(port.dev, state.source, source)
      } else if (without.includes(state.dev) || (prune && source !== undefined && state.source === source)) forget(state, (transition, interrupts) => { this.#add(phase, transition, this.#unnamed(), interrupts) })
      else if (this.#anew) this.#port(state, bare(state))
    }
    const there = new Set(this.#have.ports.map(({ dev }) => dev))
    for (const port of ports.filter(({ dev }) => !there.has(dev))) {
      this.#add('make', { kind: 'port', to: port }, 'it is not there')
      if (source !== undefined) this.#mark(port.dev, undefined, source)
    }
  }

  /** A port that is there and stays: as it is, or made anew. */
  #port (state: PortState, to: PlannedPort): void {
    const from = bare(state)
    const same = isDeepStrictEqual(from, to)
    if (same && !this.#anew) return
    const reason = same ? 'its network stops and starts' : `it differs in ${differences(from, to)}`
    this.#add('way', { kind: 'port', from }, reason, 'outage')
    this.#add('make', { kind: 'port', to }, reason)
  }

  #mark (dev: string, from: string | undefined, to: string): void {
    this.#add('make', { kind: 'source', dev, ...from === undefined ? {} : { from }, to }, namedBy(to, from))
  }
}

const namedBy = (source: string, before: string | undefined): string => before === undefined ? `${source} names it` : `${source} names it too, and is applied later`

function bare ({ source: _, ...port }: PortState): PlannedPort { return port }

function forget ({ source, ...port }: PortState, add: Add): void {
  add({ kind: 'port', from: port }, 'outage')
  if (source !== undefined) add({ kind: 'source', dev: port.dev, from: source })
}
