/** A host that is open: hands out network handles, and tells what happens. */
import { assertObject, NetwrightError } from '../errors.js'
import { pacer } from '../netlink/breathe.js'
import { parseDefinition } from '../network/definition.js'
import type { AutostartOptions, CheckLine, Committed, Host, HostEvent, Links, MacvtapInput, Network, NetworkDefinition, NetworkInfo, NetworkWithPorts, Options, Port, PortInfo, StartReport, Transaction } from './api.js'
import { applied } from './apply.js'
import { autostart, type Waiting } from './autostart.js'
import { checkHost } from './check.js'
import { askedWork, Collector, listWork, singleWork, type Asked } from './collector.js'
import { committed } from './committed.js'
import type { Context } from './context.js'
import { Daemons } from './daemons.js'
import { define } from './define.js'
import { attachDirect } from './direct.js'
import { desiredOf, type CheckedDesired, type Desired, type DesiredNetwork } from './desired.js'
import { DomainHandle } from './domain.js'
import type { Domain } from './domain-api.js'
import { Events } from './events.js'
import { Going } from './going.js'
import { find, infoOf, inventory } from './inventory.js'
import { HostBridgeWorks } from './host-bridges.js'
import { keptNames } from './kept.js'
import { madeBy, reap } from './lifetime.js'
import { linkPool, type WatchedPool } from './link-pool.js'
import { links } from './links.js'
import { clearLock } from './lock.js'
import { NetworkHandle, started } from './network.js'
import type { ApplyOptions, Plan, PlanOptions } from './plan-api.js'
import { makePlan } from './planned.js'
import { allPorts, directHandle, findPort } from './port-handle.js'
import type { NamespaceHost, NamespaceOptions, Rig, RigInput } from './rig.js'
import { rigNames, Rigs, type Opening } from './rigs.js'
import type { Diagnostics, Doing } from './tallies.js'
import { topology } from './topology.js'
import type { Topology } from './topology-api.js'
import { Watch } from './watch.js'
import { typed } from './system-error.js'
import { transactTogether } from './transact-together.js'
import { transact, type Transacted } from './transact.js'
import { isTrial, TransactionTrials } from './transaction-trial.js'
import type { CommittedOnTrial, TransactionTrialOptions } from './trial-api.js'
import type { Work } from './work.js'
import type { Works } from './works.js'

const pace = pacer()

export class HostHandle implements Host {
  readonly owner: string
  readonly links: Links
  readonly hostBridge: HostBridgeWorks
  readonly pool: WatchedPool
  readonly daemons: Daemons
  /** Namespaces beside this one. */
  readonly rigs: Rigs
  readonly #works: Works
  readonly #trials: TransactionTrials
  readonly #watch: Watch
  readonly #supervise: boolean
  readonly #closers: readonly (() => void | Promise<void>)[]
  readonly #end = new AbortController()
  readonly #going = new Going()
  #closing: Promise<void> | undefined

