/** Addresses of links. Source: include/uapi/linux/if_addr.h; net/ipv4/devinet.c, net/ipv6/addrconf.c. */
import { ip } from '../../bytes/address.js'
import { s32, string, u32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { Writer } from '../../bytes/writer.js'
import { NetwrightError } from '../../errors.js'
import { attr } from '../attr.js'
import { mapSlowly } from '../breathe.js'
import { dump } from '../call.js'
import { family, type MessageOf } from '../family.js'
import type { Request } from '../request.js'
import type { Transport } from '../transport.js'

export const AF_UNSPEC = 0
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_BRIDGE = 7

export const IFA_F_SECONDARY = 0x01
/** No duplicate address detection: an IPv6 address is usable at once. */
export const IFA_F_NODAD = 0x02
export const IFA_F_DADFAILED = 0x08
export const IFA_F_DEPRECATED = 0x20
export const IFA_F_TENTATIVE = 0x40
export const IFA_F_PERMANENT = 0x80
/** No route to the prefix is made. */
export const IFA_F_NOPREFIXROUTE = 0x200
export const RT_SCOPE_UNIVERSE = 0
export const RT_SCOPE_SITE = 200
export const RT_SCOPE_LINK = 253
export const RT_SCOPE_HOST = 254
export const RT_SCOPE_NOWHERE = 255

/** `shortFlags` is ifa_flags: the lower eight bits of `flags`, which overrules it. */
export const ifaddrmsg = struct('ifaddrmsg', 8, { family: [0, u8], prefixlen: [1, u8], shortFlags: [2, u8], scope: [3, u8], index: [4, u32] })

/** Lifetimes in seconds, 0xffffffff is forever; time stamps in hundredths of a second since boot. Source: struct ifa_cacheinfo. */
export const ifaCacheinfo = struct('ifa_cacheinfo', 16, { prefered: [0, u32], valid: [4, u32], cstamp: [8, u32], tstamp: [12, u32] })

/** An address, decoded or to be encoded. */
export type AddrMessage = MessageOf<{ family: number, prefixlen: number, shortFlags: number, scope: number, index: number }, typeof addr.table>

/**
 * `ip addr add LOCAL/PREFIXLEN dev INDEX`, `del`, `show`. `local` is the link's own address and `address` the prefix's, or the other end's on a
 * point-to-point link; for IPv4 send both. `remove` without an address would remove the link's first one, so it is refused (NETWRIGHT_INVALID).
 */
export const addr = family('ADDR', { new: 20, del: 21, get: 22 }, ifaddrmsg, {
  address:        attr('IFA_ADDRESS', 1, ip),
  local:          attr('IFA_LOCAL', 2, ip),
  label:          attr('IFA_LABEL', 3, string),
  broadcast:      attr('IFA_BROADCAST', 4, ip),
  anycast:        attr('IFA_ANYCAST', 5, ip),
  cacheinfo:      attr('IFA_CACHEINFO', 6, ifaCacheinfo),
  multicast:      attr('IFA_MULTICAST', 7, ip),
  flags:          attr('IFA_FLAGS', 8, u32),
  rtPriority:     attr('IFA_RT_PRIORITY', 9, u32),
  targetNetnsid:  attr('IFA_TARGET_NETNSID', 10, s32),
  proto:          attr('IFA_PROTO', 11, u8),
}, (verb, message) => {
  if (verb === 'get' || ((message.index ?? 0) > 0 && (message.local ?? message.address) !== undefined)) return
  throw new NetwrightError('NETWRIGHT_INVALID', `RTM_*ADDR (${verb}) needs the index of a link and an address`)
})

/**
 * Removes the first IPv4 address of a link, whichever it is, with those that depend on it; by index. EADDRNOTAVAIL where there is none.
 * Throws NETWRIGHT_INVALID without an index. Source: net/ipv4/devinet.c, inet_rtm_deladdr().
 */
export function removeFirstAddress (index: number, object: string): Request {
  if (!Number.isInteger(index) || index <= 0) throw new NetwrightError('NETWRIGHT_INVALID', 'RTM_DELADDR needs the index of a link')
  const w = new Writer(16)
  ifaddrmsg.encodePartial(w, { family: AF_INET, index })
  return { type: addr.types.del, flags: 0, body: w.take(), name: 'RTM_DELADDR', object, shape: { header: ifaddrmsg.size, table: addr.table } }
}

/** `ip addr show [dev INDEX] [-4|-6]`. Filtered by the kernel and, where it cannot, here. Throws as `dump`. */
export async function dumpAddrs (transport: Transport, filter: { readonly index?: number, readonly family?: number } = {}): Promise<AddrMessage[]> {
  const found = await dump(transport, addr.dump(filter))
  return (await mapSlowly(found.filter(({ type }) => type === addr.types.new), (message) => addr.decode(message))).filter((message) =>
    (filter.index === undefined || message.index === filter.index) && (filter.family === undefined || filter.family === AF_UNSPEC || message.family === filter.family))
}
