/** What an open host keeps an eye on: what anybody does with this owner's networks, the host's name servers, and, while somebody listens, links and leases. */
import { changesOf } from '../dnsmasq/follow.js'
import { graveName } from '../kernel/burial.js'
import { readLinks } from '../kernel/link-state.js'
import { mapSlowly, pacer } from '../netlink/breathe.js'
import { monitor, type MonitorEvent } from '../netlink/monitor.js'
import { AF_BRIDGE } from '../netlink/rtnl/addr.js'
import type { HostEvent } from './api.js'
import { filesOf } from './daemon.js'
import { directoryChanges } from './directory.js'
import { inventory, lookAt, type Entry } from './inventory.js'
import { leasesOf } from './leases.js'
import type { NetworkRecord } from './record.js'
import type { Works } from './works.js'

type Change = Extract<HostEvent, { readonly kind: 'network' | 'port' }>
/** What was known of a network at the last look. */
interface Seen { readonly stored: boolean, readonly index: number | undefined, readonly revision: number, readonly ports: ReadonlyMap<number, string> }

export class Watch {
  readonly #works: Works
  readonly #end: AbortSignal
  readonly #tasks = new Set<Promise<void>>()
  readonly #leases = new Map<string, { readonly index: number, readonly controller: AbortController }>()
  readonly #links = new Map<number, string>()
  #seen = new Map<string, Seen>()
  /** Of the definitions, at the last look; undefined where the next look is to be at all. */
  #version: string | undefined
  #last: Promise<void> = Promise.resolve()
  /** A look that is to come, and so will see what was done until now. */
  #next: Promise<void> | undefined
  #following = false
  #listening: Promise<void> | undefined

  constructor (works: Works, end: AbortSignal) {
    this.#works = works
    this.#end = end
  }