  /** `closers` run in order when the host is closed. */
  constructor (context: Context, supervise: boolean, closers: readonly (() => void | Promise<void>)[], opening: Opening) {
    const events = new Events()
    const { signal } = this.#end
    this.owner = context.owner
    this.#closers = closers
    this.daemons = new Daemons(context, supervise, (event) => { events.tell({ kind: 'dnsmasq', ...event }) })
    const open = (): void => { if (signal.aborted) throw new NetwrightError('NETWRIGHT_CLOSED', 'the host is closed') }
    const during = async <T>(work: () => Promise<T>, doing?: Doing): Promise<T> => {
      open()
      return await this.#going.during(async () => {
        const rest = pace() // hundreds may be asked for something at once
        if (rest !== undefined) await rest
        return await context.tallies.operation(doing, work)
      })
    }
    this.#works = { context, daemons: this.daemons, events, get closed () { return signal.aborted }, end: signal, open, during, refresh: async () => { if (supervise || events.heard) await this.#watch.refresh() } }
    this.#watch = new Watch(this.#works, signal)
    this.#supervise = supervise
    context.sexton.heed(async () => { await this.#going.ended() })
    this.rigs = new Rigs(context, opening)
    this.#trials = new TransactionTrials(this.#works, opening.root)
    this.links = links(context, during)
    this.hostBridge = new HostBridgeWorks(context, during)
    this.pool = linkPool(context, during)
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

  create (definition: NetworkDefinition | NetworkWithPorts, options?: Options): Promise<Network>
  create (definitions: readonly (NetworkDefinition | NetworkWithPorts)[], options?: Options): Promise<Network[]>
  async create (input: NetworkDefinition | NetworkWithPorts | readonly (NetworkDefinition | NetworkWithPorts)[], options?: Options): Promise<Network | Network[]> {
    return await this.#works.during(async () => {
      if (isList(input)) return await this.#create(await listWork(input), options)
      const [network] = await this.#create(singleWork(input), options)
      if (network === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', 'nothing was created')
      return network
    }, { operation: 'create', names: () => namesOf(input) })
  }

  async #create (work: Work, options?: Options): Promise<Network[]> {
    if (work.create?.length === 0) return []
    const { networks } = await transactTogether(work, { context: this.#works.context, daemons: this.daemons, signal: options?.signal })
    await started(this.#works, networks)
    return networks.map(({ definition }) => new NetworkHandle(this.#works, definition, true))
  }

  transaction (collect: (tx: Transaction) => void, options: TransactionTrialOptions & (Required<Pick<TransactionTrialOptions, 'confirmWithin'>> | Required<Pick<TransactionTrialOptions, 'probe'>>)): Promise<CommittedOnTrial>
  transaction (collect: (tx: Transaction) => void, options?: Options): Promise<Committed>
  async transaction (collect: (tx: Transaction) => void, options?: TransactionTrialOptions): Promise<Committed | CommittedOnTrial> {
    this.#works.open()
    return await this.transact(new Collector().gather(collect), options)
  }

  /** As `transaction`, of what has been gathered. */
  async transact (asked: Asked, options?: TransactionTrialOptions): Promise<Committed | CommittedOnTrial> {
    return await this.#works.during(async () => {
      const work = await askedWork(asked)
      const hand = async (made: Transacted): Promise<Committed> => await committed(this.#works, made, { work, order: asked.order })
      return isTrial(options) ? await this.#trials.run(work, options ?? {}, hand) : await hand(await transact(work, { context: this.#works.context, daemons: this.daemons, signal: options?.signal }))
    }, { operation: 'transaction' })
  }

  async plan (desired: Desired | DesiredNetwork | readonly DesiredNetwork[] | CheckedDesired, options?: PlanOptions): Promise<Plan> {
    return await this.#works.during(async () => await typed(async () => await makePlan(this.#works.context, await desiredOf(desired), options)), { operation: 'plan' })
  }

  async apply (planOrDesired: Plan | Desired | DesiredNetwork | readonly DesiredNetwork[] | CheckedDesired, options?: ApplyOptions): Promise<Plan> {
    return await this.#works.during(async () => await typed(async () => await applied(planOrDesired, this.#works, options)), { operation: 'apply' })
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

  async port (devOrMac: string): Promise<Port> { return await this.#works.during(async () => await typed(async () => await findPort(this.#works, devOrMac))) }

  domain (name: string): Domain { return new DomainHandle(this.#works, name) }

  async domains (): Promise<string[]> {
    const { context } = this.#works
    return await this.#works.during(async () => await typed(async () => {
      const [ports, kept] = await Promise.all([allPorts(this.#works), keptNames(context)])
      return [...new Set([...ports.flatMap(({ domain }) => domain?.name ?? []), ...kept])].sort()
    }))
  }

  async ports (): Promise<PortInfo[]> { return await this.#works.during(async () => await typed(async () => await allPorts(this.#works))) }

  async attach (port: MacvtapInput, options?: Options): Promise<Port> {
    const { context } = this.#works
    return await this.#works.during(async () => await directHandle(this.#works, await attachDirect({ context, daemons: this.daemons }, port, options?.signal)), { operation: 'attach' })
  }

  async autostart (options: AutostartOptions = {}): Promise<StartReport[]> {
    let names: readonly string[] = []
    const waiting: Waiting = {
      bridges: async (how) => await this.hostBridge.autostart(how),
      networks: async () => {
        names = (await this.networks()).filter((network) => network.autostart && !network.active).map(({ name }) => name)
        return names
      },
    }
    return await this.#works.during(async () => await typed(async () => await autostart(this.#works, waiting, options)), { operation: 'autostart', names: () => names })
  }

  async * events (options?: Options): AsyncGenerator<HostEvent, void, undefined> {
    this.#works.open()
    const signal = options?.signal === undefined ? this.#end.signal : AbortSignal.any([options.signal, this.#end.signal])
    await this.#works.during(async () => { await this.#watch.listen() })
    yield * this.#works.events.listen(async () => await this.networks(), signal)
  }

  async topology (): Promise<Topology> {
    return await this.#works.during(async () => await typed(async () => await topology(this.#works)), { operation: 'topology' })
  }

  async check (definition?: NetworkDefinition): Promise<CheckLine[]> {
    return await this.#works.during(async () => await checkHost(this.#works.context, definition === undefined ? undefined : parseDefinition(definition)), { operation: 'check' })
  }

  async diagnostics (): Promise<Diagnostics> {
    const { book, flows, sexton, tallies } = this.#works.context
    const { heapUsed, external } = process.memoryUsage() // before more is read into it
    const standing = await this.#works.during(async () => await typed(async () => await book.standing()))
    const networks = standing.flatMap((record) => record.networks)
    return tallies.snapshot({
      networks: networks.length, ports: standing.reduce((sum, { ports }) => sum + ports.length, 0), dnsmasq: networks.filter(({ dnsmasq }) => dnsmasq).length,
      graves: sexton.waiting, connections: flows.pending.length, heapBytes: heapUsed + external,
    })
  }

  async namespace (name: string, options: NamespaceOptions = {}): Promise<NamespaceHost> {
    assertObject(options, 'options', 'an object')
    return await this.#works.during(async () => await typed(async () => await this.rigs.namespace(name, options)), { operation: 'rig', names: () => [name] })
  }

  async rig<N extends string> (namespaces: RigInput<N>, options: NamespaceOptions = {}): Promise<Rig<N>> {
    assertObject(options, 'options', 'an object')
    return await this.#works.during(async () => await typed(async () => await this.rigs.rig(namespaces, options)), { operation: 'rig', names: () => rigNames(namespaces) })
  }

  get closed (): boolean { return this.#end.signal.aborted }

  /** How many links are being deleted behind the scenes. */
  get deleting (): number { return this.#works.context.sexton.waiting }

  /** Resolves when none is, however it went. */
  async quiet (): Promise<void> { await this.#works.context.sexton.ended() }

  async settled (options?: Options): Promise<void> {
    this.#works.open()
    const forgotten = this.#works.context.flows.ended() // sooner than by themselves
    await this.#works.context.sexton.settled(options?.signal)
    await forgotten
    await this.rigs.ended()
  }

  /** What ends with us. */
  async #reap (): Promise<void> {
    const { context } = this.#works
    if (context.lifetime !== undefined) await reap({ context, daemons: this.daemons }, madeBy(context.lifetime))
  }

  async close (): Promise<void> {
    this.#closing ??= (async () => {
      await this.hostBridge.close()
      await this.#trials.close()
      this.#end.abort()
      await this.#going.ended()
      await this.rigs.close()
      const over = this.#reap()
      try {
        await over.catch(() => undefined) // told at the end: the rest must be closed all the same
        await this.#works.context.stock?.close()
        await this.#works.context.flows.ended()
        await this.#works.context.sexton.ended()
        await this.#watch.ended()
        await this.daemons.release()
        const { book, places, logger } = this.#works.context
        await clearLock(places.lock)
        await clearLock(places.ownerLock)
      await clearLock(places.hostBridgeLock)
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

const isList = <T>(input: T | readonly T[]): input is readonly T[] => Array.isArray(input)
