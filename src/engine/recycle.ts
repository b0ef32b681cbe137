/**
 * The pool: links that are kept for the next network instead of being deleted.
 *
 *     stop   graves/ID.json names them, then they are stripped, in the send that takes the network down; laundered behind the scenes
 *     start  the journal names one by its index; the send that makes the network renames it and moves it into the owner's group
 *
 * Its books are those of the graves: a link in the group of a grave is the grave's, one in the owner's group the journal's, so a process that is killed
 * leaves no link in nobody's reach; and whoever comes next deletes what its pool held. Only this process lends what it keeps.
 */
import type { Buried } from '../kernel/burial.js'
import type { Counters } from '../kernel/counters.js'
import { glance } from '../kernel/glance.js'
import { forwardingOfNew, forwardsLike, launder, type Stripped } from '../kernel/launder.js'
import { likeness } from '../kernel/likeness.js'
import type { LinkObject } from '../kernel/object.js'
import { poolName } from '../kernel/strip.js'
import { getEach } from '../netlink/call.js'
import { link, RTEXT_FILTER_SKIP_STATS } from '../netlink/rtnl/link.js'
import type { Grave } from './graves.js'
import { HeardMap } from './heard-map.js'
import { discard } from './discard.js'
import { freshLinks } from './fresh.js'
import { Loans } from './loans.js'
import { Measures, type Means } from './measure.js'
import type { RecycleOptions } from './recycle-options.js'
import { BRIDGE, shapeOf, shapeWanted, tapOf } from './shape.js'
import type { Demand, Stock, Stocked, Wanted } from './source.js'
import { isAt, isHeld, stockedOf } from './stocked.js'
import { undoSteps } from './steps.js'
import { nextToWash, type Washable } from './washing.js'

/** A grave whose links are kept. */
export interface Kept { readonly grave: Grave, readonly sites: ReadonlyMap<number, { readonly link: Buried, readonly group: number }>, readonly shapes: ReadonlyMap<number, string> }

interface Entry extends Washable { readonly link: Stripped, readonly grave: Grave, counters?: Counters }

const sitesOf = ({ plots }: Grave): Kept['sites'] => new Map(plots.flatMap(({ group, links }) => links.map((link) => [link.index, { link, group }])))

/** So many at a time: while the kernel is at some, others are made sense of. */
const LOTS = 2
/** How often links are made that do not last. */
const ATTEMPTS = 3
/** Of so many links it is remembered how often they were opened. */
const MOST = 10_000

export class Recycler implements Stock {
  readonly #options: RecycleOptions
  readonly #means: Means
  readonly #measures: Measures
  readonly #entries = new HeardMap<number, Entry>(() => { this.#changed() })
  #changed = (): void => undefined
  /** Links of a grave that are still in it. */
  readonly #held = new Map<Grave, Set<number>>()
  readonly #loans = new Loans<Entry>()
  /** By index, how often a TAP had been opened and closed when it was lent: where that is the same when it comes back, nobody has. */
  readonly #opened = new Map<number, number>()
  /** Being laundered. */
  readonly #lots = new Set<Promise<void>>()
  /** One after the other: each looks what is there. */
  #filling = Promise.resolve()
  #idle: NodeJS.Timeout | undefined
  #closed = false

  constructor (options: RecycleOptions, means: Means) {
    this.#options = options
    this.#means = means
    this.#measures = new Measures(means)
  }

