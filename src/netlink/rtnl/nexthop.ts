/** The parts of a route that say where packets go. Source: include/uapi/linux/rtnetlink.h, struct rtnexthop, struct rtvia. */
import { ip } from '../../bytes/address.js'
import { bytes, s32, u16, u32, u8, type Codec } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import type { Writer } from '../../bytes/writer.js'
import { DecodeError } from '../../errors.js'
import { attr, decodeTable, encodeTable, type Table, type TableValue } from '../attr.js'

/** A gateway of another family than the route's. Source: struct rtvia. */
export const via: Codec<{ readonly family: number, readonly address: string }> = {
  name: 'struct rtvia',
  encode: (w, value) => { w.u16(value.family); ip.encode(w, value.address) },
  decode: (data) => {
    if (data.length < 2) throw new DecodeError('', `struct rtvia needs 2 bytes, has ${String(data.length)}`)
    return { family: u16.decode(data), address: ip.decode(data.subarray(2)) }
  },
}

/** `hops` is the weight minus one. Source: struct rtnexthop. */
export const rtnexthop = struct('rtnexthop', 8, { len: [0, u16], flags: [2, u8], hops: [3, u8], ifindex: [4, s32] })

/** The attributes behind each struct rtnexthop; they are those of a route. */
export const hopTable = {
  gateway:   attr('RTA_GATEWAY', 5, ip),
  flow:      attr('RTA_FLOW', 11, u32),
  via:       attr('RTA_VIA', 18, via),
  newdst:    attr('RTA_NEWDST', 19, bytes),
  encapType: attr('RTA_ENCAP_TYPE', 21, u16),
  encap:     attr('RTA_ENCAP', 22, bytes),
}

/** One way of a multipath route. */
export type NextHop = { readonly flags?: number, readonly hops?: number, readonly ifindex?: number } & TableValue<typeof hopTable>

function encodeHop (w: Writer, hop: NextHop): void {
  const start = w.length
  rtnexthop.encodePartial(w, { flags: hop.flags ?? 0, hops: hop.hops ?? 0, ifindex: hop.ifindex ?? 0 })
  encodeTable(hopTable, w, hop)
  w.patch16(start, w.length - start)
}

function decodeHops (data: Buffer): NextHop[] {
  const hops: NextHop[] = []
  for (let at = 0; at < data.length;) {
    const { len, ...hop } = rtnexthop.decode(data.subarray(at))
    if (len < rtnexthop.size || len > data.length - at) throw new DecodeError('', `length ${String(len)} at offset ${String(at)} of ${String(data.length)} bytes`)
    hops.push({ ...hop, ...decodeTable(hopTable, data.subarray(at + rtnexthop.size, at + len)) })
    at += (len + 3) & ~3
  }
  return hops
}

/** RTA_MULTIPATH: structs, each with its own attributes behind it. `ip route add … nexthop via A nexthop via B`. */
export const multipath: Codec<readonly NextHop[]> & { readonly struct: typeof rtnexthop, readonly hop: Table } = {
  name: 'list of struct rtnexthop', struct: rtnexthop, hop: hopTable,
  encode: (w, hops) => { for (const hop of hops) encodeHop(w, hop) },
  decode: decodeHops,
}
