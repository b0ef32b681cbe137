/** Pairs of virtual Ethernet devices. Source: include/uapi/linux/veth.h; drivers/net/veth.c, veth_newlink(). */
import type { Codec } from '../../../bytes/codec.js'
import { attr, decodeTable, encodeTable, nest, type TableValue } from '../../attr.js'
import { common, ifinfomsg } from '../ifinfo.js'

/** A whole link message inside an attribute: struct ifinfomsg, then attributes. `ifname`, `address`, `netNsFd`, `index` and so on of the other end. */
export type VethPeer = { family?: number, type?: number, index?: number, flags?: number, change?: number } & TableValue<typeof common>

/** `prefix` is the struct's length; the attributes behind it are those of `table`. */
const peer: Codec<VethPeer> & { readonly prefix: number, readonly table: typeof common } = {
  name: 'ifinfomsg and attributes', prefix: ifinfomsg.size, table: common,
  encode: (w, value) => { ifinfomsg.encodePartial(w, value); encodeTable(common, w, value) },
  decode: (data) => ({ ...ifinfomsg.decode(data), ...decodeTable(common, data.subarray(ifinfomsg.size)) }),
}

/**
 * `ip link add NAME type veth peer name PEER netns NS`. Sent at creation only; the kernel does not report it:
 * the other end is read back as `link` (its index) and `linkNetnsid`.
 */
export const veth = nest({ peer: attr('VETH_INFO_PEER', 1, peer) })
