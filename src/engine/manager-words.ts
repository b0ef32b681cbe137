/** A bridge over a NIC in the words of network managers. Pure. */
import type { ManagerAdvice } from './host-bridge-api.js'

export interface Wish {
  readonly bridge: string
  readonly dev: string
  readonly mac: string
  /** `192.0.2.10/24`; none: they come by DHCP or router advertisements. */
  readonly addresses: readonly string[]
  readonly gateways: readonly string[]
}

const isSix = (address: string): boolean => address.includes(':')
const lines = (...parts: readonly (string | readonly string[])[]): string => `${parts.flat().join('\n')}\n`

/** systemd.netdev(5), systemd.network(5). */
function networkd ({ bridge, dev, mac, addresses, gateways }: Wish): string {
  return lines(
    `# /etc/systemd/network/10-${bridge}.netdev`, '[NetDev]', `Name=${bridge}`, 'Kind=bridge', `MACAddress=${mac}`, '', '[Bridge]', 'STP=no', 'ForwardDelaySec=0', '',
    `# /etc/systemd/network/10-${dev}.network`, '[Match]', `Name=${dev}`, '', '[Network]', `Bridge=${bridge}`, '',
    `# /etc/systemd/network/11-${bridge}.network`, '[Match]', `Name=${bridge}`, '', '[Network]',
    addresses.length === 0 ? 'DHCP=yes' : [...addresses.map((address) => `Address=${address}`), ...gateways.map((gateway) => `Gateway=${gateway}`)], '',
    '# networkctl reload',
  )
}

/** nm-settings-nmcli(5). */
function nmcli ({ bridge, dev, mac, addresses, gateways }: Wish): string {
  const family = (number: '4' | '6'): string => {
    const mine = addresses.filter((address) => isSix(address) === (number === '6'))
    if (mine.length === 0) return `ipv${number}.method auto`
    const gateway = gateways.find((one) => isSix(one) === (number === '6'))
    return `ipv${number}.method manual ipv${number}.addresses ${mine.join(',')}${gateway === undefined ? '' : ` ipv${number}.gateway ${gateway}`}`
  }
  return lines(
    `nmcli connection add type bridge ifname ${bridge} con-name ${bridge} bridge.stp no bridge.mac-address ${mac} ${family('4')} ${family('6')}`,
    `nmcli connection add type ethernet ifname ${dev} con-name ${bridge}-port-${dev} master ${bridge} slave-type bridge`,
    `nmcli connection modify "$(nmcli -g GENERAL.CONNECTION device show ${dev})" connection.autoconnect no`,
    `nmcli connection up ${bridge}-port-${dev}`,
  )
}

/** interfaces(5), bridge-utils-interfaces(5). */
function ifupdown ({ bridge, dev, addresses, gateways }: Wish): string {
  const options = ['    bridge_ports ' + dev, '    bridge_stp off', '    bridge_fd 0']
  const stanza = (six: boolean): readonly string[] => {
    const [first, ...more] = addresses.filter((address) => isSix(address) === six)
    if (first === undefined) return []
    const gateway = gateways.find((one) => isSix(one) === six)
    return [`iface ${bridge} ${six ? 'inet6' : 'inet'} static`, `    address ${first}`, ...gateway === undefined ? [] : [`    gateway ${gateway}`], ...more.map((address) => `    up ip addr add ${address} dev ${bridge}`)]
  }
  const [four, six] = [stanza(false), stanza(true)]
  const whole = addresses.length === 0 ? [`iface ${bridge} inet dhcp`] : four.length === 0 ? six : four
  return lines('# /etc/network/interfaces', `iface ${dev} inet manual`, '', `auto ${bridge}`, [...whole, ...options], four.length === 0 || six.length === 0 ? [] : ['', ...six])
}

/** netplan-yaml(5). */
function netplan ({ bridge, dev, mac, addresses, gateways }: Wish): string {
  return lines(
    `# /etc/netplan/60-${bridge}.yaml, and what it says of ${dev} elsewhere is to go`, 'network:', '  version: 2', '  ethernets:', `    ${dev}: { dhcp4: false, dhcp6: false }`, '  bridges:', `    ${bridge}:`,
    `      interfaces: [${dev}]`, `      macaddress: ${mac}`, '      parameters: { stp: false, forward-delay: 0 }',
    addresses.length === 0 ? '      dhcp4: true' : [`      addresses: [${addresses.map((address) => `"${address}"`).join(', ')}]`, '      routes:', ...gateways.map((gateway) => `        - { to: default, via: "${gateway}" }`)],
  )
}

/** A client on its own is moved by hand. */
const client = (stop: (dev: string) => string, start: string) => ({ bridge, dev }: Wish): string => lines(stop(dev), `${start} ${bridge}`)

/** By the manager. */
export const configurations: Readonly<Record<ManagerAdvice['manager'], (wish: Wish) => string>> = {
  NetworkManager: nmcli, 'systemd-networkd': networkd, ifupdown, netplan,
  dhclient: client((dev) => `pkill -f 'dhclient.* ${dev}$'  # not dhclient -r, which gives the address back`, 'dhclient'),
  dhcpcd: client((dev) => `dhcpcd --exit --persistent ${dev}`, 'dhcpcd'),
  udhcpc: client((dev) => `pkill -f 'udhcpc.* ${dev}'`, 'udhcpc -i'),
}
