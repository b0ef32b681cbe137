/** Host bridges: the host's own NIC becomes a port of a bridge, and nobody is locked out. */
import { NetwrightError } from '../errors.js'
import { monotonic, readFootprint } from '../kernel/footprint.js'
import { requireCapabilities } from '../kernel/capabilities.js'
import { indexes, type Known } from '../kernel/link.js'
import { readRawLink } from '../kernel/uplink.js'
import { dumpLinks } from '../netlink/rtnl/link.js'
import { parseIfName } from '../values/ifname.js'
import type { AutostartOptions, Options } from './api.js'
import type { Means } from './carry.js'
import type { Context } from './context.js'
import type { HostBridgeInfo, HostBridgeInput, HostBridges, ManagerAdvice, Trial, TrialOptions } from './host-bridge-api.js'
import { checkedHostBridge, checkedTime } from './host-bridge-input.js'
import { clearHostBridge, leaveHostBridge, makeHostBridge } from './host-bridge-make.js'
import { dropRecord, HostBridgeBook, writeRecord, type CreationRecord, type HostBridgeRecord, type KeptRecord, type RemovalRecord } from './host-bridge-record.js'
import { HostBridgeStore, type HostBridgeDefinition } from './host-bridge-store.js'
import { asKept, takeBack, undisturbed, type Filed } from './host-bridge-undo.js'
import { identity, lives } from './identity.js'
import { advice } from './managers.js'
import { planned, type Planned } from './host-bridge-plan.js'
import { asked, reach, stillReaches, type Reach } from './probe.js'
import { Reaper } from './reaper.js'
import { steps, stopIfAborted, type Steps } from './steps.js'
import { typed } from './system-error.js'
import type { Duty } from './take-back.js'
import { complain, TrialHandle } from './trial.js'

/** Runs work as one of the host's operations. */
type During = <T>(work: () => Promise<T>, doing?: { readonly operation: 'links', readonly names?: () => readonly string[] }) => Promise<T>

/** Seconds. */
const CONFIRM = 30
/** Milliseconds that a change and its probe may take where nobody has to confirm it. */
const AUTOMATIC = 30_000

const index = indexes()

export class HostBridgeWorks implements HostBridges {
  readonly #context: Context
  readonly #during: During
  readonly #book: HostBridgeBook
  readonly #store: HostBridgeStore
  /** Those that are not decided. */
  readonly #trials = new Set<TrialHandle>()

  constructor (context: Context, during: During) {
    this.#context = context
    this.#during = during
    this.#book = new HostBridgeBook(context.places)
    this.#store = new HostBridgeStore(context.places.storedHostBridges, context.logger)
  }

  get #means (): Means { return this.#context }
  #filed (name: string): Filed { return { path: this.#book.path(name), lock: this.#context.places.hostBridgeLock } }

