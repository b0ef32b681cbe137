/** Looks a register up in a set (`@same`), or in a map with `dreg`. Source: NFTA_LOOKUP_*. */
import { be32, string } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

/** NFT_LOOKUP_F_INV: holds where the key is *not* in the set. */
export const lookupInvert = 1

export const lookup = nest({
  set: attr('NFTA_LOOKUP_SET', 1, string),
  sreg: attr('NFTA_LOOKUP_SREG', 2, be32),
  dreg: attr('NFTA_LOOKUP_DREG', 3, be32),
  setId: attr('NFTA_LOOKUP_SET_ID', 4, be32),
  flags: attr('NFTA_LOOKUP_FLAGS', 5, be32),
})
