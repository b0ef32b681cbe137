/** What definitions speak for: bridge names, and the subnets that they reach. */
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import { parseCidr } from '../values/cidr.js'
import type { IpFamily } from '../values/ip.js'
import { PrefixMap, startOf } from '../values/prefix-map.js'

/** So many names that became free are remembered. */
const MOST = 1000

export class Spoken {
  /** How many definitions name a bridge so. */
  readonly #bridges = new Map<string, number>()
  readonly #families: Readonly<Record<IpFamily, PrefixMap<object>>> = { 4: new PrefixMap((a, b) => a === b), 6: new PrefixMap((a, b) => a === b) }
  #freed: string[] | undefined = []

  has (bridge: string): boolean { return this.#bridges.has(bridge) }
  prefixes (family: IpFamily): PrefixMap<object> { return this.#families[family] }

  /** Bridge names that have become free since the last call; undefined where they were too many. */
  freed (): readonly string[] | undefined {
    const freed = this.#freed
    this.#freed = []
    return freed
  }

  /** The same object can be taken out again. */
  add (definition: Definition): void {
    const { name } = definition.bridge
    this.#bridges.set(name, (this.#bridges.get(name) ?? 0) + 1)
    for (const { from, length } of reached(definition)) this.#families[from.length === 4 ? 4 : 6].add(from, length, definition)
  }

  remove (definition: Definition): void {
    const { name } = definition.bridge
    const left = (this.#bridges.get(name) ?? 1) - 1
    if (left > 0) this.#bridges.set(name, left)
    else if (this.#bridges.delete(name)) this.#free(name)
    for (const { from, length } of reached(definition)) this.#families[from.length === 4 ? 4 : 6].remove(from, length, definition)
  }

  #free (name: string): void {
    this.#freed?.push(name)
    if ((this.#freed?.length ?? 0) > MOST) this.#freed = undefined
  }

  /** A subnet that no definition speaks for. */
  reserve (text: string): void {
    const subnet = parseCidr(text)
    const from = startOf(subnet)
    this.#families[from.length === 4 ? 4 : 6].add(from, subnet.prefix, this)
  }
}

interface Reached { readonly from: string, readonly length: number }
const known = new WeakMap<Definition, readonly Reached[]>()

/** Where the subnets of a definition begin. What a whole batch adds at once is asked beforehand, in slices: then adding and taking out cost little. */
export function reached (definition: Definition): readonly Reached[] {
  const found = known.get(definition) ?? reaches(definition).map((text) => {
    const subnet = parseCidr(text)
    return { from: startOf(subnet), length: subnet.prefix }
  })
  known.set(definition, found)
  return found
}
