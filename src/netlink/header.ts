/** struct nlmsghdr and its flags. Source: include/uapi/linux/netlink.h. */
import { u16, u32 } from '../bytes/codec.js'
import { struct } from '../bytes/struct.js'
import { hostOrder } from '../bytes/writer.js'
import { DecodeError } from '../errors.js'

const at = { len: [0, u32], type: [4, u16], flags: [6, u16], seq: [8, u32], pid: [12, u32] } as const
export const nlmsghdr = struct('nlmsghdr', 16, at)

// Read in place: an answer to a batch has thousands of headers.
const read16 = (data: Buffer, offset: number): number => hostOrder.little ? data.readUInt16LE(offset) : data.readUInt16BE(offset)
const read32 = (data: Buffer, offset: number): number => hostOrder.little ? data.readUInt32LE(offset) : data.readUInt32BE(offset)

export const NETLINK_ROUTE = 0
export const NETLINK_NETFILTER = 12

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLMSG_OVERRUN = 4
/** First type that belongs to a family. */
export const NLMSG_MIN_TYPE = 0x10

export const NLM_F_REQUEST = 0x1
export const NLM_F_MULTI = 0x2
export const NLM_F_ACK = 0x4
export const NLM_F_ECHO = 0x8
/** The dump was interrupted by a change: read again. */
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP_FILTERED = 0x20
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
/** On a deletion: of everything that matches. Since kernel 5.19. */
export const NLM_F_BULK = 0x200
export const NLM_F_APPEND = 0x800
/** On NLMSG_ERROR: the request was not echoed (NETLINK_CAP_ACK), attributes follow (NETLINK_EXT_ACK). */
export const NLM_F_CAPPED = 0x100
export const NLM_F_ACK_TLVS = 0x200

/** One message inside a datagram; `payload` is what follows the header. */
export interface Message { readonly type: number, readonly flags: number, readonly seq: number, readonly pid: number, readonly payload: Buffer }

/** Splits a datagram into messages; checks every length before it reads, always advances. */
export function * messages (datagram: Buffer): Generator<Message> {
  for (let offset = 0, next = 0; offset < datagram.length; offset = next) {
    next = endOf(datagram, offset)
    yield messageAt(datagram, offset)
  }
}

/** Where the message behind the one at `offset` begins. Throws DecodeError where that one does not lie in the datagram. */
export function endOf (datagram: Buffer, offset: number): number {
  const left = datagram.length - offset
  if (left < 16) throw new DecodeError('nlmsghdr', `${String(left)} bytes left over`)
  const len = read32(datagram, offset + at.len[0])
  if (len < 16 || len > left) throw new DecodeError('nlmsghdr', `length ${String(len)} at offset ${String(offset)} of ${String(datagram.length)} bytes`)
  return offset + ((len + 3) & ~3)
}

/** The message at `offset`, of which `endOf` has been asked. */
export function messageAt (datagram: Buffer, offset: number): Message {
  return {
    type: read16(datagram, offset + at.type[0]), flags: read16(datagram, offset + at.flags[0]), seq: sequenceAt(datagram, offset), pid: read32(datagram, offset + at.pid[0]),
    payload: datagram.subarray(offset + 16, offset + read32(datagram, offset + at.len[0])),
  }
}

export function sequenceAt (datagram: Buffer, offset: number): number { return read32(datagram, offset + at.seq[0]) }

/** Whether the message at `offset` is an acknowledgement that says nothing but "done": most answers are. Its errno lies behind the header. */
export function isPlainAck (datagram: Buffer, offset: number): boolean {
  return read16(datagram, offset + at.type[0]) === NLMSG_ERROR && (read16(datagram, offset + at.flags[0]) & NLM_F_ACK_TLVS) === 0
    && read32(datagram, offset + at.len[0]) >= 20 && read32(datagram, offset + 16) === 0
}
