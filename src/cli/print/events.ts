/** Events, a line each. */
import type { HostEvent, Lease } from '../../index.js'
import { escape } from './escape.js'

const words = { defined: 'Defined', undefined: 'Undefined', started: 'Started', stopped: 'Stopped', updated: 'Updated' } as const

function leaseText (lease: Lease): string {
  const name = lease.hostname === undefined ? '' : ` ${lease.hostname}`
  return `${lease.mac} ${lease.ip}${name}`
}

function text (event: HostEvent): string[] {
  switch (event.kind) {
    case 'snapshot':
    case 'resync': return [`${event.kind}: ${event.networks.map((network) => `${network.name} ${network.state}`).join(', ') || 'no networks'}`]
    case 'network': return [`event 'lifecycle' for network ${event.network}: ${words[event.change]}`]
    case 'port': return [`port ${event.dev} of network ${event.network}: ${event.change}`]
    case 'lease': return [`lease of network ${event.network}: ${event.lease.change} ${leaseText(event.lease)}`]
    case 'dnsmasq': return [`dnsmasq of network ${event.network}: ${event.change}`, ...event.lastLines.map((line) => `  ${line}`)]
    case 'link': return [`link ${event.dev}: ${event.change}`]
    default: return [event satisfies never]
  }
}

/** One event for people; a change of a network in the words of `virsh net-event`. */
export function eventText (event: HostEvent): string {
  return text(event).map((line) => `${escape(line)}\n`).join('')
}
