/**
 * Makes the kernel forget the connections of networks that are gone, behind the scenes: a guest that gets an address next must not inherit its
 * predecessor's. One look at the kernel's table serves all that are waiting; where nothing is tracked, it is not looked at.
 *
 * Ours are the connections with an end in the subnet of a network: while it ran, no other link was reached by that subnet, which `prospect` sees to.
 * An address that the routing tables know more closely than our subnet does, now or again, is a stranger's, and so are its connections.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { countFlows, covers, forgetFlows, overlap, readFlows, type Flow } from '../kernel/conntrack.js'
import { lookUp } from '../kernel/fib.js'
import type { MemberObject } from '../kernel/object.js'
import type { Logger } from '../log.js'
import { mapSlowly, turn } from '../netlink/breathe.js'
import { openChannel } from '../netlink/channel.js'
import { NETLINK_NETFILTER } from '../netlink/header.js'
import type { Entry } from '../netlink/ct/entry.js'
import type { Tally } from '../netlink/tally.js'
import type { Transport } from '../netlink/transport.js'
import { parseCidr } from '../values/cidr.js'
import type { BatchRecord, NetworkRecord } from './record.js'

/** Whose connections are to go. */
export interface Forgotten {
  /** `10.7.0.0/24`, or `10.7.0.5/32` for one guest. */
  readonly prefix: string
  /** Of the network's subnet, where `prefix` is longer. */
  readonly subnet?: number
  /** Index of the bridge that the subnet is reached by. */
  readonly bridge: number
  /** Only what came by this forwarded port: protocol, port of the host, port of the guest. */
  readonly forward?: readonly [protocol: number, port: number, guestPort: number] | undefined
  /** Only those of them. Never written down. */
  readonly which?: (entry: Entry) => boolean
}

export interface FlowsOptions {
  /** An open descriptor of the namespace, -1 for our own. */
  readonly netns: number
  readonly nft: Transport
  readonly rtnl: Transport
  readonly logger: Logger
  readonly tally: Tally
}

/** Whose connections go with a record: its networks', and its guests' whose network stays. `standing`: the networks that run. */
export function forgottenOf ({ networks, ports }: Pick<BatchRecord, 'networks' | 'ports'>, standing: readonly NetworkRecord[]): Forgotten[] {
  const going = networks.flatMap(({ bridge, addresses, routes }) => [
    ...addresses.map(({ address, prefix }) => `${address}/${String(prefix)}`), ...routes.map(({ destination }) => destination).filter((destination) => !destination.endsWith('/0')),
  ].map((prefix) => ({ prefix, bridge: bridge.index })))
  const names = new Set(networks.map(({ definition }) => definition.name))
  const running = new Map(ports.length === 0 ? [] : standing.map((network) => [network.definition.name, network.bridge.index]))
  const guests = ports.flatMap(({ network, ip, prefix }) => {
    const bridge = running.get(network)
    return ip === undefined || prefix === undefined || bridge === undefined || names.has(network) ? [] : [{ prefix: `${ip}/${ip.includes(':') ? '128' : '32'}`, subnet: prefix, bridge }]
  })
  return [...going, ...guests]
}

const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 }

/** Whose connections go where elements of a network are taken away: those of forwarded ports. */
export function unforwarded ({ bridge, addresses }: NetworkRecord, removed: readonly MemberObject[]): Forgotten[] {
  return removed.filter(({ set }) => set.startsWith('dnat')).flatMap(({ key, data: [guest, guestPort] = [] }): Forgotten[] => {
    const [protocol, port] = key.slice(-2)
    if (guest === undefined || guestPort === undefined || typeof guest !== 'string') return []
    const subnet = addresses.find((one) => covers(`${one.address}/${String(one.prefix)}`)(guest))?.prefix
    return [{ prefix: `${guest}/${guest.includes(':') ? '128' : '32'}`, bridge: bridge.index, ...subnet === undefined ? {} : { subnet }, forward: [protocols[String(protocol)] ?? Number(protocol), Number(port), Number(guestPort)] }]
  })
}

/** The connections that are really meant: of a forwarded port, only those that came by it; of a rule, only those that it forbids. */
function meant (flows: readonly Flow[], whose: readonly Forgotten[]): readonly Flow[] {
  const forwards = new Set(whose.flatMap(({ prefix, forward }) => forward === undefined ? [] : [[prefix.slice(0, prefix.indexOf('/')), ...forward].join(' ')]))
  const some = new Set(whose.flatMap(({ which }) => which ?? []))
  if (forwards.size + some.size === 0) return flows
  const whole = whose.filter(({ forward, which }) => forward === undefined && which === undefined).map(({ prefix }) => covers(prefix))
  return flows.filter(({ entry, entry: { original, reply }, inside }) => inside.some((address) => whole.some((within) => within(address))) || [...some].some((which) => which(entry)) ||
    forwards.has([reply?.ip?.src4 ?? reply?.ip?.src6, original?.protocol?.number, original?.protocol?.destinationPort, reply?.protocol?.sourcePort].join(' ')))
}

