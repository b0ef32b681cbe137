/** Multicast groups of rtnetlink and nfnetlink. Source: include/uapi/linux/rtnetlink.h, enum rtnetlink_groups; linux/netfilter/nfnetlink.h, enum nfnetlink_groups. */

export const RTNLGRP_LINK = 1
export const RTNLGRP_NEIGH = 3
export const RTNLGRP_TC = 4
export const RTNLGRP_IPV4_IFADDR = 5
export const RTNLGRP_IPV4_ROUTE = 7
export const RTNLGRP_IPV4_RULE = 8
export const RTNLGRP_IPV6_IFADDR = 9
export const RTNLGRP_IPV6_ROUTE = 11
export const RTNLGRP_IPV6_IFINFO = 12
export const RTNLGRP_IPV6_RULE = 19
export const RTNLGRP_IPV4_NETCONF = 24
export const RTNLGRP_IPV6_NETCONF = 25
export const RTNLGRP_MDB = 26
export const RTNLGRP_NSID = 28
export const RTNLGRP_NEXTHOP = 32
export const RTNLGRP_BRVLAN = 33
export const NFNLGRP_NFTABLES = 7
