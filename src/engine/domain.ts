/** The handle of one guest: names it, and asks afresh each time what it has. */
import { resolve } from 'node:path'
import { InputError, NetwrightError } from '../errors.js'
import { shown } from '../network/checks/review.js'
import { openMonitor } from '../qmp/monitor.js'
import { isMulticast, parseMac, randomMac } from '../values/mac.js'
import type { Options, Statistics } from './api.js'
import { owned } from './context.js'
import { checkName } from './domain-name.js'
import type { Domain, DomainAddress, DomainInterface, InterfaceInput, InterfaceOptions, PlugOptions } from './domain-api.js'
import { find } from './inventory.js'
import { readKept, writeKept, type KeptInterface } from './kept.js'
import { NetworkHandle } from './network.js'
import { plugIn, pullBack, pullOut, showLink } from './plugging.js'
import { present } from './port-state.js'
import type { PortRecord } from './record.js'
import { portState, setLink } from './port-link.js'
import { statistics } from './statistics.js'
import { closeAll } from './taps.js'
import type { Left } from './teardown.js'
import { transact } from './transact.js'
import { failure } from './undo.js'
import type { Works } from './works.js'

export class DomainHandle implements Domain {
  readonly name: string
  readonly #works: Works

  constructor (works: Works, name: string) {
    checkName(name)
    this.#works = works
    this.name = name
  }

  async interfaces (options?: Options & { readonly inactive?: boolean }): Promise<DomainInterface[]> {
    return await this.#works.during(async () => {
      const [live, kept] = await Promise.all([this.#live(), readKept(this.#works.context, this.name)])
      if (live.length === 0 && kept.length === 0) throw this.#missing()
      return options?.inactive === true || live.length === 0 ? kept.map(shownKept) : live.map(interfaceOf)
    })
  }

  async attach (input: InterfaceInput, options: InterfaceOptions = {}): Promise<DomainInterface> {
    const { config = false, live = !config } = options
    const wanted = checked(input)
    return await this.#works.during(async () => {
      const { name: source } = await find(this.#works.context, wanted.source)
      const one = { ...wanted, source }
      await this.#refuseTwin(one, { live, config })
      const keep = async (): Promise<void> => { if (config) await this.#edit((kept) => [...kept, one], options) }
      if (live) return await this.#make([one], keep, options).then(([made]) => made ?? one)
      await keep()
      return shownKept(one)
    }, { operation: 'attach', names: () => [this.name] })
  }

  async attachKept (options: PlugOptions = {}): Promise<DomainInterface[]> {
    return await this.#works.during(async () => {
      const [live, kept] = await Promise.all([this.#live(), readKept(this.#works.context, this.name)])
      if (kept.length === 0) throw this.#missing()
      const there = new Set(live.map(({ mac }) => mac))
      const coming = kept.filter(({ mac }) => !there.has(mac))
      return coming.length === 0 ? [] : await this.#make(coming, () => Promise.resolve(), options)
    }, { operation: 'attach', names: () => [this.name] })
  }

