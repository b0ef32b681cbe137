/** Topologies that the drawings are tried on. */
import type { ForwardEdge, PeerEdge, Topology, TopologyGuest, TopologyNetwork, TopologyPort, TopologyUplink, UplinkEdge } from '../../src/index.js'

const leased = (mac: string, name: string, ...addresses: readonly string[]): TopologyGuest => ({ mac, name, addresses, leased: true, expires: new Date('2030-01-01T00:00:00Z') })
const unknown = (mac: string): TopologyGuest => ({ mac, addresses: [], leased: false })
const tap = (dev: string, ...guests: readonly TopologyGuest[]): TopologyPort => ({ dev, kind: 'tap', own: true, state: 'forwarding', guests })
const uplink = (dev: string, more: Partial<TopologyUplink> = {}): TopologyUplink => ({ dev, state: 'up', addresses: ['198.51.100.1/24'], gateways: ['198.51.100.2'], defaults: ['ipv4'], ports: [], direct: [], ...more })
const network = (name: string, more: Partial<TopologyNetwork> = {}): TopologyNetwork => ({
  name, uuid: `43d8bf8b-3558-4ed0-85d3-${Buffer.from(name).toString('hex').padEnd(12, '0').slice(0, 12)}`, state: 'active', persistent: true, autostart: false, mode: 'none', bridge: 'virbr1',
  addresses: [], dhcp: false, dns: false, ports: [], guests: [], ...more,
})
const wire = (of: string, dev = 'eth0', more: Partial<UplinkEdge> = {}): UplinkEdge => ({ kind: 'uplink', network: of, dev, mode: 'nat', families: ['ipv4'], masquerade: ['ipv4'], ...more })

const forward = (of: string, guest: string, more: Partial<ForwardEdge> = {}): ForwardEdge => ({ kind: 'forward', network: of, proto: 'tcp', port: 8080, guest, to: guest, guestPort: 80, networks: false, ...more })

const peer = (of: string, other: string, direction: PeerEdge['direction'] = 'out'): PeerEdge => ({ kind: 'peer', network: of, peer: other, direction })

const three: Topology = {
  host: { name: 'rig', owner: 'system' },
  uplinks: [uplink('eth0', { addresses: ['198.51.100.1/24', '2001:db8::1/64'] })],
  networks: [
    network('lab', {
      mode: 'route', bridge: 'virbr2', addresses: ['10.7.0.1/24', '2001:db8:7::1/64'], dhcp: true, dns: true,
      ports: [tap('vnet2', leased('52:54:00:5d:c7:11', 'build', '10.7.0.20', '2001:db8:7::20')), { ...tap('vnet10', unknown('52:54:00:5d:c7:12')), state: 'disabled' }],
    }),
    network('old', { state: 'inactive', mode: 'nat', bridge: 'virbr9', addresses: ['10.9.0.1/24'], dhcp: true, dns: true, autostart: true }),
    network('red_muy_aislada', { bridge: 'virbr3', ports: [tap('vnet3', unknown('52:54:00:5d:c7:21')), { ...tap('tap7'), own: false }] }),
    network('red_nat', {
      mode: 'nat', addresses: ['192.168.123.1/24'], domain: 'lab.test', dhcp: true, dns: true,
      ports: [tap('vnet0', leased('52:54:00:5d:c7:01', 'web01', '192.168.123.57')), tap('vnet1', leased('52:54:00:5d:c7:02', 'db01', '192.168.123.58'))],
      guests: [leased('52:54:00:5d:c7:09', 'ghost', '192.168.123.77')],
    }),
  ],
  filters: [{ family: 'ip', table: 'filter', chain: 'FORWARD', hook: 'forward', by: 'policy', networks: ['lab', 'red_nat'] }],
  edges: [wire('lab', 'eth0', { mode: 'route', masquerade: [] }), wire('red_nat'), forward('red_nat', '192.168.123.57'), forward('red_nat', 'vnet9', {  proto: 'udp', address: '198.51.100.1', port: 5000, end: 5009, guestPort: 6000, networks: true })],
}

const nothing: Topology = { host: { name: 'rig', owner: 'ci', netns: 'lab' }, uplinks: [], networks: [], edges: [] }