  get size (): { readonly bridges: number, readonly taps: number } {
    const bridges = [...this.#entries.values()].filter(({ link }) => link.kind === 'bridge').length
    return { bridges, taps: this.#entries.size - bridges }
  }

  /** `changed`: called when links have come or gone. */
  heed (changed: () => void): void { this.#changed = changed }

  /** Writes down which of these links are kept; none may have been touched before. Undefined where there is room for none. */
  async dig (links: readonly LinkObject[]): Promise<Kept | undefined> {
    const { bridges, taps } = this.size
    const room = this.#closed ? { bridge: 0, tun: 0 } : { bridge: this.#options.max.bridges - bridges, tun: this.#options.max.taps - taps }
    const shapes = new Map<number, string>()
    const kept: Buried[] = []
    for (const one of links) {
      const shape = shapeOf(one)
      const kind = one.type === 'bridge' ? 'bridge' : 'tun'
      if (shape === undefined || room[kind]-- <= 0) continue
      shapes.set(one.index, shape)
      kept.push({ index: one.index, name: one.name, kind })
    }
    if (kept.length === 0) return undefined
    const grave = await this.#means.graves.dig(kept)
    return { grave, shapes, sites: sitesOf(grave) }
  }

  /** They have been stripped, as far as that was possible: what is not in its group is not ours. No record names them any more. */
  add (kept: readonly Kept[]): void {
    for (const { grave, sites, shapes } of kept) {
      this.#held.set(grave, new Set(sites.keys()))
      for (const [index, { link, group }] of sites) this.#entries.set(index, { link: { ...link, group, ...this.#changesOf(index) }, shape: shapes.get(index) ?? '', grave, state: 'soiled' })
    }
    if (kept.length === 0) return
    this.#touch()
    if (this.#closed) this.#bury()
    else this.#wash()
  }

  #changesOf (index: number): { readonly carrierChanges?: number } {
    const carrierChanges = this.#opened.get(index)
    this.#opened.delete(index)
    return carrierChanges === undefined ? {} : { carrierChanges }
  }

  get max (): RecycleOptions['max'] { return this.#options.max }

  /** Makes links until so many of that shape are there and laundered, as far as there is room. Throws KernelError. */
  async fill (shape: string, count: number): Promise<void> {
    const work = this.#filling.then(async () => { await this.#fill(shape, count) })
    this.#filling = work.catch(() => undefined)
    await work
  }

  async #fill (shape: string, count: number): Promise<void> {
    for (let tries = 0; tries < ATTEMPTS; tries++) {
      await this.washed()
      const kind = shape === BRIDGE ? 'bridges' : 'taps'
      const missing = Math.min(count - [...this.#entries.values()].filter((entry) => entry.shape === shape).length, this.#options.max[kind] - this.size[kind])
      if (missing <= 0 || this.#closed) return
      const grave = await freshLinks(shape, missing, this.#means)
      const sites = sitesOf(grave)
      this.add([{ grave, sites, shapes: new Map([...sites.keys()].map((index) => [index, shape])) }])
    }
  }

  /** Proves links for what a batch may take: there, untouched since they were laundered, and as new. Callers hold the lock until they have taken them. */
  async prepare ({ bridges, taps }: Demand): Promise<void> {
    const wanted = [...Array.from({ length: bridges }, () => BRIDGE), ...taps.flatMap((tap) => shapeWanted(tap) ?? [])]
    await this.recall()
    if (this.#entries.size === 0 || wanted.length === 0) return
    this.#touch()
    // What an earlier batch had proved and did not take may have been touched since.
    for (const entry of this.#in('proved')) entry.state = 'clean'
    if (await this.#measures.outdated()) this.#soil()
    for (const shape of new Set(wanted)) {
      const count = wanted.filter((other) => other === shape).length
      await this.#until(() => this.#of(shape, 'clean').length >= count)
      await this.#prove(shape, count)
    }
  }

  #of (shape: string, state: Entry['state']): Entry[] { return this.#in(state).filter((entry) => entry.shape === shape) }

  #first (shape: string): Entry | undefined {
    for (const entry of this.#entries.values()) if (entry.state === 'proved' && entry.shape === shape) return entry
    return undefined
  }

  /** One that is not what it was when it was laundered is laundered again. */
  async #prove (shape: string, count: number): Promise<void> {
    const measure = this.#measures.known(shape)
    if (measure === undefined || this.#of(shape, 'clean').length === 0) return
    // Whoever switches it holds the lock, as our callers do, while links are laundered without.
    const forwarding = await forwardingOfNew(this.#means.netns)
    for (let left = count - this.#of(shape, 'proved').length; left > 0;) {
      const candidates = this.#of(shape, 'clean').slice(0, left)
      if (candidates.length === 0) return
      const answers = await getEach(this.#means.rtnl, candidates.map(({ link: { index } }) => link.get({ index, extMask: RTEXT_FILTER_SKIP_STATS }, poolName(index))))
      for (const [i, entry] of candidates.entries()) {
        const message = answers[i]?.replies.find(({ type }) => type === link.types.new)
        const seen = message === undefined ? undefined : glance(message.payload)
        const pure = message !== undefined && seen !== undefined && isAt(seen, entry.link) && forwardsLike(seen.forwarding, forwarding) && likeness(message.payload, entry.link.kind).equals(measure.likeness)
        if (pure && await isHeld(entry.link.index, entry.shape, this.#means.netns)) { await this.#lose([entry]); continue }
        entry.state = pure ? 'proved' : 'soiled'
        if (!pure) continue
        left--
        if (entry.link.kind === 'tun') this.#opened.set(entry.link.index, seen.carrierChanges)
      }
    }
    this.#wash()
  }

  take (wanted: Wanted): Stocked | undefined {
    const shape = shapeWanted(wanted)
    const entry = shape === undefined ? undefined : this.#first(shape)
    if (shape === undefined || entry?.counters === undefined) return undefined
    this.#entries.delete(entry.link.index)
    if (this.#opened.size > MOST) this.#opened.clear() // of links that did not come back
    const stocked = stockedOf(entry.link.index, entry.counters, this.#measures.known(shape)?.addrGenMode, this.#means.netns)
    this.#loans.hand(stocked, entry)
    return stocked
  }

  async used (links: readonly Stocked[]): Promise<void> {
    this.#loans.used(links)
    await Promise.resolve()
  }

  /** They have left their groups. */
  moved (links: readonly Stocked[]): void { for (const entry of this.#loans.moved(links)) this.#drop(entry) }

  back (links: readonly Stocked[]): void {
    for (const entry of this.#loans.back(links)) this.#entries.set(entry.link.index, entry)
    if (this.#closed) this.#bury()
  }

  /** Looks at links that were lent and of which nobody has said that they moved: their batch has failed. What did not move is laundered again. Callers hold the lock. Never throws. */
  async recall (): Promise<void> {
    const lent = this.#loans.recall()
    if (lent.length === 0) return
    try {
      const answers = await getEach(this.#means.rtnl, lent.map(({ link: { index } }) => link.get({ index, extMask: RTEXT_FILTER_SKIP_STATS }, poolName(index))))
      for (const [i, entry] of lent.entries()) {
        const message = answers[i]?.replies.find(({ type }) => type === link.types.new)
        if (message === undefined || glance(message.payload).group !== entry.link.group || this.#entries.has(entry.link.index)) this.#drop(entry)
        else { entry.state = 'soiled'; this.#entries.set(entry.link.index, entry) }
      }
      this.#wash()
    } catch (error) { this.#means.logger.warn({ err: error }, 'links that were not used after all go with the pool') }
  }

  /** The link is no longer this grave's. */
  #drop (entry: Entry): void {
    const held = this.#held.get(entry.grave)
    held?.delete(entry.link.index)
    if (held?.size !== 0) return
    this.#held.delete(entry.grave)
    void this.#means.graves.close(entry.grave).catch((error: unknown) => { this.#means.logger.warn({ err: error }, 'the record of an empty pool stays until the next host') })
  }

  #soil (): void {
    for (const entry of this.#entries.values()) if (entry.state === 'clean' || entry.state === 'proved') entry.state = 'soiled'
    this.#wash()
  }

  /** Resolves when nothing waits to be laundered. Never throws. */
  async washed (): Promise<void> { await this.#until(() => false) }

  /** Resolves when that is enough, or nothing waits to be laundered any more. Never throws. */
  async #until (enough: () => boolean): Promise<void> { while (this.#lots.size > 0 && !enough()) await Promise.race(this.#lots) }

  /** Begins to launder what waits, as far as others leave room. */
  #wash (): void {
    while (this.#lots.size < LOTS) {
      const some = this.#next()
      if (some.length === 0) return
      const lot = this.#launder(some).finally(() => {
        this.#lots.delete(lot)
        this.#wash()
      })
      this.#lots.add(lot)
    }
  }

  #in (state: Entry['state']): Entry[] { return [...this.#entries.values()].filter((entry) => entry.state === state) }

  #next (): Entry[] { return this.#closed ? [] : nextToWash([...this.#entries.values()]) }

  async #launder (some: readonly Entry[]): Promise<void> {
    const { rtnl, netns, logger, hook } = this.#means
    for (const entry of some) entry.state = 'washing'
    const spoiled: Entry[] = []
    try {
      await undoSteps(hook).before('launder links')
      const measure = await this.#measures.of(some[0]?.shape ?? '')
      const results = await launder(some.map((entry) => entry.link), { transport: rtnl, netns, pristine: measure, tap: tapOf(some[0]?.shape ?? '') })
      for (const [i, entry] of some.entries()) {
        const result = results[i] ?? { state: 'gone' }
        if (result.state === 'clean') { entry.state = 'clean'; entry.counters = result.counters; continue }
        if (result.state === 'gone') { this.#entries.delete(entry.link.index); this.#drop(entry) }
        else { logger.debug({ link: entry.link.name, why: result.why }, 'a link is not used again'); spoiled.push(entry) }
      }
    } catch (error) {
      logger.warn({ err: error }, 'links could not be laundered for the next network: they are deleted')
      spoiled.push(...some.filter(({ state }) => state === 'washing'))
    }
    await this.#lose(spoiled)
  }

  /** They cannot be used again. */
  async #lose (spoiled: readonly Entry[]): Promise<void> {
    if (spoiled.length === 0) return
    for (const entry of spoiled) this.#entries.delete(entry.link.index)
    const left = await discard(spoiled.map((entry) => entry.link), this.#means)
    for (const entry of spoiled) if (left.has(entry.link.index)) this.#drop(entry)
  }

  /** It is in use. */
  #touch (): void {
    clearTimeout(this.#idle)
    if (this.#closed) return
    // What a batch is about to use must not be deleted.
    this.#idle = setTimeout(() => { if (this.#loans.any) this.#touch(); else this.#bury() }, this.#options.idle).unref()
  }

  /** All that is kept goes to the sexton. */
  #bury (): void {
    this.#entries.clear()
    this.#loans.forget()
    const graves = [...this.#held.keys()]
    this.#held.clear()
    this.#means.sexton.take(graves)
  }

  /** From now on nothing is kept; resolves when the sexton has got all that was. */
  async close (): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    await this.washed()
    this.#bury()
  }
}
