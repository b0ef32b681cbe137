/** MACVLANs and macvtaps: further Ethernet addresses on a device. Source: include/uapi/linux/if_link.h, IFLA_MACVLAN_*; drivers/net/macvlan.c, macvlan_common_newlink(). */
import { mac } from '../../../bytes/address.js'
import { bytes, s32, u16, u32 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

/** `mode`: MACVLAN_MODE_*. `source` (16) is not among ports of ours. */
export const macvlanMode = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const

/** `ip link add link DEV name NAME type macvlan|macvtap mode private|vepa|bridge|passthru`. The mode can be changed later, but not to or from passthru. */
export const macvlan = nest({
  mode:           attr('IFLA_MACVLAN_MODE', 1, u32),
  flags:          attr('IFLA_MACVLAN_FLAGS', 2, u16),
  macaddrMode:    attr('IFLA_MACVLAN_MACADDR_MODE', 3, u32),
  macaddr:        attr('IFLA_MACVLAN_MACADDR', 4, mac),
  macaddrData:    attr('IFLA_MACVLAN_MACADDR_DATA', 5, bytes),
  macaddrCount:   attr('IFLA_MACVLAN_MACADDR_COUNT', 6, u32),
  bcQueueLen:     attr('IFLA_MACVLAN_BC_QUEUE_LEN', 7, u32),
  bcQueueLenUsed: attr('IFLA_MACVLAN_BC_QUEUE_LEN_USED', 8, u32),
  bcCutoff:       attr('IFLA_MACVLAN_BC_CUTOFF', 9, s32, '6.4'),
})
