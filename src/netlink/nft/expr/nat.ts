/** `snat to`, `dnat to`. Source: NFTA_NAT_*; flags: include/uapi/linux/netfilter/nf_nat.h. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { families } from '../header.js'
import { word } from '../word.js'

/** NF_NAT_RANGE_*. The kernel sets `ips` and `ports` itself where it sees their registers, and shows them when read back. */
export const natFlags = { ips: 1, ports: 2, random: 4, persistent: 8, 'fully-random': 16 } as const

export const nat = nest({
  type: attr('NFTA_NAT_TYPE', 1, word(be32, { snat: 0, dnat: 1 })),
  family: attr('NFTA_NAT_FAMILY', 2, word(be32, families)),
  addressMin: attr('NFTA_NAT_REG_ADDR_MIN', 3, be32),
  addressMax: attr('NFTA_NAT_REG_ADDR_MAX', 4, be32),
  protoMin: attr('NFTA_NAT_REG_PROTO_MIN', 5, be32),
  protoMax: attr('NFTA_NAT_REG_PROTO_MAX', 6, be32),
  flags: attr('NFTA_NAT_FLAGS', 7, be32),
})