  async detach ({ mac }: { readonly mac?: string } = {}, options: InterfaceOptions = {}): Promise<DomainInterface> {
    const { config = false, live = !config } = options
    const wanted = mac === undefined ? undefined : parseMac(mac, 'mac')
    return await this.#works.during(async () => {
      const ports = live ? await this.#live() : []
      const kept = await readKept(this.#works.context, this.name)
      const port = live ? this.#choose(ports, wanted) : undefined
      const one = config ? this.#choose(kept, port?.mac ?? wanted) : undefined
      if (one !== undefined) await this.#edit((all) => all.filter(({ mac: other }) => other !== one.mac), options)
      try { if (port !== undefined) await this.#remove(port, options) } catch (error) {
        if (one !== undefined) await this.#edit(() => kept, {})
        throw error
      }
      if (port !== undefined) return interfaceOf(port)
      if (one !== undefined) return shownKept(one)
      throw new InputError([{ path: 'live', message: 'neither live nor config: nothing is to be detached' }])
    }, { operation: 'detach', names: () => [this.name] })
  }

  async addresses (): Promise<DomainAddress[]> {
    return await this.#works.during(async () => {
      const found: DomainAddress[] = []
      for (const { network, mac, link: { name: dev } } of await this.#there()) {
        const leases = await new NetworkHandle(this.#works, await find(this.#works.context, network)).leases.list()
        found.push(...leases.filter((lease) => lease.mac === mac).map(({ ip: address, family, prefix }) => ({ dev, mac, family, address, ...prefix === undefined ? {} : { prefix } })))
      }
      return found
    })
  }

  async link (devOrMac: string, options?: Options & { readonly inactive?: boolean }): Promise<'up' | 'down'> {
    return await this.#works.during(async () => {
      if (options?.inactive === true) return (await this.#kept(devOrMac)).link ?? 'up'
      return (await portState(this.#works.context, await this.#one(devOrMac))).link
    })
  }

  async setLink (devOrMac: string, link: 'up' | 'down', options: InterfaceOptions = {}): Promise<void> {
    const { config = false, live = !config } = options
    if (!isLink(link)) throw new InputError([{ path: 'link', message: `'${shown(String(link))}' is neither up nor down` }])
    await this.#works.during(async () => {
      const port = live ? await this.#one(devOrMac) : undefined
      const kept = config ? await this.#kept(port?.mac ?? devOrMac) : undefined
      if (port !== undefined) await this.#connect(port, link, options)
      if (kept !== undefined) await this.#edit((all) => all.map((one) => one.mac === kept.mac ? withLink(one, link) : one), options)
    }, { operation: 'links', names: () => [this.name] })
  }

  /** The host's side first; where the guest cannot be told, it is as before. */
  async #connect (port: PortRecord, link: 'up' | 'down', { qmp, signal, timeout }: PlugOptions): Promise<void> {
    const { context } = this.#works
    const { link: before } = await portState(context, port)
    await setLink(context, port, link, signal)
    try { await showLink(port, link, qmp === undefined ? undefined : resolve(qmp), { signal, timeout }) } catch (error) {
      await setLink(context, port, before, undefined)
      throw error
    }
  }

  async statistics (devOrMac: string): Promise<Statistics & { readonly dev: string }> {
    return await this.#works.during(async () => {
      const { network, link: { name: dev } } = await this.#one(devOrMac)
      const host = await statistics(this.#works.context, await find(this.#works.context, network), dev)
      return {
        dev, multicast: host.multicast, rxBytes: host.txBytes, rxPackets: host.txPackets, rxErrors: host.txErrors, rxDropped: host.txDropped,
        txBytes: host.rxBytes, txPackets: host.rxPackets, txErrors: host.rxErrors, txDropped: host.rxDropped,
      }
    })
  }

  /** Its ports whose links are there, in the order of their names. */
  async #live (): Promise<PortRecord[]> {
    const { context } = this.#works
    const ports = (await context.book.look()).ports().filter(({ domain }) => domain?.name === this.name)
    return (await present(context, ports)).map(({ port }) => port).sort((a, b) => a.link.name.localeCompare(b.link.name, 'en', { numeric: true }))
  }

  async #there (): Promise<PortRecord[]> {
    const live = await this.#live()
    if (live.length === 0 && (await readKept(this.#works.context, this.name)).length === 0) throw this.#missing()
    return live
  }

  async #one (devOrMac: string): Promise<PortRecord> {
    const found = (await this.#there()).find(({ mac, link }) => link.name === devOrMac || mac === devOrMac.toLowerCase())
    if (found === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `domain ${this.name} has no interface ${devOrMac}`, { remedy: `netwright domiflist ${this.name}` })
    return found
  }

  async #kept (devOrMac: string): Promise<KeptInterface> {
    const found = (await readKept(this.#works.context, this.name)).find(({ mac, dev }) => dev === devOrMac || mac === devOrMac.toLowerCase())
    if (found === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `no interface ${devOrMac} is kept for domain ${this.name}`, { remedy: `netwright domiflist ${this.name} --inactive` })
    return found
  }

  #missing (): NetwrightError { return new NetwrightError('NETWRIGHT_NOT_FOUND', `no domain with matching name '${this.name}'`, { conflict: { kind: 'domain', name: this.name } }) }

  #choose<T extends { readonly mac: string }> (all: readonly T[], mac: string | undefined): T {
    if (mac === undefined && all.length > 1) throw new InputError([{ path: 'mac', message: `domain ${this.name} has ${String(all.length)} interfaces: say which` }])
    const found = mac === undefined ? all[0] : all.find((one) => one.mac === mac)
    if (found === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', mac === undefined ? `domain ${this.name} has no interface` : `domain ${this.name} has no interface with MAC address ${mac}`)
    return found
  }

  async #refuseTwin ({ mac }: KeptInterface, { live, config }: { readonly live: boolean, readonly config: boolean }): Promise<void> {
    const twins = [...live ? await this.#live() : [], ...config ? await readKept(this.#works.context, this.name) : []]
    if (twins.some((other) => other.mac === mac)) throw new NetwrightError('NETWRIGHT_EXISTS', `network device with mac ${mac} already exists`, { conflict: { kind: 'interface', name: mac } })
  }

  async #edit (change: (kept: readonly KeptInterface[]) => readonly KeptInterface[], { signal }: Options): Promise<void> {
    const { context } = this.#works
    await owned(context, `keep the interfaces of ${this.name}`, signal, async () => { await writeKept(context, this.name, change(await readKept(context, this.name))) })
  }

  /** The TAPs in one transaction, then the cards one by one, then `finish`; where one fails, all of it is undone. */
  async #make (wanted: readonly KeptInterface[], finish: () => Promise<void>, { qmp: socket, signal, timeout }: PlugOptions): Promise<DomainInterface[]> {
    const { context, daemons } = this.#works
    const qmp = socket === undefined ? undefined : resolve(socket)
    // Before anything is made: a monitor that does not answer is the likeliest trouble.
    const monitor = qmp === undefined ? undefined : await openMonitor(qmp, { signal, timeout })
    try {
      const attach = wanted.map(({ source, mac, model, dev }) => ({
        network: source,
        input: { kind: 'tap' as const, fds: monitor !== undefined, vnetHdr: model === 'virtio', mac, ...dev === undefined ? {} : { dev }, domain: { name: this.name, model, ...qmp === undefined ? {} : { qmp } } },
      }))
      const made = (await transact({ attach }, { context, daemons, signal })).ports
      const ports = made.map(({ record }) => record)
      const plugged: PortRecord[] = []
      try {
        if (monitor !== undefined) for (const one of made) { await plugIn(monitor, one, { signal, timeout }); plugged.push(one.record) }
        for (const [i, port] of ports.entries()) if (wanted[i]?.link === 'down') await setLink(context, port, 'down', signal)
        await finish()
      } catch (error) {
        throw failure(`attach interfaces to ${this.name}`, error, [...monitor === undefined ? [] : await pullBack(monitor, plugged, timeout), ...await this.#drop(ports)])
      } finally { await closeAll(made.flatMap(({ fds }) => fds)) } // QEMU has its own by now
      await this.#works.refresh()
      return ports.map(interfaceOf)
    } finally { monitor?.close() }
  }

  /** The ports of an attach that has failed. */
  async #drop (ports: readonly PortRecord[]): Promise<Left[]> {
    const { context, daemons } = this.#works
    try {
      await transact({ detach: ports.map(({ network, link: { name, index } }) => ({ network, dev: name, index })) }, { context, daemons })
      return []
    } catch (error) { return ports.map(({ link: { name } }) => ({ what: `tap ${name}`, error })) }
  }

  async #remove (port: PortRecord, { qmp, signal, timeout }: PlugOptions): Promise<void> {
    const { context, daemons, refresh } = this.#works
    await pullOut(port, qmp === undefined ? undefined : resolve(qmp), { signal, timeout })
    const { network, link: { name: dev, index } } = port
    await transact({ detach: [{ network, dev, index }] }, { context, daemons, signal })
    await refresh()
  }
}

