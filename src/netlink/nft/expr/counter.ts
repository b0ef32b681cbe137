/** Counts packets and bytes. Source: NFTA_COUNTER_*. */
import { be64 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

/** Also the counters of a chain's policy. */
export const counterTable = {
  bytes: attr('NFTA_COUNTER_BYTES', 1, be64),
  packets: attr('NFTA_COUNTER_PACKETS', 2, be64),
}
export const counter = nest(counterTable)
