/** `tcp dport 1-1023`. Source: NFTA_RANGE_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { data } from '../data.js'
import { word } from '../word.js'

/** Both ends belong to the range. */
export const range = nest({
  sreg: attr('NFTA_RANGE_SREG', 1, be32),
  op: attr('NFTA_RANGE_OP', 2, word(be32, { eq: 0, neq: 1 })),
  from: attr('NFTA_RANGE_FROM_DATA', 3, data),
  to: attr('NFTA_RANGE_TO_DATA', 4, data),
})
