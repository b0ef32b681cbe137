/**
 * Which bridges may talk: pairs that depend on who runs. They are no network's own, so no record names them: they are worked out from the definitions at
 * each commit, for the networks that come, change or go, and looked up by name, so that no network costs more where many run.
 */
import type { MemberObject } from '../kernel/object.js'
import type { Definition, PeerSpec } from '../network/spec.js'
import type { NetworkRecord } from './record.js'

/** Which definitions name a network as their peer. */
export class Mentions {
  readonly #by = new Map<string, Set<Definition>>()

  add (definition: Definition): void {
    for (const { network } of definition.peers ?? []) {
      const there = this.#by.get(network)
      if (there === undefined) this.#by.set(network, new Set([definition]))
      else there.add(definition)
    }
  }

  /** The same object again. */
  remove (definition: Definition): void {
    for (const { network } of definition.peers ?? []) {
      const there = this.#by.get(network)
      there?.delete(definition)
      if (there?.size === 0) this.#by.delete(network)
    }
  }

  /** The names of networks that name this one. */
  of (name: string): readonly string[] { return [...this.#by.get(name) ?? []].map((definition) => definition.name) }
}

/** What runs, by name. */
export interface Running {
  readonly mentions: Pick<Mentions, 'of'>
  network (name: string): Pick<NetworkRecord, 'definition' | 'bridge'> | undefined
}

/** What runs, once these networks do too, as these records say them. */
export function together (standing: Running, coming: readonly Pick<NetworkRecord, 'definition' | 'bridge'>[]): Running {
  const own = new Map(coming.map((network) => [network.definition.name, network]))
  const mentions = new Mentions()
  for (const { definition } of coming) mentions.add(definition)
  return {
    mentions: { of: (name) => [...new Set([...mentions.of(name), ...standing.mentions.of(name)])] },
    network: (name) => own.get(name) ?? standing.network(name),
  }
}

/** Guests of `from` may begin to talk with guests of `to`. */
export interface Pair { readonly from: Pick<NetworkRecord, 'definition' | 'bridge'>, readonly to: Pick<NetworkRecord, 'definition' | 'bridge'> }
export type Pairs = ReadonlyMap<string, Pair>

/** All pairs that one of these networks is in. */
export function pairsOf (names: Iterable<string>, running: Running): Pairs {
  const pairs = new Map<string, Pair>()
  const put = (from: Pair['from'], to: Pair['to']): void => { pairs.set(`${from.bridge.name} ${to.bridge.name}`, { from, to }) }
  for (const name of names) {
    const own = running.network(name)
    if (own === undefined) continue
    const said = (by: Pair['from'], other: Pair['from'], { direction }: PeerSpec): void => {
      if (direction !== 'in') put(by, other)
      if (direction !== 'out') put(other, by)
    }
    for (const peer of own.definition.peers ?? []) {
      const other = running.network(peer.network)
      if (other !== undefined && other !== own) said(own, other, peer)
    }
    for (const mentioner of running.mentions.of(name)) {
      const other = running.network(mentioner)
      // It may be changed, and not name us any more.
      for (const peer of other?.definition.peers ?? []) if (other !== undefined && peer.network === name) said(other, own, peer)
    }
  }
  return pairs
}

/** `nft add element inet netwright peers { "virbr1" . "virbr2" }`, and the answers' way back. */
export function pairMembers (pairs: Pairs, except?: Pairs): MemberObject[] {
  return [...pairs].flatMap(([key, { from, to }]): MemberObject[] => except?.has(key) === true ? [] : [
    { type: 'member', set: 'peers', key: [from.bridge.name, to.bridge.name] }, { type: 'member', set: 'answers', key: [to.bridge.name, from.bridge.name] },
  ])
}

const sets: ReadonlySet<string> = new Set(['peers', 'answers'])

/** Whether an element is of a pair with one of these bridges. */
export function isPairOf ({ set, key }: Pick<MemberObject, 'set' | 'key'>, bridges: ReadonlySet<string | number>): boolean {
  return sets.has(set) && key.some((name) => bridges.has(name))
}
