/** Loads a value, or gives the verdict: `accept`, `jump`. Source: NFTA_IMMEDIATE_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { data } from '../data.js'

export const immediate = nest({
  dreg: attr('NFTA_IMMEDIATE_DREG', 1, be32),
  data: attr('NFTA_IMMEDIATE_DATA', 2, data),
})