/** Two ways out, one of them a bridge over a NIC; a way that is missing, a dnsmasq that is down, no way at all; peers, rules, and a host that is closed. */
const ways: Topology = {
  host: { name: 'rig', owner: 'system' },
  uplinks: [
    uplink('br0', { kind: 'bridge', ports: ['eth0'], direct: [{ dev: 'macvtap0', mode: 'bridge', state: 'up', guest: { mac: '52:54:00:00:00:71', name: 'vm1', addresses: [], leased: false } }, { dev: 'macvtap1', mode: 'vepa', state: 'down', guest: unknown('52:54:00:00:00:72') }], addresses: ['198.51.100.1/24', '2001:db8::1/64'], gateways: ['198.51.100.2', '2001:db8::2'], defaults: ['ipv4', 'ipv6'] }),
    uplink('wlan0', { addresses: ['203.0.113.7/24'], gateways: ['203.0.113.1'], state: 'no carrier' }),
    uplink('wg0', { addresses: [], gateways: [], defaults: [], state: 'missing' }),
  ],
  networks: [
    network('both', { mode: 'nat', addresses: ['10.1.0.1/24', 'fd00:1::1/64'], dhcp: true, dns: true, state: 'degraded' }),
    network('through', { mode: 'route', bridge: 'virbr2', addresses: ['10.2.0.1/24'], rules: 3, host: 'deny' }),
    network('anything', { mode: 'open', bridge: 'virbr3', addresses: ['fd00:3::1/64'], ports: [{ dev: 'vnet7', kind: 'veth', own: true, state: 'forwarding', guests: [{ mac: '52:54:00:00:00:07', name: 'ci-1', addresses: ['fd00:3::1234:5678:9abc:def0'], leased: false }] }] }),
  ],
  filters: [],
  edges: [wire('both', 'br0', { families: ['ipv4', 'ipv6'] }), wire('both', 'wlan0'), wire('through', 'wg0', { mode: 'route', masquerade: [] }), peer('anything', 'both'), peer('both', 'through', 'both')],
}

/** What nobody should call a network, a guest or a host, and what the kernel takes for a device's name. */
export const nasty = '"]]></text></svg>\u001b[31m<script>alert(1)</script>&amp;#x3c;\\N\\"{|}`%%{init}%%\u202e\u0000\ud800\ufffe style x:#00; ; end'
const hostile: Topology = {
  host: { name: nasty, owner: nasty, netns: nasty },
  uplinks: [uplink('<eth"0>&', { ports: ['"\\n<b>'], direct: [{ dev: '"&<', mode: 'bridge', state: 'up', guest: leased(nasty, nasty, nasty) }], gateways: [nasty] })],
  networks: [network(nasty, { mode: 'nat', bridge: '"><&\\', addresses: [nasty], domain: nasty, title: nasty, ports: [tap('"\\"<&;#', leased(nasty, nasty, nasty)), tap('vnet1')], guests: [leased(nasty, nasty)] }), network(`${nasty}2`, { state: 'inactive', addresses: [nasty] })],
  filters: [{ family: 'ip', table: nasty, chain: nasty, hook: 'input', by: 'rule', networks: [nasty] }],
  edges: [wire(nasty, '<eth"0>&'), forward(nasty, nasty, { address: nasty })],
}

const long = 'a_network_with_a_very_long_name_that_nobody_can_read_in_one_go_'.repeat(3)
const wide: Topology = {
  host: { name: long, owner: long },
  uplinks: [uplink('abcdefghijklmno', { ports: Array.from({ length: 12 }, (_, i) => `enp12345s${i}`), addresses: Array.from({ length: 9 }, (_, i) => `2001:db8:1234:5678:9abc:def0:1234:567${i}/64`) })],
  networks: [
    network(long, { mode: 'nat', bridge: 'abcdefghijklmno', addresses: Array.from({ length: 5 }, (_, i) => `2001:db8:aaaa:5678:9abc:def0:1234:567${i}/64`), dhcp: true, dns: true, domain: long,
      ports: [{ ...tap('abcdefghijklmn1', leased('52:54:00:5d:c7:01', long, '2001:db8:aaaa:5678:9abc:def0:1234:5678', '192.168.123.157')), state: 'disabled', own: false }, tap('vnet1', leased('52:54:00:5d:c7:02', '東京の仮想マシン', '192.168.123.158'))] }),
  ],
  filters: [{ family: 'inet', table: long, chain: long, hook: 'forward', by: 'rule', networks: Array.from({ length: 30 }, () => long) }],
  edges: [wire(long, 'abcdefghijklmno', { families: ['ipv4', 'ipv6'] }), forward(long, '2001:db8:aaaa:5678:9abc:def0:1234:5678', { address: '2001:db8:1234:5678:9abc:def0:1234:5670', end: 9090 })],
}

const many: Topology = {
  host: { name: 'rig', owner: 'system' }, uplinks: [uplink('eth0')],
  networks: Array.from({ length: 100 }, (_, i) => network(`job-${i}`, {
    mode: i % 7 === 3 ? 'none' : i % 5 === 2 ? 'route' : 'nat', bridge: `virbr${i}`, addresses: [`10.128.${i}.1/24`], dhcp: true, dns: true,
    ports: i % 9 === 0 ? [tap(`vnet${i}`, leased(`52:54:00:00:00:${i.toString(16).padStart(2, '0')}`, `runner-${i}`, `10.128.${i}.10`))] : [],
  })),
  filters: [], edges: Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 7 !== 3).map((i) => wire(`job-${i}`, 'eth0', i % 5 === 2 ? { mode: 'route', masquerade: [] } : {})),
}

/** Names so short that the cards are no wider than they must be. */
const narrow: Topology = { ...three, networks: [network('n', { mode: 'nat', ports: [tap('v0', leased('52:54:00:5d:c7:01', 'web01', '192.168.123.57'))] })], edges: [wire('n')], filters: [] }

export const scenes: Readonly<Record<string, Topology>> = { narrow, three, nothing, ways, hostile, wide, many }
