/** The handle of one network: names it, and asks afresh each time what it is. */
import type { Operation } from '../diagnostics.js'
import { InputError, NetwrightError } from '../errors.js'
import { parseDefinition } from '../network/definition.js'
import { networkXml } from '../network/xml/write.js'
import type { Definition } from '../network/spec.js'
import type { Forwards, HostAccess, Leases, Peers, Rules, LinkCondition, Network, NetworkDefinition, NetworkInfo, Options, Port, PortInfo, PortInput, StartReport, Statistics, UpdateReport } from './api.js'
import { filesOf } from './daemon.js'
import { setAutostart, undefine } from './define.js'
import { forwardsOf } from './forwards.js'
import { definitionOf, find, infoOf, type Entry } from './inventory.js'
import { leasesOf } from './leases.js'
import { hostPolicyOf } from './host-policy.js'
import { peersOf } from './peers.js'
import { portInfo } from './port.js'
import { detachPort, findPort, portHandle } from './port-handle.js'
import { bridgeCondition } from './port-link.js'
import { present } from './port-state.js'
import type { NetworkRecord } from './record.js'
import { rulesOf } from './rules.js'
import { bridgeOf, statistics } from './statistics.js'
import { stopTogether } from './stop-together.js'
import { typed } from './system-error.js'
import { transactTogether } from './transact-together.js'
import { transact, type Transacted } from './transact.js'
import type { Doing } from './tallies.js'
import { warnings } from './warnings.js'
import type { Works } from './works.js'

export class NetworkHandle implements Network {
  readonly name: string
  readonly uuid: string
  readonly leases: Leases
  readonly forwards: Forwards
  readonly peers: Peers
  readonly rules: Rules
  readonly hostPolicy: HostAccess
  readonly #works: Works
  /** Made by `create` of this handle: disposing destroys it. */
  readonly #mine: boolean

