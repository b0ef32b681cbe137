/** The link kinds whose data has a table. Any other kind can be made and read too; its data stays bytes. */
import { bond } from './bond.js'
import { bridgePort } from './bridge-port.js'
import { bridge } from './bridge.js'
import { macvlan } from './macvlan.js'
import { tun } from './tun.js'
import { veth } from './veth.js'
import { vlan } from './vlan.js'

/** IFLA_INFO_DATA by IFLA_INFO_KIND. A new kind is one file and one line here. */
export const kinds = { bridge, veth, tun, vlan, bond, macvlan, macvtap: macvlan }

/** IFLA_INFO_SLAVE_DATA by IFLA_INFO_SLAVE_KIND: what the master keeps about its port. */
export const slaveKinds = { bridge: bridgePort }
