/** `redirect to :port`. Source: NFTA_REDIR_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

export const redir = nest({
  protoMin: attr('NFTA_REDIR_REG_PROTO_MIN', 1, be32),
  protoMax: attr('NFTA_REDIR_REG_PROTO_MAX', 2, be32),
  flags: attr('NFTA_REDIR_FLAGS', 3, be32),
})
