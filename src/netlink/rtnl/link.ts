/** Links. Source: include/uapi/linux/if_link.h; net/core/rtnetlink.c, __rtnl_newlink() and rtnl_dellink(). */
import { bytes, string } from '../../bytes/codec.js'
import { Writer } from '../../bytes/writer.js'
import { NetwrightError } from '../../errors.js'
import { parseIfName } from '../../values/ifname.js'
import { attr, nest, select } from '../attr.js'
import { mapSlowly } from '../breathe.js'
import { dump } from '../call.js'
import { family, type Family, type MessageOf } from '../family.js'
import type { Message } from '../header.js'
import type { Request } from '../request.js'
import type { Transport } from '../transport.js'
import { common, ifinfomsg } from './ifinfo.js'
import { kinds, slaveKinds } from './kind/kinds.js'

export const IFF_UP = 0x1
export const IFF_BROADCAST = 0x2
export const IFF_LOOPBACK = 0x8
export const IFF_RUNNING = 0x40
export const IFF_NOARP = 0x80
export const IFF_PROMISC = 0x100
export const IFF_ALLMULTI = 0x200
export const IFF_MULTICAST = 0x1000
export const IFF_LOWER_UP = 0x10000
/** `afSpec.inet6.addrGenMode`: no address is made up, not even a link-local one. */
export const IN6_ADDR_GEN_MODE_EUI64 = 0
export const IN6_ADDR_GEN_MODE_NONE = 1
/** Every ordinary link is in this group. */
export const DEFAULT_LINK_GROUP = 0
/** `extMask` of a request: the answer has no counters, and is half as long. */
export const RTEXT_FILTER_SKIP_STATS = 8
const AF_BRIDGE = 7

/** IFLA_LINKINFO: the kind and what belongs to it. An unknown kind's data stays bytes. */
export const linkinfo = nest({
  kind:      attr('IFLA_INFO_KIND', 1, string),
  data:      select('IFLA_INFO_DATA', 2, 'kind', kinds),
  xstats:    attr('IFLA_INFO_XSTATS', 3, bytes),
  slaveKind: attr('IFLA_INFO_SLAVE_KIND', 4, string),
  slaveData: select('IFLA_INFO_SLAVE_DATA', 5, 'slaveKind', slaveKinds),
})

const table = { ...common, linkinfo: attr('IFLA_LINKINFO', 18, linkinfo) }
const { afSpec: _afSpec, protinfo: _protinfo, ...withoutFamilyParts } = table
/** A link, decoded or to be encoded. */
export type LinkMessage = MessageOf<LinkHeader, typeof table>
interface LinkHeader { family: number, type: number, index: number, flags: number, change: number }

const plain = family('LINK', { new: 16, del: 17, get: 18 }, ifinfomsg, table, guard)
/** In messages of family AF_BRIDGE two attributes mean something else; they stay bytes, in `rest`. */
const fromBridge = family('LINK', plain.types, ifinfomsg, withoutFamilyParts)

/**
 * `ip link add|set|del|show`. The kernel's rules make some messages dangerous, so the encoder refuses them (NETWRIGHT_INVALID):
 * `replace` altogether (it changes a stranger's link of that name), `change` and `remove` without index or name, and a group
 * in a message that may be read as "every link of that group". Deleting by group is `removeGroup`.
 */
export const link: Family<LinkHeader, typeof table> = {
  ...plain,
  decode: (message) => message.payload[0] === AF_BRIDGE ? fromBridge.decode(message) : plain.decode(message),
}

function guard (verb: 'create' | 'replace' | 'change' | 'remove' | 'get', message: LinkMessage): void {
  const { index = 0, ifname, group, rest = [] } = message
  if (verb === 'replace') throw refused('a link is created or changed, never replaced: that would change a stranger\'s link of the same name')
  if (ifname !== undefined) parseIfName(ifname)
  if (verb === 'create') {
    if (ifname === undefined || message.linkinfo?.kind === undefined) throw refused('a link is created with a name and a kind')
    return
  }
  if (index <= 0 && ifname === undefined) throw refused(`RTM_*LINK (${verb}) without index and name would mean every link of a group`)
  const grouped = group !== undefined || rest.some(({ type }) => (type & 0x3fff) === table.group.number)
  // Older kernels (before 6.0) fall back to the group where no link has the name.
  if (grouped && verb === 'change' && index <= 0) throw refused('the group of a link is set by index, never by name')
  if (grouped && verb === 'remove') throw refused('a link is removed by index or name, a group by removeGroup')
}

const refused = (message: string): NetwrightError => new NetwrightError('NETWRIGHT_INVALID', message)

/**
 * `ip link del group N`: deletes every link of the group, and is 20 to 40 times as fast as one by one. One big group holds RTNL for
 * everybody while it goes, so delete in chunks. Throws NETWRIGHT_INVALID for group 0, which every ordinary link has.
 */
export function removeGroup (group: number): Request {
  if (!Number.isInteger(group) || group <= DEFAULT_LINK_GROUP || group > 0xffffffff) throw refused(`group ${String(group)} cannot be deleted`)
  const w = new Writer(32)
  ifinfomsg.encodePartial(w, {})
  w.u16(8); w.u16(table.group.number); w.u32(group)
  return { type: link.types.del, flags: 0, body: w.take(), name: 'RTM_DELLINK', object: `group ${String(group)}`, shape: { header: ifinfomsg.size, table } }
}

/**
 * `ip link show [master M] [type KIND]`. The kernel filters (3 ms among 5,000 links, all of them 44 ms); where it does not know a
 * filter, what came is filtered here. `master` is an index. Throws as `dump`.
 */
export async function dumpLinks (transport: Transport, filter: { readonly master?: number, readonly kind?: string } = {}): Promise<LinkMessage[]> {
  const { master, kind } = filter
  const found = await dump(transport, link.dump({
    ...(master === undefined ? {} : { master }),
    ...(kind === undefined ? {} : { linkinfo: { kind } }),
  }))
  return (await mapSlowly(found.filter(isLink), (message) => link.decode(message))).filter((message) =>
    (master === undefined || message.master === master) && (kind === undefined || message.linkinfo?.kind === kind))
}

const isLink = ({ type }: Message): boolean => type === link.types.new
