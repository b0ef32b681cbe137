/** Byte order of this machine; netlink speaks host order. */
export const hostOrder = { little: new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 } as const
const LITTLE = hostOrder.little

/** Memory that is zero, from the front to the back. */
interface Block { readonly buffer: Buffer, readonly view: DataView, used: number }

const BLOCK = 1 << 16

function block (size: number): Block {
  const buffer = Buffer.alloc(size)
  return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, size), used: 0 }
}

/** Writers take their memory from it one behind the other, so that a request costs no allocation of its own; a new one where it is full. */
let shared = block(0)

/**
 * A growing byte buffer. Integers are in host order (little-endian on every machine that Node runs on under Linux here) unless the name says `be`; those that do not
 * fit lose their upper bits: codecs check them.
 */
export class Writer {
  #block: Block
  #view: DataView
  #start: number
  /** Where the next byte goes, and where our memory ends, both in the block. */
  #at: number
  #end: number

  constructor (capacity = 256) {
    if (shared.buffer.length - shared.used < capacity) shared = block(Math.max(BLOCK, capacity))
    this.#block = shared
    this.#view = shared.view
    this.#start = this.#at = shared.used
    this.#end = shared.used += capacity
  }

  get length (): number { return this.#at - this.#start }

  /** Memory that nobody has written to; returns where it is in the block. */
  #room (bytes: number): number {
    if (this.#at + bytes > this.#end) this.#grow(bytes)
    const at = this.#at
    this.#at += bytes
    return at
  }

  #grow (bytes: number): void {
    const { length } = this
    const larger = new Writer(Math.max(length + bytes, (this.#end - this.#start) * 2))
    this.#block.buffer.copy(larger.#block.buffer, larger.#start, this.#start, this.#at)
    this.#block = larger.#block
    this.#view = larger.#view
    this.#start = larger.#start
    this.#at = larger.#start + length
    this.#end = larger.#end
  }

  u8 (value: number): void { const at = this.#room(1); this.#view.setUint8(at, value) }
  u16 (value: number): void { const at = this.#room(2); this.#view.setUint16(at, value, LITTLE) }
  u32 (value: number): void { const at = this.#room(4); this.#view.setUint32(at, value, LITTLE) }
  s32 (value: number): void { const at = this.#room(4); this.#view.setInt32(at, value, LITTLE) }
  u64 (value: bigint): void { const at = this.#room(8); this.#view.setBigUint64(at, value, LITTLE) }
  be16 (value: number): void { const at = this.#room(2); this.#view.setUint16(at, value) }
  be32 (value: number): void { const at = this.#room(4); this.#view.setUint32(at, value) }
  be64 (value: bigint): void { const at = this.#room(8); this.#view.setBigUint64(at, value) }

  bytes (value: Uint8Array): void { const at = this.#room(value.length); this.#block.buffer.set(value, at) }

  /** UTF-8. */
  text (value: string): void {
    const most = value.length * 3
    const at = this.#room(most)
    this.#at = at + this.#block.buffer.write(value, at)
  }

  zeros (count: number): void { this.#room(count) }

  /** Pads with zeros to the next multiple of 4 (NLMSG_ALIGNTO, NLA_ALIGNTO). */
  align (): void { const over = this.length & 3; if (over !== 0) this.#room(4 - over) }

  /** Overwrites a u16 or u32 in host order at an earlier place: for lengths known only afterwards. */
  patch16 (at: number, value: number): void { this.#view.setUint16(this.#start + at, value, LITTLE) }
  patch32 (at: number, value: number): void { this.#view.setUint32(this.#start + at, value, LITTLE) }

  /** Gives what was written away; the writer is empty then. */
  take (): Buffer {
    const taken = this.#block.buffer.subarray(this.#start, this.#at)
    // Whoever came last gives back what he did not need.
    if (this.#end === this.#block.used) this.#block.used = this.#at + 7 & ~7
    this.#start = this.#end = this.#at
    return taken
  }
}
