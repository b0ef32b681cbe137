/** Loads from connection tracking. Source: NFTA_CT_*; bits: include/uapi/linux/netfilter/nf_conntrack_common.h. */
import { be32, u8 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { word } from '../word.js'

export const ctKeys = {
  state: 0, direction: 1, status: 2, mark: 3, secmark: 4, expiration: 5, helper: 6, l3proto: 7, saddr: 8, daddr: 9, proto: 10,
  'proto-src': 11, 'proto-dst': 12, label: 13, packets: 14, bytes: 15, avgpkt: 16, zone: 17, eventmask: 18,
  'ip saddr': 19, 'ip daddr': 20, 'ip6 saddr': 21, 'ip6 daddr': 22, id: 23,
} as const

/** Bits of `ct state`, in host order in the register. NF_CT_STATE_BIT of enum ip_conntrack_info. */
export const ctStates = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const
/** Bits of `ct status`, in host order: enum ip_conntrack_status. */
export const ctStatus = { expected: 1, 'seen-reply': 2, assured: 4, confirmed: 8, snat: 16, dnat: 32, dying: 512 } as const
/** `ct direction`, one byte. */
export const ctDirections = { original: 0, reply: 1 } as const

export const ct = nest({
  dreg: attr('NFTA_CT_DREG', 1, be32),
  key: attr('NFTA_CT_KEY', 2, word(be32, ctKeys)),
  direction: attr('NFTA_CT_DIRECTION', 3, u8),
  sreg: attr('NFTA_CT_SREG', 4, be32),
})
