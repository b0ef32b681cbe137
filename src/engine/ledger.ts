/** What stands, by name and by index, as the records of the book say it: kept up to date record by record, so that no look-up grows with what stands. */
import { Mentions } from './peering.js'
import { Spoken } from './spoken.js'
import type { BatchRecord, NetworkRecord, PortRecord } from './record.js'

/** A record that stands, with the links of it that have gone since. */
export interface Held {
  readonly record: BatchRecord
  readonly gone: Set<number>
}

/** The indexes of all links that a record names. */
export function indexesOf ({ networks, ports }: Pick<BatchRecord, 'networks' | 'ports'>): number[] {
  return [...networks.map(({ bridge }) => bridge.index), ...ports.map(({ link }) => link.index)]
}

/** A record but for these links. */
export function without (record: BatchRecord, indexes: ReadonlySet<number>): BatchRecord {
  return { ...record, networks: record.networks.filter(({ bridge }) => !indexes.has(bridge.index)), ports: record.ports.filter(({ link }) => !indexes.has(link.index)) }
}

/** So many names of changed networks are remembered. */
const MOST = 10_000

export class Ledger {
  readonly #held = new Map<string, Held>()
  /** By the index of a link, the records that name it: two where a process was killed while it replaced one by the other. */
  readonly #holders = new Map<number, readonly Held[]>()
  readonly #networks = new Map<string, NetworkRecord>()
  readonly #bridges = new Map<number, NetworkRecord>()
  /** What the networks speak for. */
  readonly spoken = new Spoken()
  /** Whom they name as peers. */
  readonly mentions = new Mentions()
  readonly #ports = new Map<string, Map<number, PortRecord>>()
  /** By the index of its link, the network that a port is of. */
  readonly #sides = new Map<number, string>()
  #touched: Set<string> | undefined = new Set<string>()

  /** Records by id. */
  get held (): ReadonlyMap<string, Held> { return this.#held }
  /** How many networks stand. */
  get size (): number { return this.#bridges.size }

  network (name: string): NetworkRecord | undefined { return this.#networks.get(name) }
  bridge (index: number): NetworkRecord | undefined { return this.#bridges.get(index) }
  /** The network whose port a link is. */
  side (index: number): string | undefined { return this.#sides.get(index) }
  /** The records that name a link. */
  holders (index: number): readonly Held[] { return this.#holders.get(index) ?? [] }
  networks (): NetworkRecord[] { return [...this.#bridges.values()] }
  /** Of these networks, or of all. */
  ports (names: Iterable<string> = this.#ports.keys()): PortRecord[] { return [...names].flatMap((name) => [...this.#ports.get(name)?.values() ?? []]) }
  /** The names of all networks that run or have ports. */
  names (): Set<string> { return new Set([...this.#networks.keys(), ...this.#ports.keys()]) }

  /** The records, each without what is gone, and without what another one has a later version of. */
  records (): BatchRecord[] {
    return [...this.#held.values()].map(({ record, gone }) => {
      const old = record.networks.filter((network) => this.#bridges.get(network.bridge.index) !== network).map(({ bridge }) => bridge.index)
      return gone.size + old.length === 0 ? record : without(record, new Set([...gone, ...old]))
    })
  }

  /** Names of networks that have changed since the last call; undefined where there were too many to remember. */
  touched (): ReadonlySet<string> | undefined {
    const touched = this.#touched
    this.#touched = new Set()
    return touched
  }

  /** Where nobody asks what has changed, that does not grow for ever. */
  #touch (name: string): void {
    this.#touched?.add(name)
    if ((this.#touched?.size ?? 0) > MOST) this.#touched = undefined
  }

  /** A record that stands now; `gone` are the links of it that do not. */
  add (record: BatchRecord, gone: Iterable<number> = []): void {
    const held: Held = { record, gone: new Set(gone) }
    this.#held.set(record.id, held)
    for (const network of record.networks) if (this.#hold(held, network.bridge.index)) this.#learn(network)
    for (const port of record.ports) {
      if (!this.#hold(held, port.link.index)) continue
      const ports = this.#ports.get(port.network)
      if (ports === undefined) this.#ports.set(port.network, new Map([[port.link.index, port]]))
      else ports.set(port.link.index, port)
      this.#sides.set(port.link.index, port.network)
      this.#touch(port.network)
    }
  }

  /** Of two records of one network the one with the higher revision counts. */
  #learn (network: NetworkRecord): void {
    const { bridge: { index }, definition: { name }, revision = 0 } = network
    const known = this.#bridges.get(index)
    if (known !== undefined && (known.revision ?? 0) > revision) return
    if (known !== undefined && known.definition.name !== name) this.#networks.delete(known.definition.name)
    if (known !== undefined) this.#unlearn(known)
    this.spoken.add(network.definition)
    this.mentions.add(network.definition)
    this.#networks.set(name, network)
    this.#bridges.set(index, network)
    this.#touch(name)
  }

  #unlearn ({ definition }: NetworkRecord): void {
    this.spoken.remove(definition)
    this.mentions.remove(definition)
  }

  #hold (held: Held, index: number): boolean {
    if (held.gone.has(index)) return false
    this.#holders.set(index, [...this.holders(index), held])
    return true
  }

  /** These links of a record are gone; with the last of them the record is. */
  remove (id: string, indexes: Iterable<number>): void {
    const held = this.#held.get(id)
    if (held === undefined) return
    const going = new Set([...indexes].filter((index) => !held.gone.has(index)))
    for (const index of going) this.#let(held, index)
    for (const index of going) held.gone.add(index)
    if (held.gone.size >= held.record.networks.length + held.record.ports.length) this.#held.delete(id)
  }

  /** The record is gone, with all that it names. */
  drop (id: string): void {
    const held = this.#held.get(id)
    if (held !== undefined) this.remove(id, indexesOf(held.record))
    this.#held.delete(id)
  }

  #let (held: Held, index: number): void {
    const others = this.holders(index).filter((other) => other !== held)
    if (others.length > 0) { this.#holders.set(index, others); return } // what counts is in one of them
    this.#holders.delete(index)
    const network = this.#bridges.get(index)
    if (network !== undefined) {
      const { name } = network.definition
      this.#bridges.delete(index)
      this.#unlearn(network)
      if (this.#networks.get(name) === network) this.#networks.delete(name)
      this.#touch(name)
      return
    }
    const name = this.#sides.get(index)
    if (name === undefined) return
    this.#sides.delete(index)
    const ports = this.#ports.get(name)
    ports?.delete(index)
    if (ports?.size === 0) this.#ports.delete(name)
    this.#touch(name)
  }
}
