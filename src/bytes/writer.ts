/** A growing byte buffer. Integers are in host order (little-endian on every machine that Node runs on under Linux here) unless the name says `be`. */
export class Writer {
  #buffer: Buffer
  #length = 0

  constructor (capacity = 256) { this.#buffer = Buffer.allocUnsafe(capacity) }

  get length (): number { return this.#length }

  #room (bytes: number): number {
    const at = this.#length
    const end = at + bytes
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    this.#length = end
    return at
  }

  u8 (value: number): void { const at = this.#room(1); this.#buffer.writeUInt8(value, at) }
  u16 (value: number): void { const at = this.#room(2); hostOrder.little ? this.#buffer.writeUInt16LE(value, at) : this.#buffer.writeUInt16BE(value, at) }
  u32 (value: number): void { const at = this.#room(4); hostOrder.little ? this.#buffer.writeUInt32LE(value, at) : this.#buffer.writeUInt32BE(value, at) }
  s32 (value: number): void { const at = this.#room(4); hostOrder.little ? this.#buffer.writeInt32LE(value, at) : this.#buffer.writeInt32BE(value, at) }
  u64 (value: bigint): void { const at = this.#room(8); hostOrder.little ? this.#buffer.writeBigUInt64LE(value, at) : this.#buffer.writeBigUInt64BE(value, at) }
  be16 (value: number): void { const at = this.#room(2); this.#buffer.writeUInt16BE(value, at) }
  be32 (value: number): void { const at = this.#room(4); this.#buffer.writeUInt32BE(value, at) }
  be64 (value: bigint): void { const at = this.#room(8); this.#buffer.writeBigUInt64BE(value, at) }

  bytes (value: Uint8Array): void { const at = this.#room(value.length); this.#buffer.set(value, at) }
  zeros (count: number): void { const at = this.#room(count); this.#buffer.fill(0, at, at + count) }
  /** Pads with zeros to the next multiple of 4 (NLMSG_ALIGNTO, NLA_ALIGNTO). */
  align (): void { const over = this.#length & 3; if (over !== 0) this.zeros(4 - over) }

  /** Overwrites a u16 or u32 in host order at an earlier place: for lengths known only afterwards. */
  patch16 (at: number, value: number): void { hostOrder.little ? this.#buffer.writeUInt16LE(value, at) : this.#buffer.writeUInt16BE(value, at) }
  patch32 (at: number, value: number): void { hostOrder.little ? this.#buffer.writeUInt32LE(value, at) : this.#buffer.writeUInt32BE(value, at) }

  /** What was written so far; later writes do not change it. */
  take (): Buffer { return Buffer.from(this.#buffer.subarray(0, this.#length)) }
}

/** Byte order of this machine; netlink speaks host order. */
export const hostOrder = { little: new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 } as const
