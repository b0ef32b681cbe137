/** What every link message has: struct ifinfomsg and the attributes that do not depend on the kind. Source: include/uapi/linux/{rtnetlink,if_link}.h. */
import { ip6, lladdr } from '../../bytes/address.js'
import { bytes, s32, string, u16, u32, u64, u8, type Codec } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr, list, nest } from '../attr.js'
import { ipv4Conf, ipv6Conf } from './devconf.js'

/** `flags` takes the values of those bits that `change` names (all where `change` is 0). */
export const ifinfomsg = struct('ifinfomsg', 16, { family: [0, u8], type: [2, u16], index: [4, s32], flags: [8, u32], change: [12, u32] })

/** Counters since the link was made. Source: struct rtnl_link_stats64; `rx_otherhost_dropped` (5.19) is left out so that older kernels can be read. */
export const linkStats64 = struct('rtnl_link_stats64', 192, {
  rxPackets: [0, u64], txPackets: [8, u64], rxBytes: [16, u64], txBytes: [24, u64], rxErrors: [32, u64], txErrors: [40, u64],
  rxDropped: [48, u64], txDropped: [56, u64], multicast: [64, u64], collisions: [72, u64],
  rxLengthErrors: [80, u64], rxOverErrors: [88, u64], rxCrcErrors: [96, u64], rxFrameErrors: [104, u64], rxFifoErrors: [112, u64], rxMissedErrors: [120, u64],
  txAbortedErrors: [128, u64], txCarrierErrors: [136, u64], txFifoErrors: [144, u64], txHeartbeatErrors: [152, u64], txWindowErrors: [160, u64],
  rxCompressed: [168, u64], txCompressed: [176, u64], rxNohandler: [184, u64],
})

/** Times in ms. Source: struct ifla_cacheinfo. */
export const ifCacheinfo = struct('ifla_cacheinfo', 16, { maxReasmLen: [0, u32], tstamp: [4, u32], reachableTime: [8, u32], retransTime: [12, u32] })

/** Text without NUL at its end: the kernel counts every byte as part of the alias, and only an empty attribute removes it. Source: net/core/dev.c, dev_set_alias(). */
export const alias: Codec<string> = {
  ...string, name: 'alias',
  encode: (w, value) => {
    if (value.includes('\0')) throw new RangeError('text holds a NUL character')
    w.bytes(Buffer.from(value, 'utf8'))
  },
}

/** IPv6 on a link. Only `addrGenMode` and `token` can be set. Source: IFLA_INET6_*; net/ipv6/addrconf.c, inet6_set_link_af(). */
export const inet6 = nest({
  flags:       attr('IFLA_INET6_FLAGS', 1, u32),
  conf:        attr('IFLA_INET6_CONF', 2, ipv6Conf),
  stats:       attr('IFLA_INET6_STATS', 3, bytes),
  cacheinfo:   attr('IFLA_INET6_CACHEINFO', 5, ifCacheinfo),
  icmp6stats:  attr('IFLA_INET6_ICMP6STATS', 6, bytes),
  token:       attr('IFLA_INET6_TOKEN', 7, ip6),
  addrGenMode: attr('IFLA_INET6_ADDR_GEN_MODE', 8, u8),
  raMtu:       attr('IFLA_INET6_RA_MTU', 9, u32),
})

/** IPv4 on a link. Source: IFLA_INET_*. */
export const inet = nest({ conf: attr('IFLA_INET_CONF', 1, ipv4Conf) })

/** The settings of each address family; the attribute's number is the family's. Not taken together with NLM_F_CREATE (EAFNOSUPPORT). */
export const afSpec = nest({ inet: attr('AF_INET', 2, inet), inet6: attr('AF_INET6', 10, inet6) })

/**
 * The attributes of a link but for IFLA_LINKINFO. Units: `txqlen` in packets, `mtu` and sizes in bytes.
 * `netNsPid` and `netNsFd` move the link into another namespace; `linkNetnsid` and `newNetnsid` are namespace ids as of `ip netns list-id`.
 */
