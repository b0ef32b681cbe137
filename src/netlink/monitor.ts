/** What changes in a namespace, as it happens: multicast groups on sockets of the npm package `netlink`, in workers on our own, as an async iterator. */
import { isError, KernelError, NetwrightError } from '../errors.js'
import { openEar, type Ear } from './ear.js'
import { errnoName } from './errno.js'
import { decodeEvents, monitorGroups, type MonitorEvent, type MonitorGroup } from './event.js'
import { NETLINK_NETFILTER, NETLINK_ROUTE } from './header.js'
import { isMainThread, native } from './native.js'

export type { MonitorEvent, MonitorGroup } from './event.js'

export interface MonitorOptions {
  /** Descriptor of an open network namespace; -1, the default, is the caller's own. Must stay open until `ready`. */
  readonly netns?: number
  /** What to hear of. */
  readonly groups: readonly MonitorGroup[]
  /** Ends the monitor. */
  readonly signal?: AbortSignal
  /** Events that wait for the reader; when there are more, they are dropped and an `overrun` takes their place. Default 8192. */
  readonly limit?: number
  /** Bytes that the kernel keeps for us while the event loop is busy; beyond, an `overrun`. Default 8 MiB, capped by net.core.rmem_max without CAP_NET_ADMIN in the initial user namespace. */
  readonly receiveBuffer?: number
}

/** One reader at a time. Ends when the signal aborts, `return()` is called or the loop is left; the sockets are closed then. */
export interface Monitor extends AsyncIterableIterator<MonitorEvent, undefined> {
  /** Resolves when the groups are joined: what changes from then on is heard. Read what is there after that. Rejects where that fails. */
  readonly ready: Promise<void>
  [Symbol.asyncDispose] (): Promise<void>
}

interface Socket {
  on (event: 'message', listener: (data: Buffer) => void): unknown
  on (event: 'error', listener: (error: Error) => void): unknown
  addMembership (group: number): void
  address (): { port: number }
  unref (): void
  close (): void
}
/** A socket with its descriptor, and how many messages it had lost when it was last looked at. */
interface Open { readonly socket: Socket, readonly fd: number, drops: number }
type SocketClass = new (protocol: number, options: { recvBufferSize: number, sendBufferSize: number }) => Socket

const LIMIT = 8192
const RECEIVE_BUFFER = 8 << 20

/**
 * `ip monitor link address route neigh`, `nft monitor`. Events are hints: after an `overrun` (the kernel's buffer or ours was full, or
 * a message could not be read) look at everything afresh. Opens at once; errors in opening come from `ready` and from the first `next()`.
 *
 * The sockets are not referenced: a waiting monitor does not keep the process alive. In a worker they are our own, with a thread each: the package crashes
 * the process when a worker that used it ends. Rejects with NETWRIGHT_NO_PERMISSION or KernelError where a group cannot be joined.
 */
export function monitor (options: MonitorOptions): Monitor { return new Listening(options) }

class Listening implements Monitor {
  readonly ready: Promise<void>
  readonly #limit: number
  readonly #queue: MonitorEvent[] = []
  readonly #signal: AbortSignal | undefined
  #sockets: readonly Open[] = []
  #ears: readonly Ear[] = []
  #closing: Promise<void> = Promise.resolve()
  #counting = false
  #waiting: (() => void) | undefined
  #ended = false
  #failure: Error | undefined
  readonly #abort = (): void => { this.#end() }

