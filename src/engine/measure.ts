/** What new links are like here: for each kind one is made, looked at, and given to the sexton. */
import { NetwrightError } from '../errors.js'
import { upRequest } from '../kernel/link.js'
import { newcomers, readPristine, type Pristine } from '../kernel/pristine.js'
import { withMode } from '../kernel/strip.js'
import type { Logger } from '../log.js'
import { getEach } from '../netlink/call.js'
import { IN6_ADDR_GEN_MODE_NONE, link } from '../netlink/rtnl/link.js'
import type { Transport } from '../netlink/transport.js'
import { freshLinks, sent } from './fresh.js'
import type { Graves } from './graves.js'
import type { Sexton } from './sexton.js'
import type { StepHook } from './steps.js'

/** What a pool works with. */
export interface Means {
  readonly graves: Graves
  readonly sexton: Sexton
  readonly rtnl: Transport
  /** An open descriptor of the namespace, -1 for our own. */
  readonly netns: number
  readonly ipv6: boolean
  readonly logger: Logger
  readonly hook: StepHook | undefined
}

/** A new link, but for its mode of making addresses: links in the pool make none. `addrGenMode`: what it was; undefined without IPv6. */
export interface Measure extends Pristine { readonly addrGenMode: number | undefined }

/** Milliseconds for which what the namespace gives new links is not asked again. */
const FRESH = 1000

export class Measures {
  readonly #means: Means
  readonly #known = new Map<string, Measure>()
  readonly #making = new Map<string, Promise<Measure>>()
  #newcomers: string | undefined
  #asked = -Infinity

  constructor (means: Means) { this.#means = means }

  /** Undefined where none of that shape was made yet. */
  known (shape: string): Measure | undefined { return this.#known.get(shape) }

  /** Makes one where there is none. Throws KernelError. */
  async of (shape: string): Promise<Measure> {
    const known = this.#known.get(shape)
    if (known !== undefined) return known
    const making = this.#making.get(shape) ?? this.#first(shape).finally(() => { this.#making.delete(shape) })
    this.#making.set(shape, making)
    return await making
  }

  async #first (shape: string): Promise<Measure> {
    await this.outdated()
    const made = await this.#make(shape)
    this.#known.set(shape, made)
    return made
  }

  /** Whether new links are no longer what they were, because somebody has changed what this namespace gives them; then all is measured anew. */
  async outdated (): Promise<boolean> {
    const now = performance.now()
    if (now - this.#asked < FRESH) return false
    this.#asked = now
    const before = this.#newcomers
    this.#newcomers = await newcomers(this.#means.netns)
    if (before === undefined || before === this.#newcomers) return false
    this.#known.clear()
    return true
  }

  async #make (shape: string): Promise<Measure> {
    const { sexton, rtnl, netns, ipv6 } = this.#means
    const grave = await freshLinks(shape, 1, this.#means)
    try {
      const [at] = grave.plots.flatMap(({ links }) => links)
      if (at === undefined) throw new RangeError('nothing was made')
      const [answer] = await getEach(rtnl, [link.get({ index: at.index }, at.name)])
      const fresh = answer?.replies[0]
      if (fresh === undefined) throw answer?.error ?? new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${at.name}: gone while it was looked at`)
      const addrGenMode = link.decode(fresh).afSpec?.inet6?.addrGenMode
      // Some things are settled only when a link goes up.
      await sent(rtnl, [...ipv6 && addrGenMode !== undefined ? [withMode(at.index, at.name, IN6_ADDR_GEN_MODE_NONE)] : [], upRequest(at, true), upRequest(at, false)])
      return { ...await readPristine(rtnl, netns, at), addrGenMode }
    } finally { sexton.take([grave]) }
  }
}
