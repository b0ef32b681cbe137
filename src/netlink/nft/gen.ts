/** The ruleset's generation: one more with everybody's commit. Source: include/uapi/linux/netfilter/nf_tables.h, NFTA_GEN_*. */
import { be32, string } from '../../bytes/codec.js'
import { attr } from '../attr.js'
import { nftObject } from './message.js'

/** NFT_MSG_GETGEN; NFT_MSG_NEWGEN is also the event that ends a commit. There is no deletion: `del` repeats `new`. */
export const gen = nftObject('GEN', { new: 15, get: 16, del: 15 }, {
  id: attr('NFTA_GEN_ID', 1, be32),
  pid: attr('NFTA_GEN_PROC_PID', 2, be32),
  process: attr('NFTA_GEN_PROC_NAME', 3, string),
}, () => [])
