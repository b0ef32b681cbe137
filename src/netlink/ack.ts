/** NLMSG_ERROR and the end of a dump: what the kernel says about a request. Source: include/uapi/linux/netlink.h, struct nlmsgerr, NLMSGERR_ATTR_*. */
import { bytes, s32, string, u32 } from '../bytes/codec.js'
import { DecodeError, KernelError } from '../errors.js'
import { attr, decodeTable, type TableValue } from './attr.js'
import { errnoName } from './errno.js'
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, type Message } from './header.js'
import { attributePath, missingPath } from './path.js'
import type { Request } from './request.js'

/** The attributes behind an acknowledgement (NETLINK_EXT_ACK). */
export const extack = {
  sentence: attr('NLMSGERR_ATTR_MSG', 1, string),
  /** Offset of the attribute at fault from the start of the request's nlmsghdr. */
  offset: attr('NLMSGERR_ATTR_OFFS', 2, u32),
  cookie: attr('NLMSGERR_ATTR_COOKIE', 3, bytes),
  policy: attr('NLMSGERR_ATTR_POLICY', 4, bytes),
  missingType: attr('NLMSGERR_ATTR_MISS_TYPE', 5, u32),
  missingNest: attr('NLMSGERR_ATTR_MISS_NEST', 6, u32),
}

/** What an acknowledgement says. */
export interface Verdict {
  /** Set where the kernel refused. */
  readonly error?: KernelError
  /** The kernel's sentence on a request that it carried out. */
  readonly warning?: string
}

/** nlmsghdr of the request that struct nlmsgerr repeats. */
const ECHOED_HEADER = 16
/** Longer sentences are cut: text from outside has a bound. */
const LONGEST_SENTENCE = 1024

/** Reads an NLMSG_ERROR, or the NLMSG_DONE of a dump, as the answer to `request`. Throws DecodeError. */
export function verdict (request: Pick<Request, 'name' | 'object' | 'body' | 'shape'>, message: Message): Verdict {
  if (message.type === NLMSG_DONE && message.payload.length < 4) return {}
  const errno = errnoIn(message)
  const said = decodeExtack(message)
  const sentence = said.sentence === undefined || said.sentence === '' ? undefined : readable(said.sentence)
  if (errno <= 0) return sentence === undefined ? {} : { warning: sentence }
  return { error: new KernelError({ request: request.name, object: request.object, errno, errnoName: errnoName(errno), ...blame(request, said, sentence) }) }
}

/** The errno, positive, that an acknowledgement carries; 0 for success. Throws DecodeError. */
export function errnoIn (message: Message): number { return -decodeErrno(message) }

function decodeErrno ({ type, payload }: Message): number {
  if (type !== NLMSG_ERROR && type !== NLMSG_DONE) throw new DecodeError('nlmsgerr', `unexpected message type ${String(type)}`)
  if (payload.length < 4) throw new DecodeError('nlmsgerr', `needs 4 bytes, has ${String(payload.length)}`)
  return s32.decode(payload)
}

function decodeExtack ({ type, flags, payload }: Message): TableValue<typeof extack> {
  if ((flags & NLM_F_ACK_TLVS) === 0) return {}
  if (type === NLMSG_DONE) return decodeTable(extack, payload.subarray(4))
  if (payload.length < 4 + ECHOED_HEADER) throw new DecodeError('nlmsgerr', `needs ${String(4 + ECHOED_HEADER)} bytes, has ${String(payload.length)}`)
  // Without CAPPED the whole request is repeated, padded to 4.
  const echoed = (flags & NLM_F_CAPPED) === 0 ? u32.decode(payload.subarray(4)) + 3 & ~3 : ECHOED_HEADER
  return decodeTable(extack, payload.subarray(4 + echoed))
}

function blame (request: Pick<Request, 'body' | 'shape'>, said: TableValue<typeof extack>, sentence: string | undefined): { sentence?: string, attribute?: string } {
  if (said.missingType !== undefined) {
    return { sentence: sentence ?? 'a required attribute is missing', attribute: missingPath(request, said.missingType, said.missingNest) }
  }
  const attribute = said.offset === undefined ? undefined : attributePath(request, said.offset)
  return { ...(sentence === undefined ? {} : { sentence }), ...(attribute === undefined ? {} : { attribute }) }
}

/** Control, format and line-separating characters become `\u001b`: the sentence may repeat a name that somebody chose, and ends up on terminals and in logs. */
function readable (text: string): string {
  const shown = text.trimEnd().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
  return shown.length > LONGEST_SENTENCE ? `${shown.slice(0, LONGEST_SENTENCE - 1)}…` : shown
}
