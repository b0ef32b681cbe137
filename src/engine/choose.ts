/** Chooses what a definition leaves open: uuid, MAC, bridge name, subnet. Callers hold the namespace's lock until the choice can be seen by others. */
import { NetwrightError } from '../errors.js'
import { readLink } from '../kernel/link-state.js'
import { readRoutes } from '../kernel/route.js'
import { mapSlowly } from '../netlink/breathe.js'
import { bridgeTemplate, complete } from '../network/complete.js'
import { reaches } from '../network/expand.js'
import type { Definition, NetworkSpec } from '../network/spec.js'
import { subnetOf } from '../network/subnet.js'
import { contains, formatCidr, network, parseCidr, type Cidr } from '../values/cidr.js'
import { randomMac } from '../values/mac.js'
import { freshUuid } from '../values/uuid.js'
import type { Context } from './context.js'
import { Taken } from './pool.js'
import { otherDefinitions } from './store.js'

/** As libvirt: MAX_BRIDGE_ID. */
const BRIDGES = 65_536

/** What is spoken for: by the kernel, by running networks, by definitions of any owner. */
export class Choice {
  readonly #context: Context
  #bridges: Set<string> | undefined
  #subnets: Taken | undefined
  readonly #chosen: string[] = []
  readonly #named: string[] = []

  constructor (context: Context) { this.#context = context }

  /** A definition with everything chosen. `before`: the one it replaces, whose choices are kept for life. */
  async complete (spec: NetworkSpec, before?: Definition): Promise<Definition> {
    const bridge = spec.bridge.name !== undefined && !spec.bridge.name.includes('%') ? spec.bridge.name : before?.bridge.name ?? await this.#bridge(spec)
    const subnet = spec.auto === undefined ? undefined : formatCidr(this.#kept(spec.auto.prefix, before) ?? await this.#subnet(spec.auto.prefix))
    const definition = complete(spec, { uuid: spec.uuid ?? before?.uuid ?? freshUuid(), mac: spec.mac ?? before?.mac ?? randomMac(), bridge, ...subnet === undefined ? {} : { subnet } })
    this.#named.push(bridge)
    this.#bridges?.add(bridge)
    for (const text of reaches(definition)) {
      this.#chosen.push(text)
      this.#subnets?.add(parseCidr(text))
    }
    return definition
  }

  /** `virbr%d` with the first number that no link, running network or definition has. */
  async #bridge (spec: NetworkSpec): Promise<string> {
    this.#bridges ??= new Set([...this.#named, ...(await this.#definitions()).map(({ bridge }) => bridge.name)])
    const template = bridgeTemplate(spec) ?? 'virbr%d'
    for (let id = 0; id < BRIDGES; id++) {
      const name = template.replace('%d', String(id))
      if (!this.#bridges.has(name) && await readLink(this.#context.rtnl, { name }) === undefined) return name
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
      this.#subnets = undefined
      return await this.#free(prefix, [])
    }
  }

  /** `pending`: subnets whose last network's connections are still tracked; whoever takes one waits. */
  async #free (prefix: number, pending: readonly string[]): Promise<Cidr> {
    this.#subnets ??= await Taken.of([
      ...[...pending, ...this.#chosen].map((text) => parseCidr(text)),
      ...(await mapSlowly(await readRoutes(this.#context.rtnl), ({ destination }) => parseCidr(destination))).filter(({ prefix: length }) => length > 1),
      ...(await mapSlowly(await this.#definitions(), (definition) => reaches(definition).map((text) => parseCidr(text)))).flat(),
    ])
    return this.#subnets.free(this.#context.pools, prefix)
  }

  async #definitions (): Promise<readonly Definition[]> {
    const { store, book, places, logger } = this.#context
    const [stored, others, standing, journal] = await Promise.all([store.list(), otherDefinitions(places.owners, places.networks, places.system, logger), book.standing(), book.journal()])
    return [...stored.map(({ definition }) => definition), ...others, ...[...standing, ...journal].flatMap(({ networks }) => networks.map(({ definition }) => definition))]
  }
}
