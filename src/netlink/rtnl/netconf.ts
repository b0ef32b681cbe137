/** What IP does on each interface. Source: include/uapi/linux/netconf.h; net/ipv4/devinet.c, net/ipv6/addrconf.c. */
import { s32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { hostOrder } from '../../bytes/writer.js'
import { attr } from '../attr.js'
import { family, type MessageOf } from '../family.js'
import { makeSieve } from '../sieve.js'

export const netconfmsg = struct('netconfmsg', 1, { family: [0, u8] })
interface NetconfHeader { family: number }

/** `ifindex` is -1 for `all`, -2 for `default`. */
export const netconfTable = {
  ifindex: attr('NETCONFA_IFINDEX', 1, s32),
  forwarding: attr('NETCONFA_FORWARDING', 2, s32),
} as const
export type NetconfMessage = MessageOf<NetconfHeader, typeof netconfTable>

/** `ip netconf show`. RTM_NEWNETCONF, RTM_DELNETCONF, RTM_GETNETCONF. */
export const netconf = family<NetconfHeader, typeof netconfTable>('NETCONF', { new: 80, del: 81, get: 82 }, netconfmsg, netconfTable)

/** Those that forward: any bit of a 32-bit number is set. */
export const forwardingOn = makeSieve(4, [{
  path: [netconfTable.forwarding.number], width: 4,
  values: Array.from({ length: 32 }, (_, bit) => {
    const value = new Uint8Array(4)
    value[hostOrder.little ? bit >> 3 : 3 - (bit >> 3)] = 1 << (bit & 7)
    return { value, mask: value }
  }),
}])
