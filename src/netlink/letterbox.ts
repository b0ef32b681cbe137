/** Listens without being woken: what changes waits in the kernel until somebody asks what it was. For those who must know before they act, not as it happens (see monitor.ts). */
import { Writer } from '../bytes/writer.js'
import { isError, KernelError, NetwrightError } from '../errors.js'
import { pacer } from './breathe.js'
import { errnoName } from './errno.js'
import { messages, type Message } from './header.js'
import { native, type NativeLetterbox } from './native.js'

/** One instruction of classic BPF: struct sock_filter. Source: include/uapi/linux/filter.h; net/core/filter.c, for which a netlink message begins with its header. */
export interface Instruction { readonly code: number, readonly jt?: number, readonly jf?: number, readonly k: number }

export interface LetterboxOptions {
  readonly protocol: number
  /** Descriptor of an open namespace; -1 is the caller's own. */
  readonly netns: number
  /** Multicast groups. */
  readonly groups: readonly number[]
  /** Which messages are kept, and how much of them. Default: all. */
  readonly filter?: readonly Instruction[]
  /** Bytes that the kernel keeps at most, with its own bookkeeping (2 to 4 times the messages). Default 4 MiB, capped by net.core.rmem_max without CAP_NET_ADMIN in the initial user namespace. */
  readonly receiveBuffer?: number
}

const RECEIVE_BUFFER = 4 << 20
/** Bytes taken at once. */
const PORTION = 256 << 10

export class Letterbox {
  readonly #letterbox: NativeLetterbox
  #drops = 0
  #closed = false

  private constructor (letterbox: NativeLetterbox) { this.#letterbox = letterbox }

  /** What changes from when it resolves is heard. Throws KernelError, NETWRIGHT_ADDON_MISSING. */
  static async open ({ protocol, netns, groups, filter = [], receiveBuffer = RECEIVE_BUFFER }: LetterboxOptions): Promise<Letterbox> {
    try { return new Letterbox(await native().letterboxOpen(protocol, netns, groups, receiveBuffer, program(filter))) } catch (error) { throw refusal(error) }
  }

  /**
   * Hands over what was heard since the last call; false where messages were lost, so that all is to be read afresh. A message is queued before the request that
   * caused it is answered: whatever was answered before this call is heard. Throws NETWRIGHT_CLOSED, DecodeError.
   */
  async hear (each: (message: Message) => void): Promise<boolean> {
    const pace = pacer()
    for (;;) {
      if (this.#closed) throw new NetwrightError('NETWRIGHT_CLOSED', 'the host is closed')
      const { data, drops, more } = native().letterboxTake(this.#letterbox, PORTION)
      for (const message of messages(data)) each(message)
      if (!more) {
        const whole = drops === this.#drops
        this.#drops = drops
        return whole
      }
      await pace()
    }
  }

  /** Twice is fine. */
  close (): void {
    this.#closed = true
    native().letterboxClose(this.#letterbox)
  }
}

function program (instructions: readonly Instruction[]): Uint8Array {
  const w = new Writer(8 * instructions.length + 8)
  for (const { code, jt = 0, jf = 0, k } of instructions) { w.u16(code); w.u8(jt); w.u8(jf); w.u32(k >>> 0) }
  return w.take()
}

function refusal (error: unknown): unknown {
  if (!isError(error) || !('errno' in error) || typeof error.errno !== 'number' || !('syscall' in error)) return error
  return new KernelError({ request: String(error.syscall), object: 'netlink multicast', errno: error.errno, errnoName: errnoName(error.errno) }, { cause: error })
}
