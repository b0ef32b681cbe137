/** VLANs on top of a link. Source: include/uapi/linux/if_link.h, IFLA_VLAN_*; net/8021q/vlan_netlink.c. */
import { be16, bytes, u16, u32 } from '../../../bytes/codec.js'
import { struct } from '../../../bytes/struct.js'
import { attr, nest } from '../../attr.js'

/** Bits: those of `mask` are to take the value in `flags`. VLAN_FLAG_*. */
export const vlanFlags = struct('ifla_vlan_flags', 8, { flags: [0, u32], mask: [4, u32] })

/** `ip link add link DEV name NAME type vlan id N protocol 802.1Q`. `protocol`: 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
export const vlan = nest({
  id:         attr('IFLA_VLAN_ID', 1, u16),
  flags:      attr('IFLA_VLAN_FLAGS', 2, vlanFlags),
  egressQos:  attr('IFLA_VLAN_EGRESS_QOS', 3, bytes),
  ingressQos: attr('IFLA_VLAN_INGRESS_QOS', 4, bytes),
  protocol:   attr('IFLA_VLAN_PROTOCOL', 5, be16),
})
