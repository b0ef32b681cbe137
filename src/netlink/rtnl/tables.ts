/** Every table, struct and number of rtnetlink that is declared here, for scripts/check-uapi to prove against the kernel's headers. */
import type { Struct } from '../../bytes/struct.js'
import { extack } from '../ack.js'
import type { Table } from '../attr.js'
import * as header from '../header.js'
import * as addr from './addr.js'
import * as groups from './groups.js'
import { ifCacheinfo, ifinfomsg, linkStats64 } from './ifinfo.js'
import { bond } from './kind/bond.js'
import { bridge, boolopt } from './kind/bridge.js'
import { bridgePort } from './kind/bridge-port.js'
import { macvlan, macvlanMode } from './kind/macvlan.js'
import { tun } from './kind/tun.js'
import { veth } from './kind/veth.js'
import { vlan, vlanFlags } from './kind/vlan.js'
import * as link from './link.js'
import { brMdbEntry, brPortMsg, mdb } from './mdb.js'
import * as neigh from './neigh.js'
import * as netconf from './netconf.js'
import { ndtmsg, neightbl, setNeighTable } from './neightbl.js'
import { hopTable, rtnexthop } from './nexthop.js'
import * as qdisc from './qdisc.js'
import * as nsid from './nsid.js'
import * as route from './route.js'
import { FR_ACT_TO_TBL, fibRuleHdr, rule } from './rule.js'

/** A struct with its members' names in C: `prefix` and our name in snake case, unless `names` says otherwise. `grows`: newer kernels append members. */
export interface StructNames { readonly struct: Pick<Struct<unknown>, 'cname' | 'size' | 'members'>, readonly prefix?: string, readonly names?: Readonly<Record<string, string>>, readonly grows?: true }

/** The headers that declare them. */
export const headers: readonly string[] = ['linux/netlink.h', 'linux/rtnetlink.h', 'linux/if.h', 'linux/if_link.h', 'linux/if_addr.h', 'linux/if_bridge.h', 'linux/neighbour.h', 'linux/netconf.h', 'linux/pkt_sched.h', 'linux/veth.h', 'linux/ip.h', 'linux/ipv6.h', 'linux/net_namespace.h', 'linux/fib_rules.h', 'linux/netfilter/nfnetlink.h']

export const tables: Readonly<Record<string, Table>> = {
  extack, link: link.link.table, addr: addr.addr.table, route: route.route.table, neigh: neigh.neigh.table, netconf: netconf.netconf.table, hop: hopTable,
  bridge: bridge.table, bridgePort: bridgePort.table, veth: veth.table, tun: tun.table, vlan: vlan.table, bond: bond.table, macvlan: macvlan.table, nsid: nsid.nsid.table,
  mdb: mdb.table, neightbl: neightbl.table, qdisc: qdisc.qdisc.table, rule: rule.table,
}

export const structs: readonly StructNames[] = [
  { struct: header.nlmsghdr, prefix: 'nlmsg_' },
  { struct: ifinfomsg, prefix: 'ifi_' },
  { struct: linkStats64, grows: true },
  { struct: ifCacheinfo },
  { struct: vlanFlags },
  { struct: boolopt, names: { value: 'optval', mask: 'optmask' } },
  { struct: addr.ifaddrmsg, prefix: 'ifa_', names: { shortFlags: 'ifa_flags' } },
  { struct: addr.ifaCacheinfo, names: { prefered: 'ifa_prefered', valid: 'ifa_valid' } },
  { struct: route.rtmsg, prefix: 'rtm_', names: { shortTable: 'rtm_table' } },
  { struct: route.rtaCacheinfo, prefix: 'rta_' },
  { struct: nsid.rtgenmsg, prefix: 'rtgen_' },
  { struct: fibRuleHdr, names: { shortTable: 'table' } },
  { struct: rtnexthop, prefix: 'rtnh_' },
  { struct: netconf.netconfmsg, prefix: 'ncm_' },
  { struct: neigh.ndmsg, prefix: 'ndm_' },
  { struct: neigh.ndaCacheinfo, prefix: 'ndm_' },
  { struct: brPortMsg }, { struct: brMdbEntry },
  { struct: ndtmsg, prefix: 'ndtm_' },
  { struct: qdisc.tcmsg, prefix: 'tcm_' },
]

/** Numbers by their names in C. */
export const constants: Readonly<Record<string, number>> = {
  ...numbers(header), ...numbers(link), ...numbers(addr), ...numbers(route), ...numbers(neigh), ...numbers(groups), ...numbers(qdisc),
  RTM_NEWLINK: link.link.types.new, RTM_DELLINK: link.link.types.del, RTM_GETLINK: link.link.types.get,
  RTM_NEWADDR: addr.addr.types.new, RTM_DELADDR: addr.addr.types.del, RTM_GETADDR: addr.addr.types.get,
  RTM_NEWROUTE: route.route.types.new, RTM_DELROUTE: route.route.types.del, RTM_GETROUTE: route.route.types.get,
  FR_ACT_TO_TBL, RTM_NEWRULE: rule.types.new, RTM_DELRULE: rule.types.del, RTM_GETRULE: rule.types.get,
  RTM_NEWNSID: nsid.nsid.types.new, RTM_DELNSID: nsid.nsid.types.del, RTM_GETNSID: nsid.nsid.types.get,
  RTM_NEWNEIGH: neigh.neigh.types.new, RTM_DELNEIGH: neigh.neigh.types.del, RTM_GETNEIGH: neigh.neigh.types.get,
  RTM_NEWMDB: mdb.types.new, RTM_DELMDB: mdb.types.del, RTM_GETMDB: mdb.types.get,
  RTM_NEWNEIGHTBL: neightbl.types.new, RTM_GETNEIGHTBL: neightbl.types.get, RTM_SETNEIGHTBL: setNeighTable({}, '').type,
  MACVLAN_MODE_PRIVATE: macvlanMode.private, MACVLAN_MODE_VEPA: macvlanMode.vepa, MACVLAN_MODE_BRIDGE: macvlanMode.bridge, MACVLAN_MODE_PASSTHRU: macvlanMode.passthru,
  RTM_NEWQDISC: qdisc.qdisc.types.new, RTM_DELQDISC: qdisc.qdisc.types.del, RTM_GETQDISC: qdisc.qdisc.types.get,
}

/** A module's exports that are numbers under a name as C writes it. DEFAULT_LINK_GROUP is the kernel's INIT_NETDEV_GROUP, which no header shows to programs. */
function numbers (module: object): Record<string, number> {
  const found: Record<string, number> = {}
  const named: [string, unknown][] = Object.entries(module)
  for (const [name, value] of named) {
    if (typeof value === 'number' && /^[A-Z][A-Z0-9_]*$/.test(name) && name !== 'DEFAULT_LINK_GROUP') found[name] = value
  }
  return found
}
