/** All dnsmasq processes of a host: started in parallel, watched while the host is open, adopted from others, ended with their networks. */
import { located } from '../errors.js'
import type { Running } from '../dnsmasq/running.js'
import { Supervisor } from '../dnsmasq/supervise.js'
import type { Context } from './context.js'
import { each } from './each.js'
import { edit, finalName, ifEmpty, lookInto, namesOf, removeEmpty, removeTemps } from './files.js'
import { fileName } from './places.js'
import { adopt, exclusively, finalNames, findProgram, forget, launch, refreshServers, reload } from './daemon.js'
import type { NetworkRecord, PortRecord } from './record.js'

/** How many are started at once: two a processor keep it busy. */
const AT_ONCE = 8

/** Of so many networks the files are removed in one go: some two milliseconds of the event loop. */
const PORTION = 32

/** `a.b.conf` may be of a network `a` or of `a.b`. */
const beginnings = (file: string): string[] => file.split('.').map((_, n, parts) => parts.slice(0, n).join('.'))

export interface DaemonEvent { readonly network: string, readonly change: 'degraded' | 'recovered', readonly lastLines: readonly string[] }

export interface StartDaemons { readonly signal: AbortSignal | undefined, readonly ports: readonly PortRecord[] }

export class Daemons {
  readonly #context: Context
  readonly #supervise: boolean
  readonly #tell: (event: DaemonEvent) => void
  readonly #watched = new Map<string, { readonly network: NetworkRecord, readonly index: number, readonly supervisor: Supervisor }>()

  constructor (context: Context, supervise: boolean, tell: (event: DaemonEvent) => void) {
    this.#context = context
    this.#supervise = supervise
    this.#tell = tell
  }

