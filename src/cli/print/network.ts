/** Networks as virsh shows them. */
import type { NetworkInfo } from '../../index.js'
import { escape } from './escape.js'
import { table } from './table.js'

const yesNo = (value: boolean): string => value ? 'yes' : 'no'

/** `virsh net-list`: Name, State, Autostart, Persistent. A degraded network is active: libvirt has no word for it, `net-info` says more. */
export function networkTable (networks: readonly NetworkInfo[], headless: boolean): string {
  const rows = networks.map((network) => [network.name, network.active ? 'active' : 'inactive', yesNo(network.autostart), yesNo(network.persistent)])
  return table(['Name', 'State', 'Autostart', 'Persistent'], rows, headless)
}

/** `virsh net-info`: labels 15 wide. A line `State: degraded` is added where dnsmasq is down. */
export function networkInfo (network: NetworkInfo): string {
  const lines: [string, string][] = [
    ['Name:', network.name], ['UUID:', network.uuid], ['Active:', yesNo(network.active)],
    ['Persistent:', yesNo(network.persistent)], ['Autostart:', yesNo(network.autostart)],
  ]
  if (network.bridge !== '') lines.push(['Bridge:', network.bridge])
  if (network.state === 'degraded') lines.push(['State:', 'degraded (dnsmasq is down: no DHCP, no DNS)'])
  return lines.map(([label, text]) => `${label.padEnd(15)} ${escape(text)}\n`).join('')
}
