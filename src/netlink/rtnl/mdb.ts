/** Multicast groups that a bridge keeps. Source: include/uapi/linux/if_bridge.h, struct br_port_msg, MDBA_SET_ENTRY; net/bridge/br_mdb.c. */
import { bytes, u16, u32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr } from '../attr.js'
import { family } from '../family.js'
import { NLM_F_BULK } from '../header.js'
import type { Request } from '../request.js'
import { AF_BRIDGE } from './addr.js'

export const brPortMsg = struct('br_port_msg', 8, { family: [0, u8], ifindex: [4, u32] })
/** `address` and what it is (IPv4, IPv6 or a MAC) stay bytes: struct br_mdb_entry.addr. */
export const brMdbEntry = struct('br_mdb_entry', 28, { ifindex: [0, u32], state: [4, u8], flags: [5, u8], vid: [6, u16] })

/** `bridge mdb add|del`, in the form of requests; what dumps carry (MDBA_MDB) has another table. */
export const mdb = family('MDB', { new: 84, del: 85, get: 86 }, brPortMsg, {
  entry:      attr('MDBA_SET_ENTRY', 1, brMdbEntry),
  entryAttrs: attr('MDBA_SET_ENTRY_ATTRS', 2, bytes),
})

/** `bridge mdb flush dev BRIDGE`, by index. Kernels before 6.8 refuse it (EINVAL). */
export function flushMdb (index: number, object: string): Request {
  return { ...mdb.remove({ family: AF_BRIDGE, ifindex: index, entry: { ifindex: 0, state: 0, flags: 0, vid: 0 } }, object), flags: NLM_F_BULK }
}

/** `bridge mdb show`: each bridge's groups are one message, whose header names the bridge. */
export const dumpMdb = (): Request => mdb.dump({ family: AF_BRIDGE })