function interfaceOf ({ network: source, mac, link: { name: dev }, domain }: PortRecord): DomainInterface {
  return { type: 'network', source, mac, model: domain?.model ?? 'virtio', dev, ...domain?.qmp === undefined ? {} : { qmp: domain.qmp } }
}

const isLink = (value: unknown): value is 'up' | 'down' => value === 'up' || value === 'down'

const withLink = ({ link: _, ...rest }: KeptInterface, link: 'up' | 'down'): KeptInterface => link === 'up' ? rest : { ...rest, link }

const shownKept = ({ dev: _, link: __, ...rest }: KeptInterface): DomainInterface => rest

/** Throws InputError with every complaint. */
function checked ({ source, mac, model = 'virtio', dev }: InterfaceInput): KeptInterface {
  const guest = mac === undefined ? randomMac() : parseMac(mac, 'mac')
  const issues = [
    ...source === '' ? [{ path: 'source', message: 'the network is missing' }] : [],
    ...isMulticast(guest) ? [{ path: 'mac', message: `${guest} is a group's address, no guest's` }] : [],
    // A device of QEMU's, and nothing that could be taken for options.
    ...!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(model) ? [{ path: 'model', message: `'${shown(model)}' is no model: virtio, e1000, rtl8139` }] : [],
  ]
  if (issues.length > 0) throw new InputError(issues)
  return { type: 'network', source, mac: guest, model, ...dev === undefined ? {} : { dev } }
}
