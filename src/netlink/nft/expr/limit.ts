/** `limit rate 10/second burst 5 packets`. Source: NFTA_LIMIT_*. */
import { be32, be64 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { word } from '../word.js'

/** `rate` per `unitSeconds`, packets or bytes by `type`; flag 1 inverts (`over`). */
export const limit = nest({
  rate: attr('NFTA_LIMIT_RATE', 1, be64),
  unitSeconds: attr('NFTA_LIMIT_UNIT', 2, be64),
  burst: attr('NFTA_LIMIT_BURST', 3, be32),
  type: attr('NFTA_LIMIT_TYPE', 4, word(be32, { packets: 0, bytes: 1 })),
  flags: attr('NFTA_LIMIT_FLAGS', 5, be32),
})
