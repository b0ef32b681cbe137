/** A network as a plan sees it: what is stored, what runs, which ports it has, where it comes from. Pure. */
import { mapSlowly } from '../netlink/breathe.js'
import type { Definition } from '../network/spec.js'
import type { Change, PlannedPort } from './change.js'

export interface PortState extends PlannedPort {
  /** Which file it was made from. */
  readonly source?: string
}

export interface NetworkState {
  readonly name: string
  readonly stored?: Definition
  readonly running?: Definition
  /** Somebody has deleted or renamed the bridge of what runs. */
  readonly lost?: true
  readonly autostart: boolean
  /** Which file it was made from. */
  readonly source?: string
  readonly ports: readonly PortState[]
}

/** A network that is not there. */
export const absent = (name: string): NetworkState => ({ name, autostart: false, ports: [] })

/** What stands, change by change. */
export class Model {
  readonly #states: Map<string, NetworkState>
  readonly #sources = new Map<string, string | undefined>()

  constructor (states: readonly NetworkState[]) {
    this.#states = new Map(states.map((state) => [state.name, state]))
    for (const { name, source, ports } of states) {
      this.#sources.set(keyOf(name), source)
      for (const { dev, source: origin } of ports) this.#sources.set(keyOf(name, dev), origin)
    }
  }

  /** One network; without what its changes say of where it comes from. */
  state (name: string): NetworkState { return this.#states.get(name) ?? absent(name) }

  perform (change: Change): void {
    if (change.kind === 'source') this.#sources.set(keyOf(change.network, change.dev), change.to)
    else this.#states.set(change.network, changed(this.state(change.network), change))
  }

  /** All of them, in slices. Networks of which nothing is left are left out, and so is where they came from. */
  async states (): Promise<NetworkState[]> {
    const there = [...this.#states.values()].filter(({ stored, running, ports }) => stored !== undefined || running !== undefined || ports.length > 0)
    return await mapSlowly(there, (state) => ({
      ...from(state, this.#sources.get(keyOf(state.name))), ports: state.ports.map((port) => from(port, this.#sources.get(keyOf(state.name, port.dev)))),
    }))
  }
}

/** What stands once the changes are made, in slices. */
export async function after (have: readonly NetworkState[], changes: readonly Change[]): Promise<NetworkState[]> {
  const model = new Model(have)
  await mapSlowly(changes, (change) => { model.perform(change) })
  return await model.states()
}

const keyOf = (network: string, dev = ''): string => `${dev}\0${network}`

function from<T extends { readonly source?: string }> (object: T, source: string | undefined): Omit<T, 'source'> & { readonly source?: string } {
  return source === undefined ? without(object, 'source') : { ...object, source }
}

function changed (state: NetworkState, change: Exclude<Change, { readonly kind: 'source' }>): NetworkState {
  const { kind, from, to } = change
  switch (kind) {
    case 'stored': return { ...without(state, 'stored'), ...to === undefined ? {} : { stored: to } }
    case 'running': return { ...without(without(state, 'lost'), 'running'), ...to === undefined ? {} : { running: to } }
    case 'autostart': return { ...state, autostart: to }
    case 'port': return { ...state, ports: [...state.ports.filter(({ dev }) => dev !== from?.dev), ...to === undefined ? [] : [to]] }
    default: return kind satisfies never
  }
}

function without<T extends object, K extends keyof T> (object: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = object
  return rest
}
