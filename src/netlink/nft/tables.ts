/** Every table, struct and number of nf_tables that is declared here, for scripts/check-uapi to prove against the kernel's headers. */
import type { Table } from '../attr.js'
import type { StructNames } from '../rtnl/tables.js'
import { chain, hook } from './chain.js'
import { data, register, verdict, verdictRegister, verdicts } from './data.js'
import { expr, expressions } from './expr.js'
import { ctDirections, ctKeys, ctStates, ctStatus } from './expr/ct.js'
import { fibFlags } from './expr/fib.js'
import { lookupInvert } from './expr/lookup.js'
import { metaKeys } from './expr/meta.js'
import { natFlags } from './expr/nat.js'
import { icmpxCodes } from './expr/reject.js'
import { gen } from './gen.js'
import * as header from './header.js'
import { compat, rule } from './rule.js'
import { element, elementFlags, elements, set, setDescription, setField, setFlags, verdictDataType } from './set.js'
import { NFT_TABLE_F_DORMANT, NFT_TABLE_F_OWNER, table } from './table.js'

/** The headers that declare them. */
export const headers: readonly string[] = [
  'linux/netfilter.h', 'linux/netfilter/nfnetlink.h', 'linux/netfilter/nf_tables.h', 'linux/netfilter/nf_tables_compat.h',
  'linux/netfilter/nf_conntrack_common.h', 'linux/netfilter/nf_conntrack_tuple_common.h', 'linux/netfilter/nf_nat.h',
]

const inside = Object.fromEntries(Object.entries(expressions).map(([name, codec]) => [`nft ${name}`, codec.table]))

export const tables: Readonly<Record<string, Table>> = {
  'nft batch': header.batchTable, 'nft table': table.table, 'nft chain': chain.table, 'nft hook': hook.table, 'nft rule': rule.table, 'nft rule compat': compat.table,
  'nft set': set.table, 'nft set description': setDescription.table, 'nft set field': setField.table, 'nft element': element.table, 'nft elements': elements.table,
  'nft gen': gen.table, 'nft expression': expr.table, 'nft data': data.table, 'nft verdict': verdict.table, ...inside,
}

export const structs: readonly StructNames[] = [{ struct: header.nfgenmsg }]

const { families, hooks } = header

/** Numbers by their names in C. */
export const constants: Readonly<Record<string, number>> = {
  NFNL_SUBSYS_NFTABLES: header.NFNL_SUBSYS_NFTABLES, NFNL_MSG_BATCH_BEGIN: header.NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END: header.NFNL_MSG_BATCH_END, NFNLGRP_NFTABLES: header.NFNLGRP_NFTABLES,
  NFPROTO_UNSPEC: families.unspec, NFPROTO_INET: families.inet, NFPROTO_IPV4: families.ip, NFPROTO_ARP: families.arp, NFPROTO_NETDEV: families.netdev, NFPROTO_BRIDGE: families.bridge, NFPROTO_IPV6: families.ip6,
  NF_INET_PRE_ROUTING: hooks.prerouting, NF_INET_LOCAL_IN: hooks.input, NF_INET_FORWARD: hooks.forward, NF_INET_LOCAL_OUT: hooks.output, NF_INET_POST_ROUTING: hooks.postrouting, NF_INET_INGRESS: hooks.ingress,
  ...messageTypes(), ...flags(), ...keys(),
  NFT_REG_VERDICT: verdictRegister, NFT_REG_1: register(0), NFT_REG_2: register(16), NFT_REG_3: register(32), NFT_REG_4: register(48), NFT_REG32_01: register(4), NFT_REG32_05: register(20), NFT_REG32_15: register(60),
  NF_DROP: verdicts.drop, NF_ACCEPT: verdicts.accept, NF_STOLEN: verdicts.stolen, NF_QUEUE: verdicts.queue, NF_REPEAT: verdicts.repeat,
  '(unsigned)NFT_CONTINUE': verdicts.continue, '(unsigned)NFT_BREAK': verdicts.break, '(unsigned)NFT_JUMP': verdicts.jump, '(unsigned)NFT_GOTO': verdicts.goto, '(unsigned)NFT_RETURN': verdicts.return,
  NFT_DATA_VERDICT: verdictDataType,
  NFT_REJECT_ICMPX_NO_ROUTE: icmpxCodes['no-route'], NFT_REJECT_ICMPX_PORT_UNREACH: icmpxCodes['port-unreachable'], NFT_REJECT_ICMPX_HOST_UNREACH: icmpxCodes['host-unreachable'], NFT_REJECT_ICMPX_ADMIN_PROHIBITED: icmpxCodes['admin-prohibited'],
}