/** Milliseconds for which more are waited for, and how many times longer than the last look took: so looking takes a fifth of one processor at most. */
const PAUSE = 25
const IDLE = 4
const LONGEST = 500

export class Flows {
  readonly #options: FlowsOptions
  readonly #waiting: Forgotten[] = []
  #current: readonly Forgotten[] = []
  #working: Promise<void> | undefined
  /** The look that is under way. */
  #done = Promise.resolve()
  /** Ends the pause: somebody waits. */
  #hurry = new AbortController()
  #took = 0
  #spared = false
  /** The pause and the look that follow each other. */
  #round = Promise.resolve()

  constructor (options: FlowsOptions) { this.#options = options }

  /** Prefixes that wait to be forgotten: whoever may choose another one starts sooner. */
  get pending (): readonly string[] { return [...this.#current, ...this.#waiting].map(({ prefix }) => prefix) }

  /** Nothing is forgotten any more: the namespace is about to end, with all that is tracked in it. */
  spare (): void { this.#spared = true }

  /** Returns at once; whoever is named must be unable to begin a connection by now. */
  forget (whose: readonly Forgotten[]): void {
    if (whose.length === 0 || this.#spared) return
    this.#waiting.push(...whose)
    this.#working ??= this.#work()
  }

  /** Resolves when nothing that overlaps one of the prefixes waits to be forgotten, in no hurry where `patient`. Never throws. */
  async forgotten (prefixes: readonly string[], { patient = false } = {}): Promise<void> {
    while (this.pending.some((prefix) => prefixes.some((other) => overlap(prefix, other)))) await (patient ? this.#round : this.#next())
  }

  /** Resolves when nothing is in work, however it went. Never throws. */
  async ended (): Promise<void> { while (this.#working !== undefined) await this.#next() }

  /** The end of the look that is under way, else of the next one, at once. */
  async #next (): Promise<void> {
    this.#hurry.abort()
    await (this.#current.length > 0 ? this.#done : turn())
  }

  async #work (): Promise<void> {
    // The last look at what waits and the end are one stretch: what comes later starts anew.
    try {
      while (this.#waiting.length > 0) {
        this.#round = this.#look()
        await this.#round
      }
    } finally { this.#working = undefined }
  }

  async #look (): Promise<void> {
    await sleep(Math.min(LONGEST, Math.max(PAUSE, IDLE * this.#took)), undefined, { signal: this.#hurry.signal }).catch(() => undefined)
    this.#hurry = new AbortController()
    this.#current = this.#waiting.splice(0)
    const since = performance.now()
    this.#done = this.#forget(this.#current)
    await this.#done
    this.#took = performance.now() - since
    this.#current = []
  }

  async #forget (whose: readonly Forgotten[]): Promise<void> {
    const { nft, netns, logger, tally } = this.#options
    try {
      if (await countFlows(nft) === 0) return
      // A socket of its own: commits do not wait for a look at a hundred thousand connections.
      await using channel = await openChannel({ protocol: NETLINK_NETFILTER, netns, tally })
      const flows = await this.#ours(meant(await readFlows(channel, [...new Set(whose.map(({ prefix }) => prefix))]), whose), whose)
      const { gone, error } = await forgetFlows(channel, flows)
      if (error !== undefined) throw error
      if (gone > 0) logger.debug({ connections: gone, networks: whose.length }, 'connections of what was stopped are forgotten')
    } catch (error) {
      logger.error({ err: error, prefixes: whose.map(({ prefix }) => prefix) }, 'connections of what was stopped are still tracked, until they time out: conntrack -L')
    }
  }

  /** Without those that have an end which is a stranger's by now. */
  async #ours (flows: readonly Flow[], whose: readonly Forgotten[]): Promise<readonly Flow[]> {
    if (flows.length === 0) return []
    const addresses = [...new Set(flows.flatMap(({ inside }) => inside))]
    const reached = await lookUp(this.#options.rtnl, addresses)
    const own = whose.map(({ prefix, subnet = parseCidr(prefix).prefix, bridge }) => ({ within: covers(prefix), subnet, bridge }))
    const foreign = new Set((await mapSlowly(addresses, (address, i) => {
      const way = reached[i]
      return way === undefined || own.some(({ within, subnet, bridge }) => (way.dev === bridge || way.prefix < subnet) && within(address)) ? [] : [address]
    })).flat())
    if (foreign.size > 0) this.#options.logger.debug({ addresses: [...foreign] }, 'connections of addresses that somebody else has by now are left alone')
    return flows.filter(({ inside }) => !inside.some((address) => foreign.has(address)))
  }
}