  /** Starts one for each network; resolves when all answer. After a failure the others are ended too. */
  async start (networks: readonly NetworkRecord[], { signal, ports }: StartDaemons): Promise<void> {
    const failed = new AbortController()
    const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
    const queue = [...networks]
    const found = networks.length === 0 ? undefined : findProgram()
    found?.catch(() => undefined) // whoever is to be started first is told
    const portsOf = new Map<string, PortRecord[]>(networks.map(({ definition: { name } }) => [name, []]))
    for (const port of ports) portsOf.get(port.network)?.push(port)
    let reason: { readonly error: unknown } | undefined
    const worker = async (): Promise<void> => {
      for (let network = queue.shift(); network !== undefined && reason === undefined; network = queue.shift()) {
        const { definition } = network
        try { this.#watch(network, await launch(this.#context, definition, { program: await (found ?? findProgram()), ports: portsOf.get(definition.name) ?? [], signal: either })) } catch (error) {
          reason ??= { error: located(error, { network: definition.name }) }
          failed.abort(error)
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, networks.length) }, worker))
    if (reason !== undefined) throw reason.error
  }

  /** Ends those of these networks that run, whoever started them. What is not proved ours is not signalled. */
  async stop (networks: readonly NetworkRecord[]): Promise<void> {
    const failed: unknown[] = []
    await each(networks, async ({ definition: { name } }) => { await this.#stopOne(name).catch((error: unknown) => { failed.push(error) }) })
    if (failed.length > 0) throw failed[0]
  }

  async #stopOne (name: string): Promise<void> {
    const watched = this.#watched.get(name)
    this.#watched.delete(name)
    await watched?.supervisor.stop()
    await exclusively(this.#context, name, undefined, async () => {
      const other = await adopt(this.#context, name, watched === undefined)
      await other?.stop()
    })
  }

  /** Removes the files of networks that have stopped; the leases stay where the network is defined. */
  async forget (networks: readonly NetworkRecord[]): Promise<void> {
    const { dnsmasq, leases } = this.#context.places
    // Where there is no file there is nothing to forget: hundreds of networks without dnsmasq cost one look.
    const found = await lookInto([dnsmasq, leases])
    if (found.every((one) => one === undefined)) return
    const there = found.flatMap(namesOf)
    const begun = new Set(there.flatMap(beginnings))
    const some = networks.filter(({ definition: { name } }) => begun.has(fileName(name)))
    const stored = await this.#context.store.some(some.map(({ definition: { name } }) => name))
    for (let from = 0; from < some.length; from += PORTION) {
      await forget(this.#context, some.slice(from, from + PORTION).map(({ definition: { name, uuid } }) => ({ name, leases: stored.get(name)?.definition.uuid !== uuid })))
    }
    if (there.some((file) => finalName(file) !== undefined)) {
      const finals = new Set(networks.flatMap(({ definition: { name } }) => finalNames(this.#context, name)))
      for (const directory of [dnsmasq, leases]) await removeTemps(directory, finals)
    }
    await edit([ifEmpty(dnsmasq, 1), ifEmpty(leases, 3)])
  }

  /** Is the dnsmasq of this network down at the moment? */
  async isDown (name: string): Promise<boolean> {
    const watched = this.#watched.get(name)
    if (watched !== undefined) return watched.supervisor.running === undefined
    const running = await adopt(this.#context, name)
    running?.release()
    return running === undefined
  }

  /** As far as we watch: true where we do not. */
  seemsUp (name: string): boolean {
    const watched = this.#watched.get(name)
    return watched === undefined || watched.supervisor.running !== undefined
  }

  /** New static leases for a running network. */
  async reload (network: NetworkRecord, ports: readonly PortRecord[]): Promise<void> {
    if (!network.dnsmasq) return
    const { name } = network.definition
    const mine = this.#watched.get(name)?.supervisor.running
    const running = mine ?? await adopt(this.#context, name)
    try { if (running !== undefined) await reload(this.#context, network.definition, ports, running) } finally { if (mine === undefined) running?.release() }
  }

  /** The dnsmasq of a running network that has changed: another one in its place, or none. Throws as `start`; then none runs. */
  async replace (network: NetworkRecord, options: StartDaemons): Promise<void> {
    await this.stop([network])
    if (network.dnsmasq) await this.start([network], options)
  }

  /** Takes charge of what runs already: from the command line, or from a process that died. Those that are down are started. */
  async follow (networks: readonly NetworkRecord[]): Promise<void> {
    if (!this.#supervise) return
    const there = new Map(networks.filter(({ dnsmasq }) => dnsmasq).map((network) => [network.definition.name, network.bridge.index]))
    for (const [name, { index, supervisor }] of this.#watched) {
      if (there.get(name) === index) continue
      this.#watched.delete(name)
      await supervisor.release()
    }
    for (const network of networks) if (network.dnsmasq && !this.#watched.has(network.definition.name)) this.#watch(network, await adopt(this.#context, network.definition.name))
  }

  /** As `follow`, for one network that has changed; `network`: how it stands now, undefined where it does not. */
  async followOne (name: string, network: NetworkRecord | undefined): Promise<void> {
    if (!this.#supervise) return
    const watched = this.#watched.get(name)
    const wanted = network?.dnsmasq === true ? network : undefined
    if (watched !== undefined && watched.index !== wanted?.bridge.index) {
      this.#watched.delete(name)
      await watched.supervisor.release()
    }
    if (wanted !== undefined && !this.#watched.has(name)) this.#watch(wanted, await adopt(this.#context, name))
  }

  /** The leases of a network that is defined no more. */
  async forgetLeases (name: string): Promise<void> {
    await forget(this.#context, [{ name, leases: true }])
    await removeEmpty(this.#context.places.leases, 3)
  }

  /** resolv.conf has changed: every dnsmasq that we watch is told. */
  async refreshServers (): Promise<void> {
    for (const { network: { definition }, supervisor } of this.#watched.values()) {
      const { running } = supervisor
      if (running === undefined) continue
      try { await exclusively(this.#context, definition.name, undefined, async () => { await refreshServers(this.#context, definition, running) }) } catch (error) {
        // One that has ended meanwhile, as its network stops, is not asked any more; one that is started anew reads them then.
        if (supervisor.running === running) this.#context.logger.warn({ network: definition.name, err: error }, 'its name servers could not be changed')
      }
    }
  }

  /** Lets go of all; they go on. */
  async release (): Promise<void> {
    const watched = [...this.#watched.values()]
    this.#watched.clear()
    await Promise.all(watched.map(async ({ supervisor }) => { await supervisor.release() }))
  }

  #watch (network: NetworkRecord, running: Running | undefined): void {
    if (!this.#supervise) { running?.release(); return }
    const { definition: { name }, bridge: { index } } = network
    if (this.#watched.has(name)) { running?.release(); return }
    const supervisor = new Supervisor({
      start: async (signal) => await this.#restart(network, signal),
      degraded: (lastLines) => { this.#degraded(network, lastLines).catch((error: unknown) => { this.#context.logger.error({ err: error, network: name }, 'its dnsmasq is down, and its records cannot be read') }) },
      recovered: () => { this.#tell({ network: name, change: 'recovered', lastLines: [] }) },
    }, running)
    this.#watched.set(name, { network, index, supervisor })
  }

  async #degraded (network: NetworkRecord, lastLines: readonly string[]): Promise<void> {
    const { name } = network.definition
    if (await this.#standing(network) !== undefined) this.#tell({ network: name, change: 'degraded', lastLines })
    else if (this.#watched.get(name)?.index === network.bridge.index) {
      const gone = this.#watched.get(name)
      this.#watched.delete(name) // it was stopped, by another process
      await gone?.supervisor.release()
    }
  }

  /** Started anew, unless the network was stopped meanwhile or another process was quicker. */
  async #restart (network: NetworkRecord, signal: AbortSignal): Promise<Running> {
    const { name } = network.definition
    return await exclusively(this.#context, name, signal, async () => {
      // Whoever stops it has said so in the journal before it waits for us.
      const now = await this.#standing(network)
      if (now?.dnsmasq !== true) throw new Error(`network ${name} was stopped, or is being changed`)
      const other = await adopt(this.#context, name, true)
      if (other !== undefined) return other
      const ports = (await this.#context.book.look()).ports([name])
      return await launch(this.#context, now.definition, { program: await findProgram(), ports, signal })
    })
  }

  /** The network as it stands now; undefined where somebody is removing or changing it. */
  async #standing ({ bridge: { index } }: NetworkRecord): Promise<NetworkRecord | undefined> {
    const { book } = this.#context
    const journal = await book.underway() // first: what is gone from it does not stand any more
    const standing = await book.look()
    const touched = journal.some(({ networks, updates = [] }) => [...networks, ...updates.map(({ before }) => before)].some(({ bridge }) => bridge.index === index))
    return touched ? undefined : standing.bridge(index)
  }
}
