/** Compares a register with a value; the rule ends where it does not hold. Source: NFTA_CMP_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { data } from '../data.js'
import { word } from '../word.js'

export const cmp = nest({
  sreg: attr('NFTA_CMP_SREG', 1, be32),
  op: attr('NFTA_CMP_OP', 2, word(be32, { eq: 0, neq: 1, lt: 2, lte: 3, gt: 4, gte: 5 })),
  data: attr('NFTA_CMP_DATA', 3, data),
})