  /** Adopts the dnsmasq processes of what stands, and those of whatever other processes start; keeps name servers as the host's are. */
  async follow (): Promise<void> {
    if (this.#following) return
    this.#following = true
    await this.refresh()
    const { context, daemons } = this.#works
    this.#task(async () => { for await (const _ of directoryChanges(context.places.standing, this.#end)) await this.refresh() })
    this.#task(async () => { for await (const _ of changesOf(context.resolvConf, this.#end)) await daemons.refreshServers() })
  }

  /** Resolves when all that `host.events()` tells of is heard. */
  async listen (): Promise<void> {
    this.#listening ??= (async () => {
      const { context } = this.#works
      const heard = monitor({ netns: context.netns.fd, groups: ['link'], signal: this.#end })
      await heard.ready
      await this.#lookAtLinks()
      this.#task(async () => { for await (const event of heard) await this.#heard(event) })
      await this.follow()
      this.#task(async () => { for await (const _ of directoryChanges(context.places.networks, this.#end)) await this.refresh() })
      await this.refresh()
    })()
    await this.#listening
  }

  /** Looks at all networks and tells what has changed since the last look, whoever changed it. One look at a time; those who wait for the next one share it. */
  refresh (): Promise<void> {
    this.#next ??= this.#last.then(async () => {
      this.#next = undefined
      if (!this.#end.aborted) await this.#look()
    }).catch((error: unknown) => { this.#failed(error) })
    this.#last = this.#next
    return this.#last
  }

  /** All networks where definitions may have changed, else those whose records have. */
  async #look (): Promise<void> {
    const { book, store } = this.#works.context
    const version = this.#listening === undefined ? '' : await store.version()
    const touched = (await book.look()).touched()
    const whole = touched === undefined || version === undefined || version !== this.#version
    this.#version = version
    try {
      if (whole) await this.#lookAtAll()
      else await this.#lookAtSome([...touched])
    } catch (error) {
      this.#version = undefined // so that the next look is at all
      throw error
    }
  }

  async #lookAtSome (names: readonly string[]): Promise<void> {
    const { context, daemons, events } = this.#works
    const entries = await Promise.all(names.map(async (name) => await lookAt(context, name)))
    const pace = pacer()
    for (const [i, name] of names.entries()) {
      await pace()
      const entry = entries[i]
      for (const change of changes(name, this.#seen.get(name), entry === undefined ? undefined : seen(entry))) events.tell(change)
      if (entry === undefined) this.#seen.delete(name)
      else this.#seen.set(name, seen(entry))
      if (this.#following) await daemons.followOne(name, entry?.running)
      if (this.#listening !== undefined) this.#watchLeasesOf(name, entry?.running)
    }
  }

  async #lookAtAll (): Promise<void> {
    const { context, daemons, events } = this.#works
    const entries = await inventory(context)
    const now = new Map(await mapSlowly(entries, (entry) => [entry.name, seen(entry)] as const))
    await mapSlowly([...new Set([...this.#seen.keys(), ...now.keys()])], (name) => { for (const change of changes(name, this.#seen.get(name), now.get(name))) events.tell(change) })
    this.#seen = now
    if (!this.#following) return
    await daemons.follow(entries.flatMap(({ running }) => running ?? []))
    if (this.#listening !== undefined) this.#watchLeases(entries)
  }

  #watchLeases (entries: readonly Entry[]): void {
    const there = new Map(entries.map(({ name, running }) => [name, running]))
    for (const name of new Set([...this.#leases.keys(), ...there.keys()])) this.#watchLeasesOf(name, there.get(name))
  }

  #watchLeasesOf (name: string, network: NetworkRecord | undefined): void {
    const watched = this.#leases.get(name)
    const wanted = network?.dnsmasq === true ? network : undefined
    if (watched?.index === wanted?.bridge.index) return
    watched?.controller.abort()
    this.#leases.delete(name)
    if (wanted === undefined) return
    const { definition, bridge: { index } } = wanted
    const controller = new AbortController()
    this.#leases.set(name, { index, controller })
    const leases = leasesOf(async () => await Promise.resolve({ path: filesOf(this.#works.context, name).leases, definition, alive: () => this.#works.daemons.seemsUp(name) }), this.#end)
    this.#task(async () => { for await (const lease of leases.watch({ signal: controller.signal })) this.#works.events.tell({ kind: 'lease', network: name, lease }) })
  }

  /** What is there already is not told as added when it changes. */
  async #lookAtLinks (): Promise<void> {
    const { context } = this.#works
    this.#links.clear()
    for (const { index, name, group } of await readLinks(context.rtnl)) if (group === context.group) this.#links.set(index, name)
  }

  /** Links of this owner only: others are nobody's business here. */
  async #heard (event: MonitorEvent): Promise<void> {
    const { events, context } = this.#works
    if (event.kind === 'overrun') {
      await this.#lookAtLinks()
      events.lost()
      void this.refresh()
      return
    }
    if (event.kind !== 'message' || event.family !== 'link') return
    // The bridge tells of its ports in messages of its own: a port that leaves it is no link that goes.
    if (event.message.family === AF_BRIDGE) return
    const { index = 0, ifname = '', group = 0 } = event.message
    const known = this.#links.get(index)
    // What is buried is gone for everybody: its name is free.
    if (event.name === 'RTM_DELLINK' || (known !== undefined && (group !== context.group || ifname === graveName(index)))) {
      if (this.#links.delete(index)) events.tell({ kind: 'link', dev: known ?? ifname, change: 'removed' })
    } else if (group === context.group && ifname !== graveName(index)) {
      events.tell({ kind: 'link', dev: ifname, change: this.#links.has(index) ? 'changed' : 'added' })
      this.#links.set(index, ifname)
    }
  }

  /** Resolves when all watching has ended, after the host's end. */
  async ended (): Promise<void> {
    for (const { controller } of this.#leases.values()) controller.abort()
    await Promise.all([...this.#tasks, this.#last])
  }

  #task (work: () => Promise<void>): void {
    const task = work().catch((error: unknown) => { this.#failed(error) }).then(() => { this.#tasks.delete(task) })
    this.#tasks.add(task)
  }

  #failed (error: unknown): void { if (!this.#end.aborted) this.#works.context.logger.error({ err: error }, 'watching failed') }
}

function seen ({ stored, running, ports }: Entry): Seen {
  return { stored: stored !== undefined, index: running?.bridge.index, revision: running?.revision ?? 0, ports: new Map(ports.map(({ link }) => [link.index, link.name])) }
}

const nothing: Seen = { stored: false, index: undefined, revision: 0, ports: new Map() }

function changes (network: string, before: Seen = nothing, after: Seen = nothing): Change[] {
  const found: Change[] = []
  const tell = (change: Extract<Change, { kind: 'network' }>['change']): void => { found.push({ kind: 'network', network, change }) }
  if (!before.stored && after.stored) tell('defined')
  for (const [index, dev] of before.ports) if (!after.ports.has(index)) found.push({ kind: 'port', network, dev, change: 'detached' })
  if (before.index !== after.index) {
    if (before.index !== undefined) tell('stopped')
    if (after.index !== undefined) tell('started')
  } else if (before.revision !== after.revision) tell('updated')
  for (const [index, dev] of after.ports) if (!before.ports.has(index)) found.push({ kind: 'port', network, dev, change: 'attached' })
  if (before.stored && !after.stored) tell('undefined')
  return found
}
