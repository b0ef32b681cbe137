/** What the tests of transactions on trial do: what runs before, and a transaction that does something of each kind. */
import type { Host, NetworkInput, Transaction } from '../../src/index.js'

const red = (more: Partial<NetworkInput>): NetworkInput => ({ name: 'red', uuid: '00000000-0000-4000-8000-000000000001', mac: '52:54:00:00:00:01', bridge: 'nwred', forward: 'nat', subnet: '10.77.1.0/24', dhcp: true, ...more })
export const before: NetworkInput = red({ forwards: ['8080/tcp 10.77.1.10:80'] })
export const after: NetworkInput = red({ forward: 'route', mtu: 1400, dhcp: false, dns: { enable: false }, forwards: ['8081/tcp 10.77.1.10:80'] })
export const going: NetworkInput = { name: 'going', uuid: '00000000-0000-4000-8000-000000000002', mac: '52:54:00:00:00:02', bridge: 'nwgoing', forward: 'nat', subnet: '10.77.2.0/24', dns: { enable: false } }
export const coming: NetworkInput = { name: 'coming', uuid: '00000000-0000-4000-8000-000000000003', mac: '52:54:00:00:00:03', bridge: 'nwcoming', forward: 'nat', subnet: '10.77.3.0/24', dhcp: true }

/** `red` is stored, `going` is not; both run. */
export async function standing (host: Host): Promise<void> {
  await (await host.define(before)).start()
  await host.create(going)
}

/** Creates, attaches, updates and removes. */
export const everything = ({ guest }: { readonly guest: string }) => (tx: Transaction): void => {
  tx.create(coming, [{ kind: 'veth', netns: guest, dev: 'eth0', hostDev: 'nwveth0', mac: '52:54:00:00:01:02', address: 'auto', defaultRoute: true }])
  tx.attach('red', { kind: 'tap', dev: 'nwtap0', mac: '52:54:00:00:01:01', address: 'auto', hostname: 'vm1', fds: false })
  tx.update(after)
  tx.destroy('going')
}
