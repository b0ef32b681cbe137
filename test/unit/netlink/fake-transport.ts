/** A transport whose answers are written down: each exchange takes the next one. */
import { Writer } from '../../../src/bytes/writer.js'
import { messages, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR, type Message } from '../../../src/netlink/header.js'
import type { Reply, Transport } from '../../../src/netlink/transport.js'

/** Makes the reply, given the requests in the datagram. */
export type Answer = (requests: readonly Message[], dump: boolean) => Reply

export interface Scripted extends Transport { readonly sent: Buffer[] }

export function scripted (...answers: readonly Answer[]): Scripted {
  const sent: Buffer[] = []
  let seq = 0
  return {
    protocol: 0, sent,
    sequence: () => ++seq,
    exchange: (datagram, dump) => {
      const answer = answers[sent.length]
      if (answer === undefined) return Promise.reject(new Error('no answer is left'))
      const copy = Buffer.from(datagram)
      sent.push(copy)
      return Promise.resolve(answer([...messages(copy)], dump))
    },
    close: () => Promise.resolve(),
  }
}

export function message (type: number, flags: number, seq: number, payload: Uint8Array): Buffer {
  const w = new Writer()
  w.u32(16 + payload.length); w.u16(type); w.u16(flags); w.u32(seq); w.u32(4711)
  w.bytes(payload); w.align()
  return w.take()
}

/** NLMSG_ERROR as the kernel writes it with NETLINK_CAP_ACK and NETLINK_EXT_ACK; `errno` is positive, 0 acknowledges. */
export function ack ({ seq, type, flags }: Message, errno = 0, said: { sentence?: string, offset?: number, missingType?: number, missingNest?: number } = {}): Buffer {
  const w = new Writer()
  w.s32(errno === 0 ? 0 : -errno); w.u32(16); w.u16(type); w.u16(flags); w.u32(seq); w.u32(0)
  const tlvs = extack(w, said)
  return message(NLMSG_ERROR, NLM_F_CAPPED | (tlvs ? NLM_F_ACK_TLVS : 0), seq, w.take())
}

export function done ({ seq }: Message, errno = 0, said: { sentence?: string } = {}, flags = 0): Buffer {
  const w = new Writer()
  w.s32(errno === 0 ? 0 : -errno)
  const tlvs = extack(w, said)
  return message(NLMSG_DONE, NLM_F_MULTI | flags | (tlvs ? NLM_F_ACK_TLVS : 0), seq, w.take())
}

function extack (w: Writer, said: { sentence?: string, offset?: number, missingType?: number, missingNest?: number }): boolean {
  const before = w.length
  if (said.sentence !== undefined) {
    const text = Buffer.from(`${said.sentence}\0`)
    w.u16(4 + text.length); w.u16(1); w.bytes(text); w.align()
  }
  for (const [type, value] of [[2, said.offset], [5, said.missingType], [6, said.missingNest]] as const) {
    if (value !== undefined) { w.u16(8); w.u16(type); w.u32(value) }
  }
  return w.length > before
}

export const reply = (...datagrams: readonly Buffer[]): Reply => ({ datagrams, overrun: false })
