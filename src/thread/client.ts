/** The caller's end: starts the engine's thread with the first host, and keeps the process alive as long as there is something to wait for. */
import type { Host, HostOptions, PoolSize } from '../engine/api.js'
import { isChecked } from '../engine/desired.js'
import { isError, NetwrightError } from '../errors.js'
import { turn } from '../netlink/breathe.js'
import { channels } from '../tracing.js'
import { handleOf, type HostHandle } from './handles.js'
import type { CallerRoot, Checked, Lent } from './lent.js'
import { Line, ROOT, type Verb } from './line.js'
import type { Remote } from './remote.js'
import type { Scope } from './scope.js'
import { Traces } from './traces.js'

type Thread = import('node:worker_threads').Worker

const CHANNELS = Object.values(channels)

/** What the thread of this module's realm is; undefined before the first host, and after it has ended. */
let current: Promise<Client> | undefined

/** As `openHost` of engine/host.ts. */
export async function openRemote (options: HostOptions): Promise<Host> {
  const client = await started()
  return await client.open(options)
}

/** The thread is there, and idle; a host needs no call of it. */
export async function startThread (): Promise<void> {
  const client = await started()
  await client.ready()
}

async function started (): Promise<Client> {
  const starting = current ??= Client.start()
  try { return await starting } catch (error) {
    if (current === starting) current = undefined // the next one may have more luck
    throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `netwright cannot start a thread of its own: ${isError(error) ? error.message : String(error)}`, { cause: error, remedy: 'openHost({ thread: false }), or start node with --allow-worker' })
  }
}

class Client {
  readonly #thread: Thread
  readonly #line: Line
  readonly #traces = new Traces()
  /** Of hosts. */
  readonly #pools = new Map<number, PoolSize>()
  readonly #gone = new FinalizationRegistry<number>((on) => { this.#pools.delete(on); this.#line.drop(on) })
  #held = 0
  /** A bit for each channel. */
  #listening = 0
  #over = false

  /** Loading what makes threads, making one and asking it first takes milliseconds each: a turn of the loop for each, and none in a program that opens no host. */
  static async start (): Promise<Client> {
    const threads = await import('node:worker_threads')
    await turn()
    const client = new Client(new threads.Worker(new URL('main.js', import.meta.url), { env: threads.SHARE_ENV, execArgv: process.execArgv.filter((flag) => flag === '--enable-source-maps'), name: 'netwright', trackUnmanagedFds: false }))
    await turn()
    return client
  }

  constructor (thread: Thread) {
    this.#thread = thread
    const root: CallerRoot = {
      pool: (on, size) => { this.#pools.set(on, size) },
      busy: (busy) => { if (busy) this.#hold(); else this.#release() },
      trace: (...event) => { this.#traces.publish(...event) },
    }
    this.#line = new Line(root, { declare, obtain: (lent) => this.#obtain(lent as Lent) }, {
      post: (messages) => { thread.postMessage(messages) },
      waiting: (waits) => { if (waits) this.#hold(); else this.#release() },
    })
    thread.on('message', (messages: Parameters<Line['receive']>[0]) => { this.#line.receive(messages) })
    thread.on('error', (error: unknown) => { this.#cut(error) })
    thread.on('exit', () => { this.#cut(undefined) })
    thread.unref()
  }

  async ready (): Promise<void> { await this.ask(ROOT, ['ready'], []) }

  async open (options: HostOptions): Promise<Host> {
    const { logger, rest } = withoutLogger(options)
    const log = logger === undefined ? undefined : this.#line.lend(logger)
    const over = (): void => { if (log !== undefined) this.#line.recall(log) }
    try {
      const host = await this.ask(ROOT, ['openHost'], [rest, log]) as HostHandle & Host
      const supervises = options.supervise !== false
      if (supervises) this.#hold()
      let open = true
      const { close } = host
      // The first one that is called.
      Object.defineProperty(host, 'close', { value: async () => {
        try { await close.call(host) } finally { if (open) { open = false; over(); if (supervises) this.#release() } }
      } })
      return host
    } catch (error) { over(); throw error }
  }

  #cut (cause: unknown): void {
    if (this.#over) return
    this.#over = true
    current = undefined
    this.#line.cut(new NetwrightError('NETWRIGHT_CLOSED', `the thread that netwright works on has ended${isError(cause) ? `: ${cause.message}` : ''}`, cause === undefined ? {} : { cause }))
  }

  ask (on: number, verb: Verb, args: readonly unknown[], scope?: Scope): Promise<unknown> {
    this.#listen()
    return this.#line.call(on, verb, args, scope)
  }

  end (scope: Scope): void { this.#line.end(scope) }

  #hold (): void { if (this.#held++ === 0) this.#thread.ref() }
  #release (): void { if (--this.#held === 0) this.#thread.unref() }

  /** Before each call: whoever has subscribed hears of it. */
  #listen (): void {
    let listening = 0
    for (const channel of CHANNELS) listening = listening * 2 + Number(channel.hasSubscribers)
    if (listening === this.#listening) return
    this.#listening = listening
    this.#line.tell(ROOT, ['listen'], [Object.entries(channels).filter(([, channel]) => channel.hasSubscribers).map(([name]) => name)])
  }

  #obtain (lent: Lent): object {
    const { on } = lent
    const remote = new There(this, on)
    this.#gone.register(remote, on)
    return handleOf(lent, { remote, pool: () => this.#pools.get(on) ?? { bridges: 0, taps: 0 } })
  }
}

/** One thing over there. */
class There implements Remote {
  readonly #client: Client
  readonly #on: number

  constructor (client: Client, on: number) {
    this.#client = client
    this.#on = on
  }

  ask (verb: Verb, args: readonly unknown[], scope?: Scope): Promise<unknown> { return this.#client.ask(this.#on, verb, args, scope) }
  end (scope: Scope): void { this.#client.end(scope) }
}

/** The logger stays here. What a program without types passes is told of by whoever checks options, over there. */
function withoutLogger (options: HostOptions): { readonly logger?: object, readonly rest: unknown } {
  if (!isObject(options) || !isObject(options.logger)) return { rest: options }
  const { logger, ...rest } = options
  return { logger, rest }
}

const isObject = <T>(value: T): value is T & object => typeof value === 'object' && value !== null

/** What is more than data. */
function declare (value: object): Checked | undefined { return isChecked(value) ? { of: 'checked', data: { ...value } } : undefined }
