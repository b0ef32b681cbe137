/** struct nfgenmsg and the numbers of nfnetlink. Source: include/uapi/linux/netfilter/nfnetlink.h, include/uapi/linux/netfilter.h. */
import { be16, be32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr } from '../attr.js'
import { word } from './word.js'

/** In front of every nfnetlink message. The members have C's names. */
export const nfgenmsg = struct('nfgenmsg', 4, { nfgen_family: [0, u8], version: [1, u8], res_id: [2, be16] })

/** Message types are `subsystem << 8 | message`. */
export const NFNL_SUBSYS_NFTABLES = 10
export const NFNL_MSG_BATCH_BEGIN = 0x10
export const NFNL_MSG_BATCH_END = 0x11

/** Multicast group of nf_tables events. */
export const NFNLGRP_NFTABLES = 7

/** Families as nft(8) writes them; NFPROTO_* on the wire. */
export const families = { unspec: 0, inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const
export type NfFamily = keyof typeof families | number
/** `inet`, or the number where nft has no word for it. */
export const nfFamily = word(u8, families)

/** Hooks of families inet, ip, ip6 and bridge; NF_INET_*, NF_BR_*. */
export const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4, ingress: 5 } as const

/** On NFNL_MSG_BATCH_BEGIN: refuse the batch with ERESTART unless the ruleset has this generation. */
export const batchTable = { genid: attr('NFNL_BATCH_GENID', 1, be32) }
