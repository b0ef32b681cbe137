/** `masquerade`. Source: NFTA_MASQ_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

export const masq = nest({
  flags: attr('NFTA_MASQ_FLAGS', 1, be32),
  protoMin: attr('NFTA_MASQ_REG_PROTO_MIN', 2, be32),
  protoMax: attr('NFTA_MASQ_REG_PROTO_MAX', 3, be32),
})
