/** Looks a route up: `fib saddr . iif oif missing`. Source: NFTA_FIB_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { word } from '../word.js'

/** enum nft_fib_flags. `present` makes the result 1 where there is a route, else 0. */
export const fibFlags = { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16, present: 32 } as const

export const fib = nest({
  dreg: attr('NFTA_FIB_DREG', 1, be32),
  result: attr('NFTA_FIB_RESULT', 2, word(be32, { oif: 1, oifname: 2, type: 3 })),
  flags: attr('NFTA_FIB_FLAGS', 3, be32),
})
