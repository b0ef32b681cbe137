/** Chooses what a definition leaves open: uuid, MAC, bridge name, subnet. Callers hold the namespace's lock until the choice can be seen by others. */
import { NetwrightError } from '../errors.js'
import { readLink } from '../kernel/link-state.js'
import type { RouteMap } from '../kernel/route-map.js'
import { bridgeTemplate, complete } from '../network/complete.js'
import type { Definition, NetworkSpec } from '../network/spec.js'
import { subnetOf } from '../network/subnet.js'
import { contains, formatCidr, network, parseCidr, type Cidr } from '../values/cidr.js'
import { randomMac } from '../values/mac.js'
import { freshUuid } from '../values/uuid.js'
import type { Context } from './context.js'
import { chosenPorts } from './forward-ports.js'
import { Subnets } from './pool.js'
import { Spoken } from './spoken.js'
import { otherDirectories, Store } from './store.js'

/** As libvirt: MAX_BRIDGE_ID. */
const BRIDGES = 65_536

/** What a host remembers between two choices, so that each costs the same however many networks there are. */
class Memory {
  readonly subnets = new Subnets()
  /** By template, the first number that may be free of what lasts. */
  readonly #numbers = new Map<string, number>()
  readonly #others = new Map<string, Store>()
  #lasting: readonly object[] = []

