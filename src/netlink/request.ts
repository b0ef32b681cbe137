/** A request is data; nothing is sent by making one. */
import { Writer } from '../bytes/writer.js'
import { NLM_F_REQUEST } from './header.js'
import type { Table } from './attr.js'

export interface Request {
  readonly type: number
  /** NLM_F_* but for REQUEST and ACK, which `call`, `dump` and `batch` set. */
  readonly flags: number
  /** The family's struct, then the attributes. */
  readonly body: Buffer
  /** The kernel's name for it: `RTM_NEWLINK`. */
  readonly name: string
  /** What it is about, for errors: `virbr1`, `inet netwright postrouting`. */
  readonly object: string
  /** To turn an offset in the kernel's complaint into an attribute path. */
  readonly shape?: { readonly header: number, readonly table: Table }
}

/** Writes one message with its header. */
export function frame (w: Writer, request: Pick<Request, 'type' | 'flags' | 'body'>, seq: number, flags = 0): void {
  w.u32(16 + request.body.length); w.u16(request.type); w.u16(request.flags | flags | NLM_F_REQUEST); w.u32(seq); w.u32(0)
  w.bytes(request.body)
  w.align()
}
