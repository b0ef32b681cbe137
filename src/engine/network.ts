/** The handle of one network: names it, and asks afresh each time what it is. */
import type { Operation } from '../diagnostics.js'
import { NetwrightError } from '../errors.js'
import { networkXml } from '../network/xml/write.js'
import { isTapFd } from '../kernel/tap.js'
import { native } from '../netlink/native.js'
import type { Definition } from '../network/spec.js'
import type { Leases, Network, NetworkInfo, Options, Port, PortInfo, PortInput, StartReport } from './api.js'
import { attach, detach, present } from './attach.js'
import { filesOf } from './daemon.js'
import { setAutostart, undefine } from './define.js'
import { definitionOf, find, infoOf, type Entry } from './inventory.js'
import { leasesOf } from './leases.js'
import { portInfo } from './port.js'
import type { NetworkRecord } from './record.js'
import { start } from './start.js'
import { stopTogether } from './stop-together.js'
import { typed } from './system-error.js'
import type { Doing } from './tallies.js'
import { warnings } from './warnings.js'
import type { Works } from './works.js'

export class NetworkHandle implements Network {
  readonly name: string
  readonly uuid: string
  readonly leases: Leases
  readonly #works: Works
  /** Made by `create` of this handle: disposing destroys it. */
  readonly #mine: boolean

  constructor (works: Works, { name, uuid }: Pick<Definition, 'name' | 'uuid'>, mine = false) {
    this.#works = works
    this.#mine = mine
    this.name = name
    this.uuid = uuid
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
    const choose = async (): Promise<readonly Definition[]> => {
      const { stored, running } = await this.#entry()
      if (running !== undefined || stored === undefined) throw new NetwrightError('NETWRIGHT_ACTIVE', `network ${this.name} is already active`)
      return [stored]
    }
    const [report] = await this.#works.during(async () => await started(this.#works, await start({ names: [this.name], choose }, { context, daemons, signal: options?.signal })), this.#doing('start'))
    if (report === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${this.name} was not started`)
    return report
  }

  async stop (options?: Options): Promise<void> { await this.#stop('keep', options) }

  async destroy (options?: Options): Promise<void> { await this.#stop('remove', options) }

  async #stop (ports: 'keep' | 'remove', options?: Options): Promise<void> {
    await this.#works.during(async () => { await this.#end(await this.#entry(), ports, options) }, this.#doing(ports === 'keep' ? 'stop' : 'destroy'))
  }

  async #end (entry: Entry, ports: 'keep' | 'remove', options?: Options): Promise<void> {
    const { context, daemons } = this.#works
    // Nobody could bring the ports of a transient network back.
    await stopTogether(this.name, { context, daemons, signal: options?.signal, ports: entry.stored === undefined ? 'remove' : ports })
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
    const { port, network, fds } = await this.#works.during(async () => {
      await this.#entry()
      const attached = await attach(this.name, input, { context, daemons, signal: options?.signal })
      await this.#works.refresh()
      return attached
    }, this.#doing('attach'))
    const remove = async (more?: Options): Promise<void> => { await this.#detach({ dev: port.link.name, index: port.link.index }, more) }
    return { ...portInfo(port, network.definition, true), fds, detach: remove, [Symbol.asyncDispose]: async () => { await dispose(port.link.name, fds, remove) } }
  }

  async detach (dev: string, options?: Options): Promise<void> { await this.#detach({ dev }, options) }

  async #detach (port: { readonly dev: string, readonly index?: number }, options?: Options): Promise<void> {
    const { context, daemons } = this.#works
    await this.#works.during(async () => {
      await this.#entry()
      await detach(this.name, port, { context, daemons, signal: options?.signal })
      await this.#works.refresh()
    }, this.#doing('detach'))
  }

  async ports (): Promise<PortInfo[]> {
    return await this.#works.during(async () => {
      const entry = await this.#entry()
      return (await present(this.#works.context, entry.ports)).map(({ port, attached }) => portInfo(port, definitionOf(entry), attached && entry.running !== undefined))
    })
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    if (!this.#mine || this.#works.closed) return
    try {
      await this.#works.during(async () => {
        const entry = await this.#entry()
        // Another network may have the name by now, and one that has been defined meanwhile is persistent.
        if (entry.uuid === this.uuid && entry.stored === undefined) await this.#end(entry, 'remove')
      }, this.#doing('destroy'))
    } catch (error) {
      if (!(error instanceof NetwrightError) || (error.code !== 'NETWRIGHT_NOT_FOUND' && error.code !== 'NETWRIGHT_INACTIVE')) throw error
    }
  }
}

/** Descriptors that the caller has closed are not closed again: their numbers are somebody else's. Twice is fine. */
async function dispose (dev: string, fds: readonly number[], remove: () => Promise<void>): Promise<void> {
  const open = (await Promise.all(fds.map(async (fd) => await isTapFd(fd, dev) ? [fd] : []))).flat()
  try { await remove() } catch (error) {
    if (!(error instanceof NetwrightError) || error.code !== 'NETWRIGHT_NOT_FOUND') throw error
  } finally { await Promise.all(open.map(async (fd) => { await native().closeAsync(fd) })) }
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
