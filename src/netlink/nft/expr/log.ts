/** `log prefix "…" level warn`. Source: NFTA_LOG_*. */
import { be16, be32, string } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { word } from '../word.js'

export const log = nest({
  group: attr('NFTA_LOG_GROUP', 1, be16),
  prefix: attr('NFTA_LOG_PREFIX', 2, string),
  snaplen: attr('NFTA_LOG_SNAPLEN', 3, be32),
  threshold: attr('NFTA_LOG_QTHRESHOLD', 4, be16),
  level: attr('NFTA_LOG_LEVEL', 5, word(be32, { emerg: 0, alert: 1, crit: 2, err: 3, warn: 4, notice: 5, info: 6, debug: 7, audit: 8 })),
  flags: attr('NFTA_LOG_FLAGS', 6, be32),
})
