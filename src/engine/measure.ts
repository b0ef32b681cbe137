/** What new links are like here: for each kind one is made, looked at, and given to the sexton. */
import { NetwrightError } from '../errors.js'
import { indexes, upRequest } from '../kernel/link.js'
import { newcomers, readPristine, type Pristine } from '../kernel/pristine.js'
import { freshBridge, poolName, withMode } from '../kernel/strip.js'
import type { Logger } from '../log.js'
import { getEach, send } from '../netlink/call.js'
import { IN6_ADDR_GEN_MODE_NONE, link } from '../netlink/rtnl/link.js'
import type { Transport } from '../netlink/transport.js'
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

const index = indexes()

export class Measures {
  readonly #means: Means
  readonly #known = new Map<string, Measure>()
  #newcomers: string | undefined
  #asked = -Infinity

  constructor (means: Means) { this.#means = means }

  /** Undefined where none of that shape was made yet. */
  known (shape: string): Measure | undefined { return this.#known.get(shape) }

  /** Makes one where there is none. Throws KernelError. */
  async of (shape: string): Promise<Measure> {
    const known = this.#known.get(shape)
    if (known !== undefined) return known
    await this.outdated()
    const made = await this.#make()
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

  async #make (): Promise<Measure> {
    const { graves, sexton, rtnl, netns, ipv6 } = this.#means
    const one = { index: index.next(), name: '', kind: 'bridge' as const }
    const name = poolName(one.index)
    const grave = await graves.dig([{ ...one, name }])
    try {
      await this.#sent(freshBridge(one, grave.plots[0]?.group ?? 0))
      const [answer] = await getEach(rtnl, [link.get({ index: one.index }, name)])
      const fresh = answer?.replies[0]
      if (fresh === undefined) throw answer?.error ?? new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${name}: gone while it was looked at`)
      const addrGenMode = link.decode(fresh).afSpec?.inet6?.addrGenMode
      const at = { index: one.index, name }
      await this.#sent([...ipv6 && addrGenMode !== undefined ? [withMode(one.index, name, IN6_ADDR_GEN_MODE_NONE)] : [], upRequest(at, true), upRequest(at, false)])
      return { ...await readPristine(rtnl, netns, at), addrGenMode }
    } finally { sexton.take([grave]) }
  }

  async #sent (requests: Parameters<typeof send>[1]): Promise<void> {
    for (const { error, acknowledged, request } of await send(this.#means.rtnl, requests)) {
      if (error !== undefined) throw error
      if (!acknowledged) throw new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `${request.name} ${request.object}: the kernel's answer was lost`)
    }
  }
}
