/** Bridges. Source: include/uapi/linux/if_link.h, IFLA_BR_*; net/bridge/br_netlink.c. */
import { mac } from '../../../bytes/address.js'
import { be16, bytes, u16, u32, u64, u8, type Codec } from '../../../bytes/codec.js'
import { struct } from '../../../bytes/struct.js'
import { attr, nest } from '../../attr.js'

/** A bridge or root id: priority (network order), then MAC. `8000.525400123456`, as brctl and ip print it. Source: struct ifla_bridge_id. */
export const bridgeId: Codec<string> & { readonly size: 8 } = {
  name: 'bridge id', size: 8,
  encode: (w, value) => {
    if (!/^[0-9a-f]{1,4}\.[0-9a-f]{12}$/i.test(value)) throw new RangeError(`${JSON.stringify(value)} is not a bridge id`)
    const [priority = '', address = ''] = value.split('.')
    w.be16(Number.parseInt(priority, 16)); w.bytes(Buffer.from(address, 'hex'))
  },
  decode: (data) => `${be16.decode(data).toString(16).padStart(4, '0')}.${data.subarray(2, 8).toString('hex')}`,
}

/** Boolean options as bits: those of `mask` are to take the value in `value`. BR_BOOLOPT_*. */
export const boolopt = struct('br_boolopt_multi', 8, { value: [0, u32], mask: [4, u32] })

/**
 * `ip link add NAME type bridge …`. Units: every time is in hundredths of a second (clock_t, USER_HZ = 100); what is read back
 * was rounded to jiffies, so 3125 may come back as 3124. Send only what is asked for: `vlanFiltering: 0` is ENOTSUP
 * where VLANs are not built in. Timers, ids and counters are read only.
 */
export const bridge = nest({
  forwardDelay:              attr('IFLA_BR_FORWARD_DELAY', 1, u32),
  helloTime:                 attr('IFLA_BR_HELLO_TIME', 2, u32),
  maxAge:                    attr('IFLA_BR_MAX_AGE', 3, u32),
  ageingTime:                attr('IFLA_BR_AGEING_TIME', 4, u32),
  stpState:                  attr('IFLA_BR_STP_STATE', 5, u32),
  priority:                  attr('IFLA_BR_PRIORITY', 6, u16),
  vlanFiltering:             attr('IFLA_BR_VLAN_FILTERING', 7, u8),
  vlanProtocol:              attr('IFLA_BR_VLAN_PROTOCOL', 8, be16),
  groupFwdMask:              attr('IFLA_BR_GROUP_FWD_MASK', 9, u16),
  rootId:                    attr('IFLA_BR_ROOT_ID', 10, bridgeId),
  bridgeId:                  attr('IFLA_BR_BRIDGE_ID', 11, bridgeId),
  rootPort:                  attr('IFLA_BR_ROOT_PORT', 12, u16),
  rootPathCost:              attr('IFLA_BR_ROOT_PATH_COST', 13, u32),
  topologyChange:            attr('IFLA_BR_TOPOLOGY_CHANGE', 14, u8),
  topologyChangeDetected:    attr('IFLA_BR_TOPOLOGY_CHANGE_DETECTED', 15, u8),
  helloTimer:                attr('IFLA_BR_HELLO_TIMER', 16, u64),
  tcnTimer:                  attr('IFLA_BR_TCN_TIMER', 17, u64),
  topologyChangeTimer:       attr('IFLA_BR_TOPOLOGY_CHANGE_TIMER', 18, u64),
  gcTimer:                   attr('IFLA_BR_GC_TIMER', 19, u64),
  groupAddr:                 attr('IFLA_BR_GROUP_ADDR', 20, mac),
  fdbFlush:                  attr('IFLA_BR_FDB_FLUSH', 21, bytes),
  mcastRouter:               attr('IFLA_BR_MCAST_ROUTER', 22, u8),
  mcastSnooping:             attr('IFLA_BR_MCAST_SNOOPING', 23, u8),
  mcastQueryUseIfaddr:       attr('IFLA_BR_MCAST_QUERY_USE_IFADDR', 24, u8),
  mcastQuerier:              attr('IFLA_BR_MCAST_QUERIER', 25, u8),
  mcastHashElasticity:       attr('IFLA_BR_MCAST_HASH_ELASTICITY', 26, u32),
  mcastHashMax:              attr('IFLA_BR_MCAST_HASH_MAX', 27, u32),
  mcastLastMemberCnt:        attr('IFLA_BR_MCAST_LAST_MEMBER_CNT', 28, u32),
  mcastStartupQueryCnt:      attr('IFLA_BR_MCAST_STARTUP_QUERY_CNT', 29, u32),
  mcastLastMemberIntvl:      attr('IFLA_BR_MCAST_LAST_MEMBER_INTVL', 30, u64),
  mcastMembershipIntvl:      attr('IFLA_BR_MCAST_MEMBERSHIP_INTVL', 31, u64),
  mcastQuerierIntvl:         attr('IFLA_BR_MCAST_QUERIER_INTVL', 32, u64),
  mcastQueryIntvl:           attr('IFLA_BR_MCAST_QUERY_INTVL', 33, u64),
  mcastQueryResponseIntvl:   attr('IFLA_BR_MCAST_QUERY_RESPONSE_INTVL', 34, u64),
  mcastStartupQueryIntvl:    attr('IFLA_BR_MCAST_STARTUP_QUERY_INTVL', 35, u64),
  nfCallIptables:            attr('IFLA_BR_NF_CALL_IPTABLES', 36, u8),
  nfCallIp6tables:           attr('IFLA_BR_NF_CALL_IP6TABLES', 37, u8),
  nfCallArptables:           attr('IFLA_BR_NF_CALL_ARPTABLES', 38, u8),
  vlanDefaultPvid:           attr('IFLA_BR_VLAN_DEFAULT_PVID', 39, u16),
  pad:                       attr('IFLA_BR_PAD', 40, bytes),
  vlanStatsEnabled:          attr('IFLA_BR_VLAN_STATS_ENABLED', 41, u8),
  mcastStatsEnabled:         attr('IFLA_BR_MCAST_STATS_ENABLED', 42, u8),
  mcastIgmpVersion:          attr('IFLA_BR_MCAST_IGMP_VERSION', 43, u8),
  mcastMldVersion:           attr('IFLA_BR_MCAST_MLD_VERSION', 44, u8),
  vlanStatsPerPort:          attr('IFLA_BR_VLAN_STATS_PER_PORT', 45, u8),
  multiBoolopt:              attr('IFLA_BR_MULTI_BOOLOPT', 46, boolopt),
  mcastQuerierState:         attr('IFLA_BR_MCAST_QUERIER_STATE', 47, bytes),
  fdbNLearned:               attr('IFLA_BR_FDB_N_LEARNED', 48, u32, '6.7'),
  fdbMaxLearned:             attr('IFLA_BR_FDB_MAX_LEARNED', 49, u32, '6.7'),
})
