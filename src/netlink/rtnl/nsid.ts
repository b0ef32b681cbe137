/** What a namespace calls another one. Source: include/uapi/linux/net_namespace.h, NETNSA_*; net/core/net_namespace.c. */
import { s32, u32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr } from '../attr.js'
import { family } from '../family.js'

/** In front of the message. */
export const rtgenmsg = struct('rtgenmsg', 1, { family: [0, u8] })

/** A namespace without a number here. */
export const NETNSA_NSID_NOT_ASSIGNED = -1

/** `ip netns set NAME NSID`, `ip netns list-id`. A number goes with the namespace that it names. */
export const nsid = family('NSID', { new: 88, del: 89, get: 90 }, rtgenmsg, {
  nsid: attr('NETNSA_NSID', 1, s32),
  pid: attr('NETNSA_PID', 2, u32),
  fd: attr('NETNSA_FD', 3, u32),
})
