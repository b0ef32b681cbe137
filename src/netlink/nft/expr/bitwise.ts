/** `… & mask ^ xor`, shifts. Source: NFTA_BITWISE_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { data } from '../data.js'
import { word } from '../word.js'

export const bitwise = nest({
  sreg: attr('NFTA_BITWISE_SREG', 1, be32),
  dreg: attr('NFTA_BITWISE_DREG', 2, be32),
  length: attr('NFTA_BITWISE_LEN', 3, be32),
  mask: attr('NFTA_BITWISE_MASK', 4, data),
  xor: attr('NFTA_BITWISE_XOR', 5, data),
  op: attr('NFTA_BITWISE_OP', 6, word(be32, { 'mask-xor': 0, lshift: 1, rshift: 2 })),
  data: attr('NFTA_BITWISE_DATA', 7, data),
})