  constructor (options: MonitorOptions) {
    this.#limit = options.limit ?? LIMIT
    this.#signal = options.signal
    if (this.#signal?.aborted === true) this.#ended = true
    this.#signal?.addEventListener('abort', this.#abort, { once: true })
    this.ready = this.#ended ? Promise.resolve() : this.#open(options)
    // Whoever does not wait for `ready` hears of it from `next`.
    this.ready.catch((error: unknown) => { this.#end(error) })
  }

  async #open (options: MonitorOptions): Promise<void> {
    if (isMainThread()) await this.#openSockets(options)
    else await this.#openEars(options)
  }

  async #openEars ({ netns = -1, groups, receiveBuffer = RECEIVE_BUFFER }: MonitorOptions): Promise<void> {
    const opening = numbersOf(groups).map(async ({ protocol, numbers }) => await openEar({ protocol, netns, groups: numbers, receiveBuffer }, {
      heard: (data) => { this.#hear(data) }, lost: (count) => { this.#push(overrun(count)) }, failed: (error) => { this.#end(error) },
    }))
    const opened = await Promise.allSettled(opening)
    this.#ears = opened.flatMap((one) => one.status === 'fulfilled' ? [one.value] : [])
    const failed = opened.find((one) => one.status === 'rejected')
    if (this.#ended || failed !== undefined) await this.#closeEars()
    if (failed !== undefined) throw refusal(failed.reason)
  }

  async #closeEars (): Promise<void> {
    const open = this.#ears
    this.#ears = []
    this.#closing = Promise.all([this.#closing, ...open.map(async (ear) => { await ear.close() })]).then(() => undefined)
    await this.#closing
  }

  async #openSockets ({ netns = -1, groups, receiveBuffer = RECEIVE_BUFFER }: MonitorOptions): Promise<void> {
    const { RawNetlinkSocket } = (await import('netlink/dist/raw.js')).default
    if (this.#ended) return
    // One synchronous stretch inside the namespace: no callback and no await between enter and leave (kernel.md, Netlink 11).
    this.#sockets = native().netnsRun(netns, () => listen(RawNetlinkSocket, groups, receiveBuffer))
    for (const { socket } of this.#sockets) {
      socket.on('message', (data) => { this.#hear(data) })
      socket.on('error', (error) => { this.#end(error) })
      socket.unref()
    }
  }

  #hear (data: Buffer): void {
    if (this.#ended) return
    for (const event of decodeEvents(data)) this.#push(event)
    if (this.#counting) return
    this.#counting = true
    setImmediate(() => { this.#count() })
  }

  /** Messages are lost only while the buffer is full, so after a loss there is always one more to hear: looking then is enough. */
  #count (): void {
    this.#counting = false
    for (const ear of this.#sockets) {
      const drops = native().socketDrops(ear.fd)
      if (drops !== ear.drops) this.#push(overrun(drops - ear.drops))
      ear.drops = drops
    }
  }

  #push (event: MonitorEvent): void {
    if (this.#queue.length < this.#limit) this.#queue.push(event)
    else if (this.#queue.at(-1)?.kind !== 'overrun') this.#queue.push({ kind: 'overrun', reason: `${String(this.#limit)} events waited for the reader` })
    this.#wake()
  }

  #wake (): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.()
  }

  #end (failure?: unknown): void {
    if (failure !== undefined && !this.#ended) this.#failure = refusal(failure)
    this.#ended = true
    this.#signal?.removeEventListener('abort', this.#abort)
    const open = this.#sockets
    this.#sockets = []
    // Outside of the package's own callbacks, which go on using the socket after they return.
    if (open.length > 0) setImmediate(() => { for (const { socket } of open) socket.close() })
    void this.#closeEars()
    this.#wake()
  }

  [Symbol.asyncIterator] (): this { return this }

  async next (): Promise<IteratorResult<MonitorEvent, undefined>> {
    for (;;) {
      const event = this.#ended ? undefined : this.#queue.shift()
      if (event !== undefined) return { done: false, value: event }
      if (this.#ended) break
      await new Promise<void>((resolve) => { this.#waiting = resolve })
    }
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
    return { done: true, value: undefined }
  }

  async return (): Promise<IteratorResult<MonitorEvent, undefined>> {
    this.#end()
    await Promise.resolve(this.ready).catch(() => undefined)
    await this.#closeEars()
    // The sockets are closed in the next round; whoever counts descriptors after this finds none.
    await new Promise<void>((resolve) => { setImmediate(() => { setImmediate(resolve) }) })
    return { done: true, value: undefined }
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.return() }
}

const overrun = (count: number): MonitorEvent => ({ kind: 'overrun', reason: `the kernel's buffer was full, ${String(count)} messages are lost` })

/** The numbers of some groups, by protocol; each once. */
function numbersOf (groups: readonly MonitorGroup[]): readonly { readonly protocol: number, readonly numbers: readonly number[] }[] {
  return [NETLINK_ROUTE, NETLINK_NETFILTER].flatMap((protocol) => {
    const numbers = groups.flatMap((group) => monitorGroups[group].protocol === protocol ? monitorGroups[group].numbers : [])
    return numbers.length === 0 ? [] : [{ protocol, numbers: [...new Set(numbers)] }]
  })
}

function listen (Socket: SocketClass, groups: readonly MonitorGroup[], recvBufferSize: number): readonly Open[] {
  const ears: Open[] = []
  const made: Socket[] = []
  try {
    for (const { protocol, numbers } of numbersOf(groups)) {
      const socket = new Socket(protocol, { recvBufferSize, sendBufferSize: 0 })
      made.push(socket)
      // Before the first group: an overrun would abort the process.
      ears.push({ socket, fd: native().socketTame(protocol, socket.address().port, recvBufferSize), drops: 0 })
      for (const number of numbers) socket.addMembership(number)
    }
    return ears
  } catch (error) {
    for (const socket of made) socket.close()
    throw error
  }
}

function refusal (error: unknown): Error {
  if (!isError(error)) return new Error(String(error))
  if (!('errno' in error) || !('syscall' in error) || typeof error.errno !== 'number') return error
  const errno = Math.abs(error.errno)
  if (errnoName(errno) === 'EPERM') return new NetwrightError('NETWRIGHT_NO_PERMISSION', 'a netlink multicast group cannot be joined', { cause: error, missing: ['CAP_NET_ADMIN'] })
  return new KernelError({ request: String(error.syscall), object: 'monitor', errno, errnoName: errnoName(errno) }, { cause: error })
}
