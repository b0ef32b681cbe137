import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { managersOf } from '../../../src/engine/managers.js'
import { configurations } from '../../../src/engine/manager-words.js'
import { sshConnection } from '../../../src/engine/probe.js'

async function managers (files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = await mkdtemp(join(tmpdir(), 'managers-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
    return await managersOf({ name: 'eth0', index: 2 }, root)
  } finally { await rm(root, { recursive: true }) }
}

const networkd = '# This is private data. Do not parse.\nADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE=/etc/systemd/network/10-eth0.network\n'

test('managers: who owns a link is read from the files of NetworkManager, systemd-networkd, netplan and ifupdown', async () => {
  assert.equal(await managers({}), [])
  assert.equal(await managers({ 'run/NetworkManager/devices/2': '[device]\nmanaged-type=full\nconnection-uuid=1\n' }), ['NetworkManager'])
  assert.equal(await managers({ 'run/NetworkManager/devices/2': '[device]\nmanaged-type=unmanaged\n' }), [])
  assert.equal(await managers({ 'run/systemd/netif/links/2': networkd }), ['systemd-networkd'])
  assert.equal(await managers({ 'run/systemd/netif/links/2': networkd.replace('configured', 'unmanaged') }), [])
  assert.equal(await managers({ 'run/systemd/netif/links/3': networkd }), [])
  assert.equal(await managers({ 'run/systemd/netif/links/2': networkd, 'etc/netplan/50-cloud-init.yaml': 'network:\n  ethernets:\n    eth0:\n      dhcp4: true\n' }), ['netplan'])
  assert.equal(await managers({ 'etc/network/interfaces': 'auto lo\nallow-hotplug eth0\niface eth0 inet dhcp\n' }), ['ifupdown'])
  assert.equal(await managers({ 'etc/network/interfaces': 'auto eth00\niface eth00 inet dhcp\n', 'run/network/ifstate.eth0': '' }), [])
})

test('managers: each is told the same bridge in its own words', () => {
  const wish = { bridge: 'br0', dev: 'eth0', mac: '52:54:00:12:34:56', addresses: ['192.0.2.10/24', '192.0.2.11/24', '2001:db8::10/64'], gateways: ['192.0.2.1', '2001:db8::1'] }
  assert.match(configurations['systemd-networkd'](wish), /\[NetDev\]\nName=br0\nKind=bridge\nMACAddress=52:54:00:12:34:56\n[^]*Name=eth0\n\n\[Network\]\nBridge=br0\n[^]*Address=192\.0\.2\.10\/24\nAddress=192\.0\.2\.11\/24\nAddress=2001:db8::10\/64\nGateway=192\.0\.2\.1\nGateway=2001:db8::1\n/)
  assert.match(configurations.NetworkManager(wish), /ipv4\.method manual ipv4\.addresses 192\.0\.2\.10\/24,192\.0\.2\.11\/24 ipv4\.gateway 192\.0\.2\.1 ipv6\.method manual ipv6\.addresses 2001:db8::10\/64 ipv6\.gateway 2001:db8::1\n/)
  assert.match(configurations.ifupdown(wish), /auto br0\niface br0 inet static\n {4}address 192\.0\.2\.10\/24\n {4}gateway 192\.0\.2\.1\n {4}up ip addr add 192\.0\.2\.11\/24 dev br0\n {4}bridge_ports eth0\n {4}bridge_stp off\n {4}bridge_fd 0\n\niface br0 inet6 static\n/)
  assert.match(configurations.netplan(wish), /addresses: \["192\.0\.2\.10\/24", "192\.0\.2\.11\/24", "2001:db8::10\/64"\]/)
  assert.match(configurations.ifupdown({ ...wish, addresses: [], gateways: [] }), /iface br0 inet dhcp\n {4}bridge_ports eth0\n/)
})

test('probe: the connection that sshd tells of is taken from its environment', () => {
  assert.equal(sshConnection({ SSH_CONNECTION: '198.51.100.7 51410 192.0.2.10 22' }), { local: '192.0.2.10', localPort: 22, remote: '198.51.100.7', remotePort: 51410 })
  assert.is(sshConnection({ SSH_CONNECTION: 'fe80::7%eth0 51410 fe80::10%eth0 22' })?.remote, 'fe80::7')
  for (const value of [undefined, '', 'UNKNOWN 0 UNKNOWN 0', '198.51.100.7 51410']) assert.is(sshConnection(value === undefined ? {} : { SSH_CONNECTION: value }), undefined)
})

test.run()
