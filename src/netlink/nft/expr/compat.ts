/** Matches and targets of xtables, as iptables-nft puts them into rules: read, never sent. Source: include/uapi/linux/netfilter/nf_tables_compat.h. */
import { be32, bytes, string } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

export const match = nest({
  name: attr('NFTA_MATCH_NAME', 1, string),
  revision: attr('NFTA_MATCH_REV', 2, be32),
  info: attr('NFTA_MATCH_INFO', 3, bytes),
})

export const target = nest({
  name: attr('NFTA_TARGET_NAME', 1, string),
  revision: attr('NFTA_TARGET_REV', 2, be32),
  info: attr('NFTA_TARGET_INFO', 3, bytes),
})
