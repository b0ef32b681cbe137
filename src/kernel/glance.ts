/** The little of a link that tells whose it is: read off the message as it came, which costs a fiftieth of decoding it. */
import { s32, u32 } from '../bytes/codec.js'
import { mapSlowly } from '../netlink/breathe.js'
import { getEach } from '../netlink/call.js'
import { afSpec, common, ifinfomsg, inet, inet6 } from '../netlink/rtnl/ifinfo.js'
import { link, linkinfo, RTEXT_FILTER_SKIP_STATS } from '../netlink/rtnl/link.js'
import { attributeAt } from '../netlink/scan.js'
import type { Transport } from '../netlink/transport.js'

export interface Glance {
  readonly index: number
  readonly name: string
  readonly group: number
  readonly kind?: string
  /** For a TAP: a descriptor is open, unless its holder says otherwise. */
  readonly carrier: boolean
  /** How often it came and went. */
  readonly carrierChanges: number
  /** By family; undefined where the link has not got it. */
  readonly forwarding: Forwarding
}
export interface Forwarding { readonly ipv4: boolean | undefined, readonly ipv6: boolean | undefined }

/** From the payload of an RTM_NEWLINK. */
export function glance (payload: Buffer): Glance {
  const at = (...path: readonly number[]): Buffer | undefined => attributeAt(payload, ifinfomsg.size, ...path)
  const text = (data: Buffer | undefined): string | undefined => data === undefined ? undefined : common.ifname.codec.decode(data)
  const number = (data: Buffer | undefined): number => data === undefined ? 0 : u32.decode(data)
  const kind = text(at(link.table.linkinfo.number, linkinfo.table.kind.number))
  // Both arrays begin with it. Source: include/uapi/linux/ip.h, IPV4_DEVCONF_FORWARDING; linux/ipv6.h, DEVCONF_FORWARDING.
  const [ipv4, ipv6] = [at(common.afSpec.number, afSpec.table.inet.number, inet.table.conf.number), at(common.afSpec.number, afSpec.table.inet6.number, inet6.table.conf.number)].map((data) => data === undefined ? undefined : s32.decode(data) !== 0)
  return {
    index: ifinfomsg.decode(payload).index, name: text(at(common.ifname.number)) ?? '', group: number(at(common.group.number)), ...kind === undefined ? {} : { kind },
    carrier: at(common.carrier.number)?.[0] === 1, carrierChanges: number(at(common.carrierChanges.number)), forwarding: { ipv4, ipv6 },
  }
}

/** At many links, by index; undefined where there is none. Throws KernelError. */
export async function glanceEach (transport: Transport, indexes: readonly number[]): Promise<(Glance | undefined)[]> {
  const answers = await getEach(transport, await mapSlowly(indexes, (index) => link.get({ index, extMask: RTEXT_FILTER_SKIP_STATS }, `link ${String(index)}`)))
  return await mapSlowly(answers, ({ error, replies }) => {
    if (error !== undefined && error.errnoName !== 'ENODEV') throw error
    const message = replies.find(({ type }) => type === link.types.new)
    return message === undefined ? undefined : glance(message.payload)
  })
}
