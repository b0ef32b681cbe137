/** The little of a link that tells whose it is: read off the message as it came, which costs a fiftieth of decoding it. */
import { s32, u32 } from '../bytes/codec.js'
import { hostOrder } from '../bytes/writer.js'
import { mapSlowly } from '../netlink/breathe.js'
import { getEach } from '../netlink/call.js'
import { afSpec, common, ifinfomsg, inet, inet6 } from '../netlink/rtnl/ifinfo.js'
import { link, linkinfo, RTEXT_FILTER_SKIP_STATS } from '../netlink/rtnl/link.js'
import { eachAttribute } from '../netlink/scan.js'
import type { Request } from '../netlink/request.js'
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

/** From the payload of an RTM_NEWLINK, which is gone through once. */
export function glance (payload: Buffer): Glance {
  const found = { name: '', group: 0, carrier: false, carrierChanges: 0 }
  let kind: string | undefined
  let forwarding: Forwarding = { ipv4: undefined, ipv6: undefined }
  eachAttribute(payload, ifinfomsg.size, payload.length, (type, from, to) => {
    switch (type) {
      case NUMBERS.name: found.name = textIn(payload, from, to); break
      case NUMBERS.group: found.group = u32In(payload, from, to); break
      case NUMBERS.carrier: found.carrier = payload[from] === 1; break
      case NUMBERS.carrierChanges: found.carrierChanges = u32In(payload, from, to); break
      case NUMBERS.linkinfo: kind = kindIn(payload, from, to); break
      case NUMBERS.afSpec: forwarding = forwardingIn(payload, from, to); break
      default:
    }
  })
  return { index: hostOrder.little ? payload.readInt32LE(4) : payload.readInt32BE(4), ...found, ...kind === undefined ? {} : { kind }, forwarding }
}

const NUMBERS = {
  name: common.ifname.number, group: common.group.number, carrier: common.carrier.number, carrierChanges: common.carrierChanges.number,
  linkinfo: link.table.linkinfo.number, afSpec: common.afSpec.number,
} as const

const textIn = (data: Buffer, from: number, to: number): string => common.ifname.codec.decode(data.subarray(from, to))
const u32In = (data: Buffer, from: number, to: number): number => u32.decode(data.subarray(from, to))

function kindIn (data: Buffer, start: number, end: number): string | undefined {
  let kind: string | undefined
  eachAttribute(data, start, end, (type, from, to) => { if (type === linkinfo.table.kind.number) kind = textIn(data, from, to) })
  return kind
}

/** Both arrays begin with it. Source: include/uapi/linux/ip.h, IPV4_DEVCONF_FORWARDING; linux/ipv6.h, DEVCONF_FORWARDING. */
function forwardingIn (data: Buffer, start: number, end: number): Forwarding {
  const first = (from: number, to: number, conf: number): boolean | undefined => {
    let on: boolean | undefined
    eachAttribute(data, from, to, (type, at, until) => { if (type === conf) on = s32.decode(data.subarray(at, until)) !== 0 })
    return on
  }
  const found: { -readonly [K in keyof Forwarding]: Forwarding[K] } = { ipv4: undefined, ipv6: undefined }
  eachAttribute(data, start, end, (type, from, to) => {
    if (type === afSpec.table.inet.number) found.ipv4 = first(from, to, inet.table.conf.number)
    else if (type === afSpec.table.inet6.number) found.ipv6 = first(from, to, inet6.table.conf.number)
  })
  return found
}

/** At many links, by index; undefined where there is none. Throws KernelError. */
export async function glanceEach (transport: Transport, indexes: readonly number[]): Promise<(Glance | undefined)[]> {
  const works: Promise<(Glance | undefined)[]>[] = []
  for (let at = 0; at < indexes.length; at += SOME) {
    const requests = await mapSlowly(indexes.slice(at, at + SOME), (index) => link.get({ index, extMask: RTEXT_FILTER_SKIP_STATS }, `link ${String(index)}`))
    const work = glanceSome(transport, requests)
    work.catch(() => undefined) // the first that fails is thrown below
    works.push(work)
  }
  return (await Promise.all(works)).flat()
}

/** So many in one send: while the kernel is at some, others are made sense of. */
const SOME = 64

async function glanceSome (transport: Transport, requests: readonly Request[]): Promise<(Glance | undefined)[]> {
  return await mapSlowly(await getEach(transport, requests), ({ error, replies }) => {
    if (error !== undefined && error.errnoName !== 'ENODEV') throw error
    const message = replies.find(({ type }) => type === link.types.new)
    return message === undefined ? undefined : glance(message.payload)
  })
}