  constructor (works: Works, { name, uuid }: Pick<Definition, 'name' | 'uuid'>, mine = false) {
    this.#works = works
    this.#mine = mine
    this.name = name
    this.uuid = uuid
    this.forwards = forwardsOf(works, name)
    this.peers = peersOf(works, name)
    this.rules = rulesOf(works, name)
    this.hostPolicy = hostPolicyOf(works, name)
    this.leases = leasesOf(async () => ({ path: filesOf(works.context, name).leases, definition: definitionOf(await this.#entry()), alive: () => works.daemons.seemsUp(name) }), works.end)
  }

  async #entry (): Promise<Entry> {
    this.#works.open()
    return await typed(async () => await find(this.#works.context, this.name))
  }

  #doing (operation: Operation): Doing { return { operation, names: () => [this.name] } }

  async info (): Promise<NetworkInfo> { return await this.#works.during(async () => await infoOf(await this.#entry(), await this.#works.context.store.autostarted(), this.#works.daemons)) }
  async spec (options?: Options & { readonly inactive?: boolean }): Promise<Definition> { return await this.#works.during(async () => definitionOf(await this.#entry(), options?.inactive)) }
  async xml (options?: Options & { readonly inactive?: boolean }): Promise<string> { return networkXml(await this.spec(options)) }

  async start (options?: Options): Promise<StartReport> {
    const { context, daemons } = this.#works
    const [report] = await this.#works.during(async () => {
      const { stored, running } = await this.#entry()
      if (running !== undefined || stored === undefined) throw new NetwrightError('NETWRIGHT_ACTIVE', `network ${this.name} is already active`)
      return await started(this.#works, (await transact({ start: [{ name: this.name }] }, { context, daemons, signal: options?.signal })).networks)
    }, this.#doing('start'))
    if (report === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${this.name} was not started`)
    return report
  }

  async stop (options?: Options): Promise<void> { await this.#stop('keep', options) }

  async destroy (options?: Options): Promise<void> { await this.#stop('remove', options) }

  async #stop (ports: 'keep' | 'remove', options?: Options): Promise<void> {
    await this.#works.during(async () => { await this.#end(ports, options) }, this.#doing(ports === 'keep' ? 'stop' : 'destroy'))
  }

  async #end (ports: 'keep' | 'remove', options?: Options): Promise<void> {
    const { context, daemons } = this.#works
    await stopTogether(this.name, { context, daemons, signal: options?.signal, ports })
    await this.#works.refresh()
  }

  async undefine (options?: Options): Promise<void> {
    await this.#works.during(async () => {
      await this.#entry()
      await undefine(this.#works.context, this.#works.daemons, this.name, options?.signal)
      await this.#works.refresh()
    }, this.#doing('undefine'))
  }

  async setAutostart (on: boolean, options?: Options): Promise<void> {
    await this.#works.during(async () => {
      await this.#entry()
      await setAutostart(this.#works.context, this.name, on, options?.signal)
    })
  }

  async attach (input: PortInput, options?: Options): Promise<Port> {
    const { context, daemons } = this.#works
    const [port] = await this.#works.during(async () => {
      // Calls keep their order, so nothing is looked at before.
      const { ports } = await transactTogether({ attach: [{ network: this.name, input }] }, { context, daemons, signal: options?.signal }).catch(async (error: unknown) => {
        if (error instanceof NetwrightError && error.code === 'NETWRIGHT_INACTIVE') await this.#entry() // perhaps there is no such network
        throw error
      })
      await this.#works.refresh()
      return ports
    }, this.#doing('attach'))
    if (port === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `no port was attached to network ${this.name}`)
    return portHandle(this.#works, port)
  }

  async detach (dev: string, options?: Options): Promise<void> {
    await this.#entry()
    await detachPort(this.#works, { network: this.name, dev }, options)
  }

  async update (definition: NetworkDefinition, options?: Options): Promise<UpdateReport> {
    const { context, daemons } = this.#works
    const spec = parseDefinition(definition)
    if (spec.name !== this.name) throw new InputError([{ path: 'name', message: `a network cannot be given another name: this is '${this.name}'` }])
    return await this.#works.during(async () => {
      await this.#entry()
      const { updates } = await transact({ update: [{ spec }] }, { context, daemons, signal: options?.signal })
      const [report] = await updated(this.#works, updates)
      return report ?? { name: this.name, changes: [], warnings: [] }
    }, this.#doing('update'))
  }

  async ports (): Promise<PortInfo[]> {
    return await this.#works.during(async () => {
      const entry = await this.#entry()
      return (await present(this.#works.context, entry.ports)).map(({ port, attached }) => portInfo(port, definitionOf(entry), attached && entry.running !== undefined))
    })
  }

  async port (devOrMac: string): Promise<Port> {
    return await this.#works.during(async () => { await this.#entry(); return await findPort(this.#works, devOrMac, this.name) })
  }

  async state (): Promise<LinkCondition> {
    return await this.#works.during(async () => await bridgeCondition(this.#works.context, bridgeOf(this.name, (await this.#entry()).running)))
  }

  async statistics (options?: Options & { readonly dev?: string }): Promise<Statistics> {
    return await this.#works.during(async () => await statistics(this.#works.context, await this.#entry(), options?.dev))
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    if (!this.#mine || this.#works.closed) return
    try {
      await this.#works.during(async () => {
        const entry = await this.#entry()
        // Another network may have the name by now, and one that has been defined meanwhile is persistent.
        if (entry.uuid === this.uuid && entry.stored === undefined) await this.#end('remove')
      }, this.#doing('destroy'))
    } catch (error) {
      if (!(error instanceof NetwrightError) || (error.code !== 'NETWRIGHT_NOT_FOUND' && error.code !== 'NETWRIGHT_INACTIVE')) throw error
    }
  }
}

/** After a start: whoever listens is told, and what is in the networks' way is looked for, once for all of them. */
export async function started ({ context, refresh }: Works, networks: readonly NetworkRecord[]): Promise<readonly StartReport[]> {
  await refresh()
  // They run; that a look at others' rules failed (too many open files) does not change it.
  const found = await warnings(context, networks).catch((error: unknown) => {
    context.logger.warn({ err: error }, 'what is in the networks\' way could not be looked for')
    return []
  })
  for (const { message, remedy } of found) context.logger.warn({ networks: networks.map(({ definition }) => definition.name), remedy }, message)
  return networks.map(({ definition: { name }, bridge }) => ({ name, bridge: bridge.name, warnings: found }))
}

/** After an update, likewise. */
export async function updated (works: Works, updates: Transacted['updates']): Promise<readonly UpdateReport[]> {
  const reports = await started(works, updates.map(({ record }) => record))
  return updates.map(({ record: { definition: { name } }, changes }, i) => ({ name, changes, warnings: reports[i]?.warnings ?? [] }))
}
