/** TUN and TAP devices, as read back: they are made by ioctl on /dev/net/tun. Source: include/uapi/linux/if_link.h, IFLA_TUN_*; drivers/net/tun.c, tun_fill_info(). */
import { u32, u8 } from '../../../bytes/codec.js'
import { attr, nest } from '../../attr.js'

/** What `ip -d link show` says about a TAP. `type`: 1 is TUN, 2 is TAP. The number of queues is there with `multiQueue` only. */
export const tun = nest({
  owner:             attr('IFLA_TUN_OWNER', 1, u32),
  group:             attr('IFLA_TUN_GROUP', 2, u32),
  type:              attr('IFLA_TUN_TYPE', 3, u8),
  pi:                attr('IFLA_TUN_PI', 4, u8),
  vnetHdr:           attr('IFLA_TUN_VNET_HDR', 5, u8),
  persist:           attr('IFLA_TUN_PERSIST', 6, u8),
  multiQueue:        attr('IFLA_TUN_MULTI_QUEUE', 7, u8),
  numQueues:         attr('IFLA_TUN_NUM_QUEUES', 8, u32),
  numDisabledQueues: attr('IFLA_TUN_NUM_DISABLED_QUEUES', 9, u32),
})
