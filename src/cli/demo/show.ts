/** What stands: a drawing, and what the verbs print of it. */
import type { Lease, NetworkInfo, Port } from '../../index.js'
import type { Context } from '../command.js'
import { leaseTable } from '../print/leases.js'
import { networkInfo, networkTable } from '../print/network.js'
import { picture } from './picture.js'
import { internet } from './stage.js'
import type { Teller } from './teller.js'

export interface Sight {
  readonly networks: readonly NetworkInfo[]
  readonly info: NetworkInfo
  readonly port: Port
  readonly leases: readonly Lease[]
  /** The guest's address and its gateway's. */
  readonly ip: string
  readonly gateway: string
}

/** Shows it to people, or as one line of JSON. */
export function show (context: Context, teller: Teller, { networks, info, port, leases, ip, gateway }: Sight): void {
  if (context.json) {
    context.data({ networks, port, leases })
    return
  }
  teller.heading('What stands now')
  teller.say('', ...picture({
    guest: { dev: 'eth0', ip },
    host: { port: port.dev, bridge: info.bridge, gateway, uplink: 'wan0', ip: internet.host },
    internet: { dev: 'eth0', gateway: internet.gateway, web: internet.web },
  }))
  const printed = [['net-list', networkTable(networks, false)], [`net-info ${info.name}`, networkInfo(info)], [`net-dhcp-leases ${info.name}`, leaseTable(leases, false)]] as const
  for (const [words, text] of printed) {
    teller.heading(`$ netwright ${words}`)
    teller.table(text)
  }
}