  async #at<T> (purpose: string, options: Options | undefined, work: () => Promise<T>): Promise<T> {
    return await this.#during(async () => await typed(async () => {
      requireCapabilities('network')
      stopIfAborted(options?.signal, purpose)
      return await work()
    }), { operation: 'links', names: () => [purpose] })
  }

  async create (input: HostBridgeInput, options: TrialOptions = {}): Promise<Trial> {
    const definition = checkedHostBridge(input)
    const confirmWithin = checkedTime(options, CONFIRM)
    return await this.#at(`host-bridge create ${definition.name}`, options, async () => await this.#create(definition, { ...options, confirmWithin }, false))
  }

  async #create (definition: HostBridgeDefinition, options: TrialOptions & { readonly confirmWithin: number }, boot: boolean): Promise<TrialHandle> {
    const { name } = definition
    const before = await planned(definition, this.#context, { boot, index })
    const [told, reached] = await Promise.all([advice(definition, before.sources, this.#context), options.probe === undefined ? this.#reach(before.sources) : undefined])
    return await this.#try({ name, change: 'create', advice: told, reached, on: before.target, options }, async (deadline) => {
      await this.#vacant(name, before)
      const record: CreationRecord = { version: 1, ...await identity(), state: 'trial', change: 'create', deadline, definition, ...await fresh(before, this.#context) }
      return { record, work: async () => await makeHostBridge(record, before, { means: this.#means, steps: steps(this.#context.hook, options.signal), ipv6: this.#context.ipv6, patient: boot }) }
    })
  }

  async #reach (sources: readonly Known[]): Promise<Reach> {
    const { rtnl: transport, netns } = this.#context
    const places = await Promise.all(sources.map(async (source) => ({ ...source, footprint: await readFootprint(transport, source.index) })))
    return await reach(places, { transport, netns: netns.fd })
  }

  /** Nobody has made one of that name, or over that port, since the plan was made. Under the lock. */
  async #vacant (name: string, { port, sources }: Planned): Promise<void> {
    const known = await this.#standing(name)
    if (known !== undefined) throw new NetwrightError('NETWRIGHT_EXISTS', `host bridge ${name} ${known.state === 'trial' ? 'is on trial' : 'exists'} already`, { conflict: { kind: 'host bridge', name }, remedy: `netwright host-bridge ${known.state === 'trial' ? 'confirm' : 'remove'} ${name}` })
    for (const one of [port, ...sources]) {
      const link = await readRawLink(this.#context.rtnl, { index: one.index })
      if ((link?.master ?? 0) !== 0) throw new NetwrightError('NETWRIGHT_UPLINK_UNFIT', `${one.name} cannot be the port of a bridge: it has become somebody else's a moment ago`, { conflict: { kind: 'link', name: one.name } })
    }
  }

  async remove (name: string, options: TrialOptions = {}): Promise<Trial> {
    parseIfName(name, 'name')
    const confirmWithin = checkedTime(options, 0)
    return await this.#at(`host-bridge remove ${name}`, options, async () => {
      const { rtnl } = this.#context
      if (await this.#forgotten(name)) return nothingToDo(name)
      const known = await this.#kept(name)
      const reached = options.probe === undefined ? await this.#reach([known.bridge]) : undefined
      return await this.#try({ name, change: 'remove', advice: [], reached, on: known.port, options: { ...options, confirmWithin } }, async (deadline) => {
        const kept = await this.#kept(name)
        const record: RemovalRecord = { ...kept, ...await identity(), state: 'trial', change: 'remove', deadline, before: await readFootprint(rtnl, kept.bridge.index) }
        return { record, work: async () => await leaveHostBridge(record, { means: this.#means, steps: steps(this.#context.hook, options.signal) }) }
      })
    })
  }

  /** Undefined too where somebody has deleted the bridge of one that was kept. */
  async #standing (name: string): Promise<HostBridgeRecord | undefined> {
    const record = await this.#book.read(name)
    if (record?.state !== 'kept') return record
    return (await readRawLink(this.#context.rtnl, { index: record.bridge.index }))?.linkinfo?.kind === 'bridge' ? record : undefined
  }

  /** One that does not stand, but is written down. */
  async #forgotten (name: string): Promise<boolean> {
    const filed = this.#filed(name)
    return await undisturbed(filed, `host-bridge remove ${name}`, async () => {
      if (await this.#standing(name) !== undefined) return false
      const known = await this.#book.read(name) !== undefined
      if (known) await dropRecord(filed.path)
      return await this.#store.remove(name) || known
    })
  }

  /** One that stands, and to which nobody else has attached anything. */
  async #kept (name: string): Promise<KeptRecord> {
    const { rtnl } = this.#context
    const record = await this.#book.read(name)
    if (record === undefined) throw await this.#unknown(name)
    if (record.state === 'trial') throw new NetwrightError('NETWRIGHT_ACTIVE', `host bridge ${name} is on trial`, { remedy: `netwright host-bridge confirm ${name}` })
    const others = (await dumpLinks(rtnl, { master: record.bridge.index })).filter((port) => port.index !== record.port.index).map(({ ifname = '' }) => ifname)
    if (others.length > 0) throw new NetwrightError('NETWRIGHT_ACTIVE', `host bridge ${name} has other ports: ${others.join(', ')}`, { conflict: { kind: 'link', name: others[0] ?? '' }, remedy: 'detach the guests first' })
    if (await readRawLink(rtnl, { index: record.port.index }) === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `${record.port.name}, the port of host bridge ${name}, is gone`, { remedy: `ip link del ${name}` })
    return record
  }

  async #unknown (name: string): Promise<NetwrightError> {
    const stored = (await this.#store.list()).some((one) => one.name === name)
    if (stored) return new NetwrightError('NETWRIGHT_INACTIVE', `host bridge ${name} is stored but does not stand`, { remedy: 'netwright autostart-all' })
    return new NetwrightError('NETWRIGHT_NOT_FOUND', `there is no host bridge named ${name}`, { remedy: 'netwright host-bridge list' })
  }

  /**
   * Watcher, record, change, probe. Whatever fails, what was done is taken back; from the record on the watcher does that, too, when we die.
   */
  async #try (trial: { readonly name: string, readonly change: 'create' | 'remove', readonly advice: readonly ManagerAdvice[], readonly reached: Reach | undefined, readonly on: Known, readonly options: TrialOptions & { readonly confirmWithin: number } }, prepare: (deadline: number) => Promise<{ readonly record: HostBridgeRecord, readonly work: () => Promise<number> }>): Promise<TrialHandle> {
    const { name, change, options, reached, on } = trial
    const { confirmWithin, signal } = options
    const filed = this.#filed(name)
    const deadline = monotonic() + (confirmWithin === 0 ? AUTOMATIC : confirmWithin * 1_000)
    const step = steps(this.#context.hook, signal)
    const watcher = await this.#watcher(filed, deadline, step)
    const ours: { written: boolean } = { written: false }
    try {
      const movedInMs = await undisturbed(filed, `host-bridge ${change} ${name}`, async () => {
        const { record, work } = await prepare(deadline)
        await step.before('write the record')
        ours.written = true
        await writeRecord(filed.path, record)
        return await work()
      })
      await step.before('probe')
      await this.#probe(options, reached, on, deadline)
      const handle = new TrialHandle({ name, change, filed, means: this.#means, deadline, confirmWithin, movedInMs, advice: trial.advice, watcher, confirm: async () => { await this.#confirm(name) } })
      this.#trials.add(handle)
      handle.outcome.then(() => { this.#trials.delete(handle) }, () => { this.#trials.delete(handle) })
      if (confirmWithin === 0) await handle.confirm()
      return handle
    } catch (error) {
      try { if (ours.written) complain(`host-bridge ${change} ${name}: ${error instanceof Error ? error.message : String(error)}`, await takeBack(filed, this.#means)) } finally { await watcher.end() }
      throw error
    }
  }

  /** Who takes it back when we die, or when the time is over. It is there before there is anything to take back. */
  async #watcher (filed: Filed, deadline: number, step: Steps): Promise<Reaper> {
    const { logger, netns, places } = this.#context
    await step.before('start the watcher')
    return await Reaper.start({ program: 'takeBack', duty: { ...filed, complaints: places.complaints } satisfies Duty, deadline, netns: netns.fd, logger })
  }

  async #probe ({ probe, confirmWithin, signal }: TrialOptions, reached: Reach | undefined, on: Known, deadline: number): Promise<void> {
    const { rtnl: transport, netns } = this.#context
    const time = AbortSignal.timeout(Math.max(1, deadline - monotonic()))
    const ending = signal === undefined ? time : AbortSignal.any([signal, time])
    if (reached !== undefined) await stillReaches(reached, on, { transport, netns: netns.fd, signal: ending })
    if (typeof probe === 'function') await asked(probe, { signal: ending })
    stopIfAborted(signal, `the probe of a change${confirmWithin === 0 ? '' : ' on trial'}`)
  }

  async confirm (name: string, options?: Options): Promise<void> {
    parseIfName(name, 'name')
    await this.#at(`host-bridge confirm ${name}`, options, async () => { await this.#confirm(name) })
  }

  async #confirm (name: string): Promise<void> {
    const filed = this.#filed(name)
    await undisturbed(filed, `host-bridge confirm ${name}`, async () => {
      const record = await this.#book.read(name)
      if (record === undefined) throw await this.#unknown(name)
      if (record.state === 'trial' && record.change === 'remove') {
        await clearHostBridge(asKept(record), this.#means)
        await this.#store.remove(name)
        await dropRecord(filed.path)
        return
      }
      const unsave = await this.#store.save(record.definition) // while it is on trial: what cannot be stored is not kept
      if (record.state !== 'trial') return
      try { await writeRecord(filed.path, asKept(record)) } catch (error) {
        await unsave()
        throw error
      }
    })
  }

  async list (): Promise<HostBridgeInfo[]> {
    return await this.#during(async () => await typed(async () => {
      const known = await Promise.all((await this.#book.list()).map(async ({ definition }) => await this.#standing(definition.name)))
      const records = known.filter((record) => record !== undefined)
      const stored = (await this.#store.list()).filter(({ name }) => !records.some(({ definition }) => definition.name === name))
      const found = [
        ...records.map((record): HostBridgeInfo => ({
          name: record.definition.name, port: record.port.name, uplinks: record.sources.map((source) => source.name), state: record.state,
          ...record.state === 'trial' ? { left: Math.max(0, Math.ceil((record.deadline - monotonic()) / 1_000)) } : {},
        })),
        ...stored.map(({ name, uplink = '', bond }): HostBridgeInfo => ({ name, port: bond === undefined ? uplink : bond.name ?? 'bond0', uplinks: bond?.members ?? [uplink], state: 'inactive' })),
      ]
      return found.sort((a, b) => a.name < b.name ? -1 : 1)
    }))
  }

  /** Makes those that are stored and do not stand, as at boot. One that cannot be made keeps no other from it: `failed` is told of it, or it is logged. Returns the names of those that were made. */
  async autostart ({ failed, signal }: AutostartOptions = {}): Promise<string[]> {
    const options: Options = signal === undefined ? {} : { signal }
    return await this.#at('host-bridge autostart', options, async () => {
      const made: string[] = []
      for (const definition of await this.#store.list()) {
        if (await this.#standing(definition.name) !== undefined || await readRawLink(this.#context.rtnl, { name: definition.name }) !== undefined) continue
        try {
          await this.#create(definition, { ...options, confirmWithin: 0, probe: 'none' }, true)
          made.push(definition.name)
        } catch (error) {
          if (failed === undefined) this.#context.logger.error({ err: error, bridge: definition.name }, `host bridge ${definition.name} was not made`)
          else failed({ kind: 'host-bridge', name: definition.name, error })
        }
      }
      return made
    })
  }

  /** Takes back what dead processes left on trial. Never throws: what stays is logged, and the next host tries again. */
  async recover (): Promise<void> {
    for (const record of await this.#book.list()) {
      if (record.state !== 'trial' || (await lives(record.process) && record.deadline + AUTOMATIC > monotonic())) continue
      try { complain(`host-bridge ${record.change} ${record.definition.name}`, await takeBack(this.#filed(record.definition.name), this.#means)) } catch (error) {
        this.#context.logger.error({ err: error, bridge: record.definition.name }, 'what a dead process left of a host bridge is still there: the next host tries again')
      }
    }
  }

  /** What nobody has confirmed is taken back. */
  async close (): Promise<void> {
    for (const trial of this.#trials) await trial[Symbol.asyncDispose]().catch((error: unknown) => { this.#context.logger.error({ err: error }, 'a host bridge on trial could not be taken back') })
  }
}

/** One that did not stand needs no trial. */
function nothingToDo (name: string): Trial {
  const nothing = async (): Promise<void> => { await Promise.resolve() }
  return { name, confirmWithin: 0, movedInMs: 0, advice: [], outcome: Promise.resolve('kept'), confirm: nothing, takeBack: nothing, [Symbol.asyncDispose]: nothing }
}

/** What is to be moved, as it is now: under the lock. */
async function fresh ({ bridge, port, made, target, sources }: Planned, { rtnl }: Context): Promise<Pick<CreationRecord, 'bridge' | 'port' | 'made' | 'target' | 'sources'>> {
  const known = ({ name, index }: Known): Known => ({ name, index })
  return {
    bridge: known(bridge), port: known(port), made: made.map(known), target: known(target),
    sources: await Promise.all(sources.map(async (source) => ({ ...known(source), ...source.addrGenMode === undefined ? {} : { addrGenMode: source.addrGenMode }, footprint: await readFootprint(rtnl, source.index) }))),
  }
}