function messageTypes (): Record<string, number> {
  const found: Record<string, number> = { NFT_MSG_NEWGEN: gen.types.new, NFT_MSG_GETGEN: gen.types.get }
  for (const { name, types } of [table, chain, rule, set, elements]) {
    for (const verb of ['new', 'get', 'del'] as const) found[`NFT_MSG_${verb.toUpperCase()}${name}`] = types[verb]
  }
  return found
}

function flags (): Record<string, number> {
  return {
    NFT_TABLE_F_DORMANT, NFT_TABLE_F_OWNER,
    ...named('NFT_SET_', setFlags), NFT_SET_ELEM_INTERVAL_END: elementFlags.intervalEnd, NFT_SET_ELEM_CATCHALL: elementFlags.catchall,
    NFT_LOOKUP_F_INV: lookupInvert, ...named('NFTA_FIB_F_', fibFlags),
    NF_NAT_RANGE_MAP_IPS: natFlags.ips, NF_NAT_RANGE_PROTO_SPECIFIED: natFlags.ports, NF_NAT_RANGE_PROTO_RANDOM: natFlags.random, NF_NAT_RANGE_PERSISTENT: natFlags.persistent, NF_NAT_RANGE_PROTO_RANDOM_FULLY: natFlags['fully-random'],
    NF_CT_STATE_INVALID_BIT: ctStates.invalid, 'NF_CT_STATE_BIT(IP_CT_ESTABLISHED)': ctStates.established, 'NF_CT_STATE_BIT(IP_CT_RELATED)': ctStates.related, 'NF_CT_STATE_BIT(IP_CT_NEW)': ctStates.new, NF_CT_STATE_UNTRACKED_BIT: ctStates.untracked,
    ...named('IPS_', ctStatus, { snat: 'SRC_NAT', dnat: 'DST_NAT' }), ...named('IP_CT_DIR_', ctDirections),
  }
}

function keys (): Record<string, number> {
  return {
    ...named('NFT_META_', metaKeys, { length: 'LEN', random: 'PRANDOM', ibrname: 'BRI_IIFNAME', obrname: 'BRI_OIFNAME', ibrpvid: 'BRI_IIFPVID', ibrvproto: 'BRI_IIFVPROTO', time: 'TIME_NS', day: 'TIME_DAY', hour: 'TIME_HOUR' }),
    ...named('NFT_CT_', ctKeys, { l3proto: 'L3PROTOCOL', saddr: 'SRC', daddr: 'DST', proto: 'PROTOCOL', label: 'LABELS', packets: 'PKTS', 'ip saddr': 'SRC_IP', 'ip daddr': 'DST_IP', 'ip6 saddr': 'SRC_IP6', 'ip6 daddr': 'DST_IP6' }),
  }
}

/** nft's words as C spells them: a prefix and capitals, unless `names` says otherwise. */
function named (prefix: string, words: Readonly<Record<string, number>>, names: Readonly<Record<string, string>> = {}): Record<string, number> {
  return Object.fromEntries(Object.entries(words).map(([word, number]) => [`${prefix}${names[word] ?? word.replaceAll('-', '_').toUpperCase()}`, number]))
}
