/** Bonds: several links as one. Source: include/uapi/linux/if_link.h, IFLA_BOND_*; drivers/net/bonding/bond_netlink.c. */
import { mac } from '../../../bytes/address.js'
import { bytes, u16, u32, u8 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

/** By their numbers. Source: include/uapi/linux/if_bonding.h, BOND_MODE_*. */
export const BOND_MODES = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'] as const

/** `ip link add NAME type bond mode MODE miimon MS`. Times in milliseconds; `activeSlave` and `primary` are indexes. */
export const bond = nest({
  mode:            attr('IFLA_BOND_MODE', 1, u8),
  activeSlave:     attr('IFLA_BOND_ACTIVE_SLAVE', 2, u32),
  miimon:          attr('IFLA_BOND_MIIMON', 3, u32),
  updelay:         attr('IFLA_BOND_UPDELAY', 4, u32),
  downdelay:       attr('IFLA_BOND_DOWNDELAY', 5, u32),
  useCarrier:      attr('IFLA_BOND_USE_CARRIER', 6, u8),
  arpInterval:     attr('IFLA_BOND_ARP_INTERVAL', 7, u32),
  arpIpTarget:     attr('IFLA_BOND_ARP_IP_TARGET', 8, bytes),
  arpValidate:     attr('IFLA_BOND_ARP_VALIDATE', 9, u32),
  arpAllTargets:   attr('IFLA_BOND_ARP_ALL_TARGETS', 10, u32),
  primary:         attr('IFLA_BOND_PRIMARY', 11, u32),
  primaryReselect: attr('IFLA_BOND_PRIMARY_RESELECT', 12, u8),
  failOverMac:     attr('IFLA_BOND_FAIL_OVER_MAC', 13, u8),
  xmitHashPolicy:  attr('IFLA_BOND_XMIT_HASH_POLICY', 14, u8),
  resendIgmp:      attr('IFLA_BOND_RESEND_IGMP', 15, u32),
  numPeerNotif:    attr('IFLA_BOND_NUM_PEER_NOTIF', 16, u8),
  allSlavesActive: attr('IFLA_BOND_ALL_SLAVES_ACTIVE', 17, u8),
  minLinks:        attr('IFLA_BOND_MIN_LINKS', 18, u32),
  lpInterval:      attr('IFLA_BOND_LP_INTERVAL', 19, u32),
  packetsPerSlave: attr('IFLA_BOND_PACKETS_PER_SLAVE', 20, u32),
  adLacpRate:      attr('IFLA_BOND_AD_LACP_RATE', 21, u8),
  adSelect:        attr('IFLA_BOND_AD_SELECT', 22, u8),
  adInfo:          attr('IFLA_BOND_AD_INFO', 23, bytes),
  adActorSysPrio:  attr('IFLA_BOND_AD_ACTOR_SYS_PRIO', 24, u16),
  adUserPortKey:   attr('IFLA_BOND_AD_USER_PORT_KEY', 25, u16),
  adActorSystem:   attr('IFLA_BOND_AD_ACTOR_SYSTEM', 26, mac),
  tlbDynamicLb:    attr('IFLA_BOND_TLB_DYNAMIC_LB', 27, u8),
  peerNotifDelay:  attr('IFLA_BOND_PEER_NOTIF_DELAY', 28, u32),
  adLacpActive:    attr('IFLA_BOND_AD_LACP_ACTIVE', 29, u8),
  missedMax:       attr('IFLA_BOND_MISSED_MAX', 30, u8),
  nsIp6Target:     attr('IFLA_BOND_NS_IP6_TARGET', 31, bytes),
})
