/** A host that is open: hands out network handles, and tells what happens. */
import { NetwrightError } from '../errors.js'
import { parseDefinition } from '../network/definition.js'
import type { Definition, NetworkSpec } from '../network/spec.js'
import type { CheckLine, Host, HostEvent, Links, Network, NetworkDefinition, NetworkInfo, Options, StartReport } from './api.js'
import { pacer } from '../netlink/breathe.js'
import { checkHost } from './check.js'
import { Choice } from './choose.js'
import type { Context } from './context.js'
import { Daemons } from './daemons.js'
import { define } from './define.js'
import { Events } from './events.js'
import { Going } from './going.js'
import { find, infoOf, inventory } from './inventory.js'
import { madeBy, reap } from './lifetime.js'
import { links } from './links.js'
import { clearLock } from './lock.js'
import { NetworkHandle, started } from './network.js'
import { start } from './start.js'
import type { Diagnostics, Doing } from './tallies.js'
import { Watch } from './watch.js'
import { typed } from './system-error.js'
import type { Works } from './works.js'

export class HostHandle implements Host {
  readonly owner: string
  readonly links: Links
  readonly daemons: Daemons
  readonly #works: Works
  readonly #watch: Watch
  readonly #supervise: boolean
  readonly #closers: readonly (() => void | Promise<void>)[]
  readonly #end = new AbortController()
  readonly #going = new Going()
  #closing: Promise<void> | undefined

