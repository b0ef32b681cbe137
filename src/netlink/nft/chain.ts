/** Chains. Source: include/uapi/linux/netfilter/nf_tables.h, NFTA_CHAIN_*, NFTA_HOOK_*. */
import { be32, be64, string, type Codec } from '../../bytes/codec.js'
import { attr, list, nest } from '../attr.js'
import { verdictCode } from './data.js'
import { counterTable } from './expr/counter.js'
import { nftObject } from './message.js'
import { userdata } from './userdata.js'

/** A signed number in network order: priorities are -400 to 400 and beyond. */
export const sbe32: Codec<number> = { name: 'sbe32', size: 4, encode: (w, value) => { be32.encode(w, value >>> 0) }, decode: (data) => be32.decode(data) | 0 }

/** Where a base chain sits. `number` depends on the family: `hooks` of header.ts for inet, ip, ip6 and bridge. */
export const hook = nest({
  number: attr('NFTA_HOOK_HOOKNUM', 1, be32),
  priority: attr('NFTA_HOOK_PRIORITY', 2, sbe32),
  dev: attr('NFTA_HOOK_DEV', 3, string),
  devs: attr('NFTA_HOOK_DEVS', 4, list('NFTA_DEVICE_NAME', 1, string)),
})

/** `nft add chain FAMILY TABLE NAME { type … hook … priority …; policy …; }`. */
export const chain = nftObject('CHAIN', { new: 3, get: 4, del: 5 }, {
  table: attr('NFTA_CHAIN_TABLE', 1, string),
  handle: attr('NFTA_CHAIN_HANDLE', 2, be64),
  name: attr('NFTA_CHAIN_NAME', 3, string),
  hook: attr('NFTA_CHAIN_HOOK', 4, hook),
  policy: attr('NFTA_CHAIN_POLICY', 5, verdictCode),
  use: attr('NFTA_CHAIN_USE', 6, be32),
  type: attr('NFTA_CHAIN_TYPE', 7, string),
  counters: attr('NFTA_CHAIN_COUNTERS', 8, nest(counterTable)),
  flags: attr('NFTA_CHAIN_FLAGS', 10, be32),
  id: attr('NFTA_CHAIN_ID', 11, be32),
  userdata: attr('NFTA_CHAIN_USERDATA', 12, userdata),
}, ({ table, name }) => [table, name])
