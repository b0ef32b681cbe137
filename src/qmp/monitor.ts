/** A connection to the machine protocol (QMP) of a running QEMU. Source: QEMU, docs/interop/qmp-spec.rst. */
import { connect, type Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import { isError, NetwrightError } from '../errors.js'

export interface Waiting {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds. Default 5,000. */
  readonly timeout?: number | undefined
}

type Plain = Readonly<Record<string, unknown>>

export interface Monitor {
  readonly path: string
  /** Carries a command out; resolves with what it returns. Throws NETWRIGHT_GUEST_REFUSED with QEMU's own words, NETWRIGHT_GUEST_UNREACHABLE, NETWRIGHT_ABORTED. */
  execute (command: string, args?: Plain, waiting?: Waiting): Promise<unknown>
  /**
   * Gives it a descriptor under a name (`getfd`); what takes it afterwards says `fd=NAME`. `send` hands it over beside `data` on the connection that has this
   * descriptor here. Throws as `execute`, and what `send` throws.
   */
  give (name: string, send: (socket: number, data: Uint8Array) => Promise<void>, waiting?: Waiting): Promise<void>
  /** The next event for which `take` returns something. Throws NETWRIGHT_GUEST_UNREACHABLE where none comes in time, NETWRIGHT_ABORTED. */
  event<T> (what: string, take: (name: string, data: Plain) => T | undefined, waiting?: Waiting): Promise<T>
  /** Ends the connection; QEMU goes on. */
  close (): void
}

const PATIENCE = 5_000
/** Characters of one message: what a QEMU with a thousand devices answers is smaller, and a peer that never ends a line is cut off. */
const LONGEST = 2 ** 22

/** `take` is offered every message until it returns something or throws. */
interface Listener { readonly offer: (message: Plain) => boolean, readonly fail: (error: NetwrightError) => void }

const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string => typeof value === 'string' ? value : ''

/**
 * Connects to the socket of `-qmp unix:PATH,server=on,wait=off` and takes the greeting. A QMP socket serves one client at a time: where somebody else has it, this one is
 * never greeted. Throws NETWRIGHT_GUEST_UNREACHABLE, NETWRIGHT_ABORTED.
 */
export async function openMonitor (path: string, waiting: Waiting = {}): Promise<Monitor> {
  const monitor = new Connection(path)
  try {
    await monitor.greeted(waiting)
    await monitor.execute('qmp_capabilities', {}, waiting)
    return monitor
  } catch (error) {
    monitor.close()
    throw error
  }
}

class Connection implements Monitor {
  readonly path: string
  readonly #socket: Socket
  readonly #listeners = new Set<Listener>()
  readonly #decoder = new StringDecoder('utf8')
  #buffered = ''
  #number = 0
  #ended: NetwrightError | undefined

  constructor (path: string) {
    this.path = path
    this.#socket = connect({ path })
    this.#socket.on('data', (data) => { this.#read(this.#decoder.write(data)) })
    this.#socket.on('error', (error) => { this.#end(this.#unreachable(isError(error) ? error.message : String(error), error)) })
    this.#socket.on('close', () => { this.#end(this.#unreachable('the connection has ended')) })
  }

  async greeted (waiting: Waiting): Promise<void> {
    await this.#wait('a greeting (one client at a time is served: is another connected?)', (message) => isPlain(message.QMP) ? true : undefined, waiting)
  }

  async execute (command: string, args: Plain = {}, waiting: Waiting = {}): Promise<unknown> {
    return await this.#ask(command, args, waiting, (text) => { this.#socket.write(text) })
  }

  async give (name: string, send: (socket: number, data: Uint8Array) => Promise<void>, waiting: Waiting = {}): Promise<void> {
    const socket = descriptorOf(this.#socket)
    if (socket === undefined) throw this.#ended ?? this.#unreachable('the connection has no descriptor')
    await this.#ask('getfd', { fdname: name }, waiting, async (text) => { await send(socket, Buffer.from(text)) })
  }

  async #ask (command: string, args: Plain, waiting: Waiting, send: (text: string) => void | Promise<void>): Promise<unknown> {
    const id = ++this.#number
    const answer = this.#wait(`an answer to ${command}`, (message) => message.id === id ? { message } : undefined, waiting)
    answer.catch(() => undefined) // told below, unless sending fails
    await send(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    const { message: { error, return: value } } = await answer
    if (!isPlain(error)) return value
    throw new NetwrightError('NETWRIGHT_GUEST_REFUSED', `QEMU refused ${command}: ${text(error.desc)} (${text(error.class)})`, { conflict: { kind: 'qmp', name: this.path, detail: text(error.class) } })
  }

  async event<T> (what: string, take: (name: string, data: Plain) => T | undefined, waiting: Waiting = {}): Promise<T> {
    return await this.#wait(what, (message) => typeof message.event === 'string' ? take(message.event, isPlain(message.data) ? message.data : {}) : undefined, waiting)
  }

  close (): void {
    this.#end(this.#unreachable('the connection is closed'))
    this.#socket.destroy()
  }

  async #wait<T> (what: string, take: (message: Plain) => T | undefined, { signal, timeout = PATIENCE }: Waiting): Promise<T> {
    if (this.#ended !== undefined) throw this.#ended
    return await new Promise<T>((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        this.#listeners.delete(listener)
      }
      const fail = (error: unknown): void => { done(); reject(isError(error) ? error : new Error(String(error))) }
      const offer = (message: Plain): boolean => {
        try {
          const taken = take(message)
          if (taken === undefined) return false
          done()
          resolve(taken)
        } catch (error) { fail(error) }
        return true
      }
      const abort = (): void => { fail(new NetwrightError('NETWRIGHT_ABORTED', `waiting for ${what} was aborted`, { cause: signal?.reason })) }
      const timer = setTimeout(() => { fail(this.#unreachable(`${what} did not come within ${String(timeout)} ms`)) }, timeout)
      const listener = { offer, fail }
      this.#listeners.add(listener)
      if (signal?.aborted === true) abort()
      else signal?.addEventListener('abort', abort)
    })
  }

  #read (data: string): void {
    this.#buffered += data
    const lines = this.#buffered.split('\n')
    this.#buffered = lines.pop() ?? ''
    for (const line of lines) if (this.#ended === undefined && line.trim() !== '') this.#hear(line.trim())
    if (this.#buffered.length > LONGEST) this.#babble('a message without end')
  }

  #hear (line: string): void {
    let message: unknown
    try { message = JSON.parse(line) } catch { this.#babble(`'${line.slice(0, 80)}'`); return }
    if (!isPlain(message)) { this.#babble(`'${line.slice(0, 80)}'`); return }
    for (const listener of [...this.#listeners]) if (listener.offer(message)) return
  }

  /** What speaks there is no QEMU. */
  #babble (what: string): void {
    this.#end(this.#unreachable(`${what} is no QMP message`))
    this.#socket.destroy()
  }

  #end (error: NetwrightError): void {
    this.#ended ??= error
    this.#buffered = ''
    for (const listener of [...this.#listeners]) listener.fail(this.#ended)
  }

  #unreachable (why: string, cause?: unknown): NetwrightError {
    return new NetwrightError('NETWRIGHT_GUEST_UNREACHABLE', `the monitor ${this.path}: ${why}`, {
      ...cause === undefined ? {} : { cause }, conflict: { kind: 'qmp', name: this.path, ...codeOf(cause) }, remedy: `start QEMU with -qmp unix:${this.path},server=on,wait=off`,
    })
  }
}

/** The system's word for why a socket cannot be reached: ENOENT, ECONNREFUSED. */
const codeOf = (cause: unknown): { readonly detail?: string } => isError(cause) && 'code' in cause && typeof cause.code === 'string' ? { detail: cause.code } : {}

/** Node's own handle of a connection; libuv says the descriptor of a pipe. */
function descriptorOf (socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  return typeof handle === 'object' && handle !== null && 'fd' in handle && typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}

/** Whether nobody is there any more: the QEMU that made the socket has ended. */
export function isGone (error: unknown): boolean {
  return error instanceof NetwrightError && error.code === 'NETWRIGHT_GUEST_UNREACHABLE' && ['ENOENT', 'ECONNREFUSED'].includes(error.conflict?.detail ?? '')
}
