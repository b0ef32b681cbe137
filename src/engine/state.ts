/** A network as a plan sees it: what is stored, what runs, which ports it has, where it comes from. Pure. */
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
  readonly autostart: boolean
  /** Which file it was made from. */
  readonly source?: string
  readonly ports: readonly PortState[]
}

/** A network that is not there. */
export const absent = (name: string): NetworkState => ({ name, autostart: false, ports: [] })

/** Whether it has a definition on disk. */
export const isStored = ({ stored }: NetworkState): boolean => stored !== undefined

/** What stands once the changes are made. Networks of which nothing is left are left out, and so is where they came from. */
export function after (have: readonly NetworkState[], changes: readonly Change[]): NetworkState[] {
  const states = new Map(have.map((state) => [state.name, state]))
  const sources = new Map(have.flatMap(({ name, source, ports }) => [[keyOf(name), source] as const, ...ports.map(({ dev, source }) => [keyOf(name, dev), source] as const)]))
  for (const change of changes) {
    if (change.kind === 'source') sources.set(keyOf(change.network, change.dev), change.to)
    else states.set(change.network, changed(states.get(change.network) ?? absent(change.network), change))
  }
  const there = [...states.values()].filter(({ stored, running, ports }) => stored !== undefined || running !== undefined || ports.length > 0)
  return there.map((state) => ({ ...from(state, sources.get(keyOf(state.name))), ports: state.ports.map((port) => from(port, sources.get(keyOf(state.name, port.dev)))) }))
}

const keyOf = (network: string, dev = ''): string => `${dev}\0${network}`

function from<T extends { readonly source?: string }> (object: T, source: string | undefined): Omit<T, 'source'> & { readonly source?: string } {
  return source === undefined ? without(object, 'source') : { ...object, source }
}

function changed (state: NetworkState, change: Exclude<Change, { readonly kind: 'source' }>): NetworkState {
  const { kind, from, to } = change
  switch (kind) {
    case 'stored': return { ...without(state, 'stored'), ...to === undefined ? {} : { stored: to } }
    case 'running': return { ...without(state, 'running'), ...to === undefined ? {} : { running: to } }
    case 'autostart': return { ...state, autostart: to }
    case 'port': return { ...state, ports: [...state.ports.filter(({ dev }) => dev !== from?.dev), ...to === undefined ? [] : [to]] }
    default: return kind satisfies never
  }
}

function without<T extends object, K extends keyof T> (object: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = object
  return rest
}
