/** Numbers of ctnetlink. Source: include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h. */

export const NFNL_SUBSYS_CTNETLINK = 1

/** Message types are `subsystem << 8 | message`. */
export const IPCTNL_MSG_CT_NEW = 0
export const IPCTNL_MSG_CT_GET = 1
export const IPCTNL_MSG_CT_DELETE = 2
export const IPCTNL_MSG_CT_GET_STATS = 5
