/** Loads (or writes) bytes of the packet. Source: NFTA_PAYLOAD_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { word } from '../word.js'

/** `offset` and `length` in bytes from the start of `base`. */
export const payload = nest({
  dreg: attr('NFTA_PAYLOAD_DREG', 1, be32),
  base: attr('NFTA_PAYLOAD_BASE', 2, word(be32, { link: 0, network: 1, transport: 2, inner: 3 })),
  offset: attr('NFTA_PAYLOAD_OFFSET', 3, be32),
  length: attr('NFTA_PAYLOAD_LEN', 4, be32),
  sreg: attr('NFTA_PAYLOAD_SREG', 5, be32),
  checksumType: attr('NFTA_PAYLOAD_CSUM_TYPE', 6, word(be32, { none: 0, inet: 1, sctp: 2 })),
  checksumOffset: attr('NFTA_PAYLOAD_CSUM_OFFSET', 7, be32),
  checksumFlags: attr('NFTA_PAYLOAD_CSUM_FLAGS', 8, be32),
})
