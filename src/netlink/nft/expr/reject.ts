/** `reject with …`. Source: NFTA_REJECT_*. */
import { be32, u8 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { word } from '../word.js'

/** Codes of type icmpx, which the kernel turns into ICMP or ICMPv6: enum nft_reject_inet_code. */
export const icmpxCodes = { 'no-route': 0, 'port-unreachable': 1, 'host-unreachable': 2, 'admin-prohibited': 3 } as const

/** `code` depends on `type`; absent with `tcp-reset`. */
export const reject = nest({
  type: attr('NFTA_REJECT_TYPE', 1, word(be32, { icmp: 0, 'tcp-reset': 1, icmpx: 2 })),
  code: attr('NFTA_REJECT_ICMP_CODE', 2, u8),
})