  /** `closers` run in order when the host is closed. */
  constructor (context: Context, supervise: boolean, closers: readonly (() => void | Promise<void>)[]) {
    const events = new Events()
    const { signal } = this.#end
    this.owner = context.owner
    this.#closers = closers
    this.daemons = new Daemons(context, supervise, (event) => { events.tell({ kind: 'dnsmasq', ...event }) })
    const open = (): void => { if (signal.aborted) throw new NetwrightError('NETWRIGHT_CLOSED', 'the host is closed') }
    const during = async <T>(work: () => Promise<T>, doing?: Doing): Promise<T> => { open(); return await this.#going.during(async () => await context.tallies.operation(doing, work)) }
    this.#works = { context, daemons: this.daemons, events, get closed () { return signal.aborted }, end: signal, open, during, refresh: async () => { if (supervise || events.heard) await this.#watch.refresh() } }
    this.#watch = new Watch(this.#works, signal)
    this.#supervise = supervise
    context.sexton.heed(async () => { await this.#going.ended() })
    this.links = links(context, during)
  }

  /** Takes charge of what runs already. */
  async follow (): Promise<void> { if (this.#supervise) await this.#watch.follow() }

  async define (definition: NetworkDefinition, options?: Options): Promise<Network> {
    return await this.#works.during(async () => {
      const defined = await define(this.#works.context, parseDefinition(definition), options?.signal)
      await this.#works.refresh()
      return new NetworkHandle(this.#works, defined)
    }, { operation: 'define' })
  }

  create (definition: NetworkDefinition, options?: Options): Promise<Network>
  create (definitions: readonly NetworkDefinition[], options?: Options): Promise<Network[]>
  async create (input: NetworkDefinition | readonly NetworkDefinition[], options?: Options): Promise<Network | Network[]> {
    return await this.#works.during(async () => await this.#make(input, options), { operation: 'create', names: () => namesOf(input) })
  }

  async #make (input: NetworkDefinition | readonly NetworkDefinition[], options?: Options): Promise<Network | Network[]> {
    if (!isList(input)) {
      const [network] = await this.#create([parseDefinition(input)], options)
      if (network === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', 'nothing was created')
      return network
    }
    const pace = pacer()
    const specs: NetworkSpec[] = []
    for (const one of input) {
      specs.push(parseDefinition(one))
      await pace()
    }
    return await this.#create(specs, options)
  }

  async #create (specs: readonly NetworkSpec[], options?: Options): Promise<Network[]> {
    if (specs.length === 0) return []
    const { context } = this.#works
    const choose = async (): Promise<readonly Definition[]> => {
      const stored = await context.store.findAny(specs.map(({ name }) => name))
      if (stored !== undefined) throw new NetwrightError('NETWRIGHT_EXISTS', `network '${stored.definition.name}' already exists with uuid ${stored.definition.uuid}`, { remedy: `netwright net-start ${stored.definition.name}` })
      await this.#freshUuids(specs)
      const choice = new Choice(context)
      const chosen: Definition[] = []
      const pace = pacer()
      for (const spec of specs) {
        chosen.push(await choice.complete(spec))
        await pace()
      }
      return chosen
    }
    const records = await start({ names: specs.map(({ name }) => name), choose }, { context, daemons: this.daemons, signal: options?.signal })
    await started(this.#works, records)
    return records.map(({ definition }) => new NetworkHandle(this.#works, definition, true))
  }

  /** A uuid names one network. */
  async #freshUuids (specs: readonly NetworkSpec[]): Promise<void> {
    const given = specs.flatMap(({ uuid }) => uuid ?? [])
    if (given.length === 0) return
    const other = (await inventory(this.#works.context)).find(({ uuid }) => given.includes(uuid))
    if (other !== undefined) throw new NetwrightError('NETWRIGHT_EXISTS', `network '${other.name}' is already defined with uuid ${other.uuid}`)
    const twice = given.find((uuid, i) => given.indexOf(uuid) !== i)
    if (twice !== undefined) throw new NetwrightError('NETWRIGHT_EXISTS', `two networks of one batch have uuid ${twice}`)
  }

  async networks (): Promise<NetworkInfo[]> {
    const { context } = this.#works
    return await this.#works.during(async () => await typed(async () => {
      const [entries, autostarted] = await Promise.all([inventory(context), context.store.autostarted()])
      return await Promise.all(entries.map(async (entry) => await infoOf(entry, autostarted, this.daemons)))
    }), { operation: 'networks' })
  }

  async network (nameOrUuid: string): Promise<Network> {
    return await this.#works.during(async () => new NetworkHandle(this.#works, await typed(async () => await find(this.#works.context, nameOrUuid))))
  }

  async autostart (options?: Options): Promise<StartReport[]> {
    const { context } = this.#works
    const waiting = (await this.networks()).filter(({ autostart, active }) => autostart && !active).map(({ name }) => name)
    if (waiting.length === 0) return []
    const those = async (names: readonly string[]): Promise<readonly StartReport[]> => {
      const choose = async (): Promise<readonly Definition[]> => (await context.store.list()).map(({ definition }) => definition).filter(({ name }) => names.includes(name))
      return await started(this.#works, await start({ names, choose }, { context, daemons: this.daemons, signal: options?.signal }))
    }
    return await this.#works.during(async () => {
      try { return [...await those(waiting)] } catch (error) {
        if (waiting.length === 1 || options?.signal?.aborted === true) throw error
        context.logger.warn({ err: error }, 'not all networks can be started together: each is tried by itself')
      }
      const outcomes: PromiseSettledResult<readonly StartReport[]>[] = []
      for (const name of waiting) outcomes.push(...await Promise.allSettled([those([name])]))
      const failed = outcomes.flatMap((outcome): unknown[] => outcome.status === 'rejected' ? [outcome.reason] : [])
      for (const error of failed.slice(1)) context.logger.error({ err: error }, 'a network was not started')
      if (failed.length > 0) throw failed[0]
      return outcomes.flatMap((outcome) => outcome.status === 'fulfilled' ? outcome.value : [])
    }, { operation: 'autostart', names: () => waiting })
  }

  async * events (options?: Options): AsyncGenerator<HostEvent, void, undefined> {
    this.#works.open()
    const signal = options?.signal === undefined ? this.#end.signal : AbortSignal.any([options.signal, this.#end.signal])
    await this.#works.during(async () => { await this.#watch.listen() })
    yield * this.#works.events.listen(async () => await this.networks(), signal)
  }

  async check (definition?: NetworkDefinition): Promise<CheckLine[]> {
    return await this.#works.during(async () => await checkHost(this.#works.context, definition === undefined ? undefined : parseDefinition(definition)), { operation: 'check' })
  }

  async diagnostics (): Promise<Diagnostics> {
    const { book, flows, sexton, tallies } = this.#works.context
    const standing = await this.#works.during(async () => await typed(async () => await book.standing()))
    const networks = standing.flatMap((record) => record.networks)
    return tallies.snapshot({
      networks: networks.length, ports: standing.reduce((sum, { ports }) => sum + ports.length, 0), dnsmasq: networks.filter(({ dnsmasq }) => dnsmasq).length,
      graves: sexton.waiting, connections: flows.pending.length,
    })
  }

  async settled (options?: Options): Promise<void> {
    this.#works.open()
    await this.#works.context.sexton.settled(options?.signal)
    await this.#works.context.flows.ended()
  }

  /** What ends with us. */
  async #reap (): Promise<void> {
    const { context } = this.#works
    if (context.lifetime !== undefined) await reap({ context, daemons: this.daemons }, madeBy(context.lifetime))
  }

  async close (): Promise<void> {
    this.#closing ??= (async () => {
      this.#end.abort()
      await this.#going.ended()
      const over = this.#reap()
      try {
        await over.catch(() => undefined) // told at the end: the rest must be closed all the same
        await this.#works.context.sexton.ended()
        await this.#watch.ended()
        await this.daemons.release()
        const { book, places, logger } = this.#works.context
        await clearLock(places.lock)
        await clearLock(places.ownerLock)
        await book.tidy().catch((error: unknown) => { logger.warn({ err: error }, 'empty directories stay') })
      } finally { for (const close of this.#closers) await close() }
      await over
    })()
    await this.#closing
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.close() }
}

/** What those who listen are told; XML is not read for it. */
const namesOf = (input: unknown): string[] => (Array.isArray(input) ? input : [input]).flatMap((one: unknown) => typeof one === 'object' && one !== null && 'name' in one && typeof one.name === 'string' ? [one.name] : [])

const isList = (input: NetworkDefinition | readonly NetworkDefinition[]): input is readonly NetworkDefinition[] => Array.isArray(input)
