/**
 * `netwright/rtnl`: rtnetlink by itself. Open a channel (or bring a socket of the npm package `netlink`), build requests, send them.
 *
 *     const channel = await openChannel({ protocol: NETLINK_ROUTE })
 *     await call(channel, link.create({ ifname: 'br0', flags: IFF_UP, change: IFF_UP, linkinfo: { kind: 'bridge' } }, 'br0'))
 *     for (const { ifname, mtu } of await dumpLinks(channel, { kind: 'bridge' })) console.log(ifname, mtu)
 *     await channel.close()
 */
export { NetwrightError, InputError, KernelError, DecodeError } from '../../errors.js'
export { openChannel } from '../channel.js'
export { fromNetlink, type NetlinkSocket } from '../from-netlink.js'
export { monitor, type MonitorEvent, type MonitorGroup, type MonitorOptions } from '../monitor.js'
export { call, dump, get, send, type Outcome } from '../call.js'
export { isErrno, errnoName } from '../errno.js'
export { NETLINK_ROUTE, type Message } from '../header.js'
export type { Family, MessageOf } from '../family.js'
export type { Request } from '../request.js'
export type { Reply, Transport } from '../transport.js'
export { attr, list, nest, select, type Table, type TableValue, type Unknown } from '../attr.js'
export { family } from '../family.js'
export * from './link.js'
export * from './addr.js'
export * from './route.js'
export * from './neigh.js'
export * from './groups.js'
export { bridge } from './kind/bridge.js'
export { bridgePort } from './kind/bridge-port.js'
export { bond, BOND_MODES } from './kind/bond.js'
export { vlan } from './kind/vlan.js'
export { veth, type VethPeer } from './kind/veth.js'
export { tun } from './kind/tun.js'
export { kinds, slaveKinds } from './kind/kinds.js'