export const common = {
  address:            attr('IFLA_ADDRESS', 1, lladdr),
  broadcast:          attr('IFLA_BROADCAST', 2, lladdr),
  ifname:             attr('IFLA_IFNAME', 3, string),
  mtu:                attr('IFLA_MTU', 4, u32),
  link:               attr('IFLA_LINK', 5, u32),
  qdisc:              attr('IFLA_QDISC', 6, string),
  stats:              attr('IFLA_STATS', 7, bytes),
  master:             attr('IFLA_MASTER', 10, u32),
  protinfo:           attr('IFLA_PROTINFO', 12, bytes),
  txqlen:             attr('IFLA_TXQLEN', 13, u32),
  map:                attr('IFLA_MAP', 14, bytes),
  operstate:          attr('IFLA_OPERSTATE', 16, u8),
  linkmode:           attr('IFLA_LINKMODE', 17, u8),
  netNsPid:           attr('IFLA_NET_NS_PID', 19, u32),
  ifalias:            attr('IFLA_IFALIAS', 20, alias),
  numVf:              attr('IFLA_NUM_VF', 21, u32),
  vfinfoList:         attr('IFLA_VFINFO_LIST', 22, bytes),
  stats64:            attr('IFLA_STATS64', 23, linkStats64),
  afSpec:             attr('IFLA_AF_SPEC', 26, afSpec),
  group:              attr('IFLA_GROUP', 27, u32),
  netNsFd:            attr('IFLA_NET_NS_FD', 28, u32),
  extMask:            attr('IFLA_EXT_MASK', 29, u32),
  promiscuity:        attr('IFLA_PROMISCUITY', 30, u32),
  numTxQueues:        attr('IFLA_NUM_TX_QUEUES', 31, u32),
  numRxQueues:        attr('IFLA_NUM_RX_QUEUES', 32, u32),
  carrier:            attr('IFLA_CARRIER', 33, u8),
  physPortId:         attr('IFLA_PHYS_PORT_ID', 34, bytes),
  carrierChanges:     attr('IFLA_CARRIER_CHANGES', 35, u32),
  physSwitchId:       attr('IFLA_PHYS_SWITCH_ID', 36, bytes),
  linkNetnsid:        attr('IFLA_LINK_NETNSID', 37, s32),
  physPortName:       attr('IFLA_PHYS_PORT_NAME', 38, string),
  protoDown:          attr('IFLA_PROTO_DOWN', 39, u8),
  gsoMaxSegs:         attr('IFLA_GSO_MAX_SEGS', 40, u32),
  gsoMaxSize:         attr('IFLA_GSO_MAX_SIZE', 41, u32),
  pad:                attr('IFLA_PAD', 42, bytes),
  xdp:                attr('IFLA_XDP', 43, bytes),
  event:              attr('IFLA_EVENT', 44, u32),
  newNetnsid:         attr('IFLA_NEW_NETNSID', 45, s32),
  targetNetnsid:      attr('IFLA_TARGET_NETNSID', 46, s32),
  carrierUpCount:     attr('IFLA_CARRIER_UP_COUNT', 47, u32),
  carrierDownCount:   attr('IFLA_CARRIER_DOWN_COUNT', 48, u32),
  newIfindex:         attr('IFLA_NEW_IFINDEX', 49, s32),
  minMtu:             attr('IFLA_MIN_MTU', 50, u32),
  maxMtu:             attr('IFLA_MAX_MTU', 51, u32),
  propList:           attr('IFLA_PROP_LIST', 52, list('IFLA_ALT_IFNAME', 53, string)),
  altIfname:          attr('IFLA_ALT_IFNAME', 53, string),
  permAddress:        attr('IFLA_PERM_ADDRESS', 54, lladdr),
  protoDownReason:    attr('IFLA_PROTO_DOWN_REASON', 55, bytes),
  parentDevName:      attr('IFLA_PARENT_DEV_NAME', 56, string),
  parentDevBusName:   attr('IFLA_PARENT_DEV_BUS_NAME', 57, string),
  groMaxSize:         attr('IFLA_GRO_MAX_SIZE', 58, u32),
  tsoMaxSize:         attr('IFLA_TSO_MAX_SIZE', 59, u32),
  tsoMaxSegs:         attr('IFLA_TSO_MAX_SEGS', 60, u32),
  allmulti:           attr('IFLA_ALLMULTI', 61, u32),
  devlinkPort:        attr('IFLA_DEVLINK_PORT', 62, bytes, '6.2'),
  gsoIpv4MaxSize:     attr('IFLA_GSO_IPV4_MAX_SIZE', 63, u32, '6.3'),
  groIpv4MaxSize:     attr('IFLA_GRO_IPV4_MAX_SIZE', 64, u32, '6.3'),
  dpllPin:            attr('IFLA_DPLL_PIN', 65, bytes, '6.7'),
  maxPacingOffloadHorizon: attr('IFLA_MAX_PACING_OFFLOAD_HORIZON', 66, bytes, '6.13'),
  netnsImmutable:     attr('IFLA_NETNS_IMMUTABLE', 67, u8, '6.15'),
  headroom:           attr('IFLA_HEADROOM', 68, u16, '6.18'),
  tailroom:           attr('IFLA_TAILROOM', 69, u16, '6.18'),
}