  /** What definitions of any owner and running networks speak for. */
  async spoken ({ store, book, places, logger }: Context, routes: RouteMap): Promise<readonly Spoken[]> {
    const others = await otherDirectories(places.owners, places.networks, places.system)
    for (const directory of this.#others.keys()) if (!others.includes(directory)) this.#others.delete(directory)
    for (const directory of others) if (!this.#others.has(directory)) this.#others.set(directory, new Store(directory, logger))
    const spoken = [(await book.look()).spoken, await store.spoken(), ...await Promise.all([...this.#others.values()].map(async (other) => await other.spoken()))]
    const lasting = [...spoken, routes]
    if (lasting.length !== this.#lasting.length || lasting.some((one, i) => one !== this.#lasting[i])) {
      this.subnets.forget()
      this.#numbers.clear()
    }
    this.#lasting = lasting
    for (const freed of spoken.map((one) => one.freed())) this.#back(freed)
    return spoken
  }

  #back (freed: readonly string[] | undefined): void {
    if (freed === undefined) { this.#numbers.clear(); return }
    for (const name of freed) {
      for (const [template, next] of this.#numbers) {
        const [before = '', after = ''] = template.split('%d')
        const digits = name.slice(before.length, name.length - after.length)
        if (name === template.replace('%d', digits) && /^\d+$/.test(digits) && Number(digits) < next) this.#numbers.set(template, Number(digits))
      }
    }
  }

  /** The first number from which on a name of the template may be free; those before are spoken for by what lasts. */
  number (template: string, lasting: readonly Spoken[]): number {
    let number = this.#numbers.get(template) ?? 0
    while (number < BRIDGES && lasting.some((one) => one.has(template.replace('%d', String(number))))) number++
    this.#numbers.set(template, number)
    return number
  }
}

const memories = new WeakMap<Context, Memory>()

function memoryOf (context: Context): Memory {
  const memory = memories.get(context) ?? new Memory()
  memories.set(context, memory)
  return memory
}

/** What is spoken for: by the kernel, by running networks, by definitions of any owner. */
export class Choice {
  readonly #context: Context
  readonly #memory: Memory
  /** What is chosen here, and what somebody is at. */
  readonly #passing = new Spoken()
  readonly #named = new Set<string>()
  readonly #complete: Definition[] = []
  #lasting: { readonly spoken: readonly Spoken[], readonly routes: RouteMap } | undefined

  constructor (context: Context) {
    this.#context = context
    this.#memory = memoryOf(context)
  }

  /** A definition with everything chosen. `before`: the one it replaces, whose choices are kept for life. */
  async complete (spec: NetworkSpec, before?: Definition): Promise<Definition> {
    const bridge = spec.bridge.name !== undefined && !spec.bridge.name.includes('%') ? spec.bridge.name : before?.bridge.name ?? await this.#bridge(spec)
    const subnet = spec.auto === undefined ? undefined : formatCidr(this.#kept(spec.auto.prefix, before) ?? await this.#subnet(spec.auto.prefix))
    const definition = complete(spec, { uuid: spec.uuid ?? before?.uuid ?? freshUuid(), mac: spec.mac ?? before?.mac ?? randomMac(), bridge, ...subnet === undefined ? {} : { subnet }, ports: await chosenPorts(this.#context, spec, before, this.#complete) })
    this.#passing.add(definition)
    if (definition.forwards !== undefined) this.#complete.push(definition)
    return definition
  }

  /** One look for all that is chosen here. */
  async #look (): Promise<{ readonly spoken: readonly Spoken[], readonly routes: RouteMap }> {
    if (this.#lasting !== undefined) return this.#lasting
    for (const { networks, updates = [] } of await this.#context.book.journal()) {
      for (const { definition } of [...networks, ...updates.map(({ after }) => after)]) this.#passing.add(definition)
    }
    for (const { definition } of await this.#context.book.returning()) this.#passing.add(definition)
    const routes = await this.#context.routes.current()
    return this.#lasting = { routes, spoken: await this.#memory.spoken(this.#context, routes) }
  }

  /** `virbr%d` with the first number that no link, running network or definition has. */
  async #bridge (spec: NetworkSpec): Promise<string> {
    const { spoken: lasting } = await this.#look()
    const template = bridgeTemplate(spec) ?? 'virbr%d'
    for (let id = this.#memory.number(template, lasting); id < BRIDGES; id++) {
      const name = template.replace('%d', String(id))
      if (this.#named.has(name) || this.#passing.has(name) || lasting.some((one) => one.has(name))) continue
      this.#named.add(name) // whoever has it as a link has it for the rest of this choice
      if (await readLink(this.#context.rtnl, { name }) === undefined) return name
    }
    throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `no bridge name of the form ${template} is free`)
  }

  /** What was chosen for the definition that is replaced: a daemon that defines its networks at every start must not move them. */
  #kept (prefix: number, before: Definition | undefined): Cidr | undefined {
    const [ip, ...more] = before?.ip ?? []
    if (ip === undefined || more.length > 0) return undefined
    const subnet = network(subnetOf(ip))
    const chosen = subnet.prefix === prefix && this.#context.pools.some((pool) => contains(parseCidr(pool), subnet))
    return chosen ? subnet : undefined
  }

  async #subnet (prefix: number): Promise<Cidr> {
    try { return await this.#free(prefix, this.#context.flows.pending) } catch (error) {
      if (this.#context.flows.pending.length === 0) throw error
      await this.#context.flows.ended()
      return await this.#free(prefix, [])
    }
  }

  /** `pending`: subnets whose last network's connections are still tracked; whoever takes one waits. */
  async #free (prefix: number, pending: readonly string[]): Promise<Cidr> {
    const { pools } = this.#context
    const { spoken, routes } = await this.#look()
    const waiting = new Spoken()
    for (const text of pending) waiting.reserve(text)
    try { return this.#memory.subnets.free(pools, prefix, { lasting: [...spoken, routes], passing: [this.#passing, waiting] }) } catch (error) {
      // What is known to be there may be gone: the kernel does not tell of all that goes.
      const fresh = await this.#context.routes.current({ afresh: true })
      this.#memory.subnets.forget()
      this.#lasting = { spoken, routes: fresh }
      try { return this.#memory.subnets.free(pools, prefix, { lasting: [...spoken, fresh], passing: [this.#passing, waiting] }) } catch { throw error }
    }
  }
}
