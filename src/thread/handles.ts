/** What callers get of what the engine's thread has: plain data, verbs that are asked for there, and what needs nobody to ask. */
import { NetwrightError } from '../errors.js'
import type { Committed, Host, LinkPool, Port, PortInfo, PoolSize, SendOptions, SocketLike, StartReport, Transaction } from '../engine/api.js'
import { Collector } from '../engine/collector.js'
import type { Domain } from '../engine/domain-api.js'
import { checkName } from '../engine/domain-name.js'
import type { Plan } from '../engine/plan-api.js'
import type { NamespaceHost, Rig } from '../engine/rig.js'
import { descriptorOf } from '../engine/socket-descriptor.js'
import type { OnTrial, TransactionTrialOptions } from '../engine/trial-api.js'
import { cloudHypervisor } from '../engine/vmm/cloud-hypervisor.js'
import { firecracker } from '../engine/vmm/firecracker.js'
import { kernelIp } from '../engine/vmm/kernel-ip.js'
import { qemuArgs, qemuDevices } from '../engine/vmm/qemu.js'
import type { HandleKind, Lent } from './lent.js'
import { Handle, methods, shaped, source, type Remote } from './remote.js'
import type { Asked } from './shapes.js'
import * as shapes from './shapes.js'

/** What a client knows of a thing over there beyond what it was told. */
export interface Facts {
  readonly remote: Remote
  /** Of a host: how much it keeps. */
  readonly pool: () => PoolSize
}

class NetworkHandle extends Handle {}
shaped(NetworkHandle, shapes.network)

class DomainHandle extends Handle {}
shaped(DomainHandle, shapes.domain)

export class HostHandle extends Handle {
  readonly pool: LinkPool
  #closed = false

  constructor ({ remote, pool }: Facts, data: object) {
    super(remote, data)
    this.pool = { ...methods(remote, shapes.host.parts.pool, ['pool']), get size () { return pool() } }
  }

  async close (): Promise<void> {
    this.#closed = true
    await Handle.remoteOf(this).ask(['close'], [])
  }

  /** A host that is closed does not ask what would be done. */
  async transaction (collect: (tx: Transaction) => void, options?: TransactionTrialOptions): Promise<Committed> {
    if (this.#closed) throw new NetwrightError('NETWRIGHT_CLOSED', 'the host is closed')
    return await Handle.remoteOf(this).ask(['transact'], [new Collector().gather(collect), options]) as Committed
  }

  async apply (wanted: unknown, options?: unknown): Promise<Plan> { return await Handle.remoteOf(this).ask(['apply'], [wanted, listening(options, 'progress')]) as Plan }
  async autostart (options?: unknown): Promise<StartReport[]> { return await Handle.remoteOf(this).ask(['autostart'], [listening(options, 'failed')]) as StartReport[] }

  domain (name: string): Domain {
    checkName(name)
    return new DomainHandle(later(Handle.remoteOf(this), name), { name }) as unknown as Domain
  }

  async [Symbol.asyncDispose] (): Promise<void> { await (this as unknown as NamespaceHost).close() }
}
shaped(HostHandle, shapes.host)

/** Nobody waits for what a listener returns; what it throws is told. */
function listening (options: unknown, name: string): unknown {
  if (typeof options !== 'object' || options === null || !Object.hasOwn(options, name)) return options
  const listener: unknown = Reflect.get(options, name)
  return typeof listener === 'function' ? { ...options, [name]: (what: unknown) => { Reflect.apply(listener, undefined, [what]) } } : options
}

class NamespaceHandle extends HostHandle {
  override async [Symbol.asyncDispose] (): Promise<void> { await (this as unknown as NamespaceHost).drop() }
}
shaped(NamespaceHandle, shapes.namespaceHost)

/** A guest's name is known here; what is over there is asked for with the first verb. */
function later (host: Remote, name: string): Remote {
  let there: Promise<DomainHandle> | undefined
  return {
    ask: async (verb, args, scope) => {
      there ??= host.ask(['domain'], [name]) as Promise<DomainHandle>
      return await Handle.remoteOf(await there).ask(verb, args, scope)
    },
    end: (scope) => { host.end(scope) },
  }
}

function port (remote: Remote, data: object): Port {
  const info = data as PortInfo & Pick<Port, 'fds' | 'vhostFds'>
  const ask = methods(remote, shapes.port)
  return {
    ...info, ...ask,
    send: async (to: string | SocketLike, options?: SendOptions) => { await ask.send(typeof to === 'string' ? to : { fd: descriptorOf(to) }, options) },
    qemuArgs: (options) => qemuArgs(info, options), qemu: (options) => qemuDevices(info, options),
    firecracker: (options) => firecracker(info, options), cloudHypervisor: (options) => cloudHypervisor(info, options), kernelIp: (options) => kernelIp(info, options),
  }
}

function trial (remote: Remote, data: object): OnTrial {
  const outcome = remote.ask(['outcome'], []) as OnTrial['outcome']
  outcome.catch(() => undefined) // whoever asks is told
  return { ...data as Pick<OnTrial, 'confirmWithin'>, ...methods(remote, shapes.trial), outcome }
}

function rig (remote: Remote, data: object): Rig {
  const hosts = new Map((data as { readonly hosts: readonly (readonly [string, NamespaceHost])[] }).hosts)
  const host = (name: string): NamespaceHost => {
    const found = hosts.get(name)
    if (found === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `the rig has no namespace ${name}`)
    return found
  }
  return { ...methods(remote, shapes.rig), hosts, host }
}

/** The compiler proves that nothing of a host is missing which no shape has. */
const whole = (host: HostHandle): Omit<Host, keyof Asked<Host> | 'owner'> => host

const makers: Readonly<Record<HandleKind, (facts: Facts, data: object) => object>> = {
  network: ({ remote }, data) => new NetworkHandle(remote, data),
  host: (facts, data) => whole(new HostHandle(facts, data)),
  namespace: (facts, data) => new NamespaceHandle(facts, data),
  domain: ({ remote }, data) => new DomainHandle(remote, data),
  port: ({ remote }, data) => port(remote, data),
  trial: ({ remote }, data) => trial(remote, data),
  rig: ({ remote }, data) => rig(remote, data),
  stream: ({ remote }) => methods(remote, source),
}

/** The handle of a thing that was lent. */
export function handleOf ({ of, data }: Lent, facts: Facts): object { return makers[of](facts, data) }
