/** The engine's thread: hosts that its parent's thread asks for. */
import { parentPort, type MessagePort } from 'node:worker_threads'
import { openHost } from '../engine/host.js'
import { HostHandle } from '../engine/host-handle.js'
import { adoptChecked, type CheckedDesired } from '../engine/desired.js'
import type { HostOptions } from '../engine/api.js'
import type { WatchedPool } from '../engine/link-pool.js'
import { DomainHandle } from '../engine/domain.js'
import { NamespaceHandle } from '../engine/namespace-handle.js'
import { NetworkHandle } from '../engine/network.js'
import type { Logger } from '../log.js'
import type { Checked, EngineRoot, HandleKind, Lent } from './lent.js'
import { Line, ROOT } from './line.js'
import { Hearing } from './traces.js'

/** What a handle says of itself, and which it is; undefined where a value is none. */
function described (value: object): { readonly of: HandleKind, readonly thing: object, readonly data: object } | undefined {
  if (value instanceof NetworkHandle) return { of: 'network', thing: value, data: { name: value.name, uuid: value.uuid } }
  if (value instanceof NamespaceHandle) return { of: 'namespace', thing: value, data: { owner: value.owner, name: value.name, made: value.made } }
  if (value instanceof HostHandle) return { of: 'host', thing: value, data: { owner: value.owner } }
  if (value instanceof DomainHandle) return { of: 'domain', thing: value, data: { name: value.name } }
  if ('takeBack' in value) return { of: 'trial', thing: value, data: plain(value) }
  if ('vhostFds' in value && 'send' in value) return { of: 'port', thing: value, data: plain(value) }
  if ('drop' in value && 'hosts' in value && value.hosts instanceof Map) return { of: 'rig', thing: value, data: { hosts: [...value.hosts] } }
  if (Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === 'function') return { of: 'stream', thing: (value as AsyncIterable<unknown>)[Symbol.asyncIterator](), data: {} }
  return undefined
}

/** Of what it has, what is data. */
const plain = (value: object): object => Object.fromEntries(Object.entries(value).filter(([, one]) => typeof one !== 'function' && !(one instanceof Promise)))

/** Hosts that keep no process alive: while they delete links, they do. */
class Unsupervised {
  readonly #hosts = new Set<HostHandle>()
  readonly #busy = new Set<HostHandle>()
  readonly #tell: (busy: boolean) => void

  constructor (tell: (busy: boolean) => void) { this.#tell = tell }

  add (host: HostHandle): void { this.#hosts.add(host) }

  look (): void {
    for (const host of this.#hosts) {
      if (host.closed) this.#hosts.delete(host)
      if (this.#busy.has(host) || host.deleting === 0) continue
      this.#busy.add(host)
      this.#tell(true)
      void host.quiet().then(() => { this.#busy.delete(host); this.#tell(false) })
    }
  }
}

/** The caller's, at a distance. */
function loggerOf (line: Line, on: number, bindings: object = {}): Logger {
  const say = (level: string) => (data: object, message?: string): void => { line.tell(on, [level], [{ ...bindings, ...data }, ...message === undefined ? [] : [message]]) }
  return { trace: say('trace'), debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error'), child: (more) => loggerOf(line, on, { ...bindings, ...more }) }
}

/** Tells how much a host keeps: whoever looks there does not wait. */
function follow (line: Line, on: number, pool: WatchedPool): void {
  let due = false
  pool.heed(() => {
    if (due) return
    due = true
    queueMicrotask(() => { due = false; line.tell(ROOT, ['pool'], [on, pool.size]) })
  })
  line.tell(ROOT, ['pool'], [on, pool.size])
}

function serve (port: MessagePort): void {
  const unsupervised = new Unsupervised((busy) => { line.tell(ROOT, ['busy'], [busy]) })
  const hearing = new Hearing((...event) => { line.tell(ROOT, ['trace'], event) })
  const root: EngineRoot = {
    openHost: async (options, logger) => {
      const given = options as HostOptions
      const host = await openHost(logger === undefined ? given : { ...given, logger: loggerOf(line, logger) })
      if (given.supervise === false && host instanceof HostHandle) unsupervised.add(host)
      return host
    },
    ready: () => undefined,
    listen: (channels) => { hearing.listen(channels) },
  }
  const declare = (value: object): Lent | undefined => {
    const found = described(value)
    if (found === undefined) return undefined
    const on = line.lend(found.thing)
    if (value instanceof HostHandle) follow(line, on, value.pool)
    return { on, of: found.of, data: found.data }
  }
  const line = new Line(root, { declare, obtain: (checked) => adoptChecked((checked as Checked).data as CheckedDesired) }, {
    post: (messages) => { port.postMessage(messages) },
    answered: () => { unsupervised.look() },
  })
  port.on('message', (messages: Parameters<Line['receive']>[0]) => { line.receive(messages) })
}

if (parentPort !== null) serve(parentPort)
