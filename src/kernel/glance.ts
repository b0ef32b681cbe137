/** The little of a link that tells whose it is: read off the message as it came, which costs a fiftieth of decoding it. */
import { s32 } from '../bytes/codec.js'
import { afSpec, common, ifinfomsg, inet, inet6 } from '../netlink/rtnl/ifinfo.js'
import { link, linkinfo } from '../netlink/rtnl/link.js'
import { attributeAt } from '../netlink/scan.js'

export interface Glance {
  readonly name: string
  readonly group: number
  readonly kind: string | undefined
  /** For a TAP: a descriptor is open, unless its holder says otherwise. */
  readonly carrier: boolean
  /** By family; undefined where the link has not got it. */
  readonly forwarding: Forwarding
}
export interface Forwarding { readonly ipv4: boolean | undefined, readonly ipv6: boolean | undefined }

/** From the payload of an RTM_NEWLINK. */
export function glance (payload: Buffer): Glance {
  const at = (...path: readonly number[]): Buffer | undefined => attributeAt(payload, ifinfomsg.size, ...path)
  const text = (data: Buffer | undefined): string | undefined => data === undefined ? undefined : common.ifname.codec.decode(data)
  const group = at(common.group.number)
  // Both arrays begin with it. Source: include/uapi/linux/ip.h, IPV4_DEVCONF_FORWARDING; linux/ipv6.h, DEVCONF_FORWARDING.
  const [ipv4, ipv6] = [at(common.afSpec.number, afSpec.table.inet.number, inet.table.conf.number), at(common.afSpec.number, afSpec.table.inet6.number, inet6.table.conf.number)].map((data) => data === undefined ? undefined : s32.decode(data) !== 0)
  return {
    name: text(at(common.ifname.number)) ?? '', group: group === undefined ? 0 : common.group.codec.decode(group),
    kind: text(at(link.table.linkinfo.number, linkinfo.table.kind.number)), carrier: at(common.carrier.number)?.[0] === 1, forwarding: { ipv4, ipv6 },
  }
}
