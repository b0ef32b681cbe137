/** Rules. Source: include/uapi/linux/netfilter/nf_tables.h, NFTA_RULE_*. */
import { be32, be64, string } from '../../bytes/codec.js'
import { attr, list, nest } from '../attr.js'
import { expr } from './expr.js'
import { nftObject } from './message.js'
import { userdata } from './userdata.js'

/** What iptables-nft adds to rules of its own. */
export const compat = nest({
  proto: attr('NFTA_RULE_COMPAT_PROTO', 1, be32),
  flags: attr('NFTA_RULE_COMPAT_FLAGS', 2, be32),
})

/** `nft add rule FAMILY TABLE CHAIN …`. */
export const rule = nftObject('RULE', { new: 6, get: 7, del: 8 }, {
  table: attr('NFTA_RULE_TABLE', 1, string),
  chain: attr('NFTA_RULE_CHAIN', 2, string),
  handle: attr('NFTA_RULE_HANDLE', 3, be64),
  expressions: attr('NFTA_RULE_EXPRESSIONS', 4, list('NFTA_LIST_ELEM', 1, expr)),
  compat: attr('NFTA_RULE_COMPAT', 5, compat),
  position: attr('NFTA_RULE_POSITION', 6, be64),
  userdata: attr('NFTA_RULE_USERDATA', 7, userdata),
  id: attr('NFTA_RULE_ID', 9, be32),
  positionId: attr('NFTA_RULE_POSITION_ID', 10, be32),
  chainId: attr('NFTA_RULE_CHAIN_ID', 11, be32),
}, ({ table, chain }) => [table, chain])
