/** Loads what is known about a packet beside its bytes: `iifname`, `nfproto`, `l4proto`. Source: NFTA_META_*. */
import { be32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'
import { word } from '../word.js'

/** enum nft_meta_keys. Names of interfaces and kinds are 16 bytes, NUL-padded; nfproto and l4proto are one byte. */
export const metaKeys = {
  length: 0, protocol: 1, priority: 2, mark: 3, iif: 4, oif: 5, iifname: 6, oifname: 7, iiftype: 8, oiftype: 9, skuid: 10, skgid: 11,
  nftrace: 12, rtclassid: 13, secmark: 14, nfproto: 15, l4proto: 16, ibrname: 17, obrname: 18, pkttype: 19, cpu: 20, iifgroup: 21,
  oifgroup: 22, cgroup: 23, random: 24, secpath: 25, iifkind: 26, oifkind: 27, ibrpvid: 28, ibrvproto: 29, time: 30, day: 31, hour: 32,
  sdif: 33, sdifname: 34,
} as const

export const meta = nest({
  dreg: attr('NFTA_META_DREG', 1, be32),
  key: attr('NFTA_META_KEY', 2, word(be32, metaKeys)),
  sreg: attr('NFTA_META_SREG', 3, be32),
})
