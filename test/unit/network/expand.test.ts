import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Definition } from '../../../src/network/spec.js'
import { expand, reaches } from '../../../src/network/expand.js'
import { subnetOf } from '../../../src/network/subnet.js'

const choice = { index: 1000, group: 77 }
const base: Definition = {
  name: 'red', uuid: 'c2a7c0b6-8d68-4f0c-a2e5-cf6b0e1ad5b7', mac: '52:54:00:AA:BB:01',
  bridge: { name: 'virbr1', stp: true, delay: 0 }, forward: { mode: 'nat' }, ip: [{ address: '192.168.123.1', netmask: '255.255.255.0' }],
}
const v6 = { family: 'ipv6', address: 'FD00:0:0::1', prefix: 64 } as const

test('expand: a nat network is one bridge, its address and its sysctls', () => {
  const { links, addresses, routes, sysctls, forwarding } = expand(base, choice)
  assert.equal(links, [{ type: 'bridge', name: 'virbr1', index: 1000, group: 77, mac: '52:54:00:aa:bb:01', stp: true, forwardDelay: 0, ipv6: false, alias: 'netwright network red' }])
  assert.equal(addresses, [{ type: 'address', dev: 'virbr1', index: 1000, address: '192.168.123.1', prefix: 24 }])
  assert.equal(routes, [])
  assert.equal(sysctls.map(({ path, value }) => `${path}=${value}`), ['/proc/sys/net/ipv6/conf/virbr1/accept_ra=0', '/proc/sys/net/ipv6/conf/virbr1/autoconf=0'])
  assert.equal(forwarding, { ipv4: true, ipv6: false })
})

test('expand: an address that equals the network address is kept', () => {
  const { addresses } = expand({ ...base, ip: [{ address: '203.0.113.88', netmask: '255.255.255.248' }] }, choice)
  assert.equal([addresses[0]?.address, addresses[0]?.prefix], ['203.0.113.88', 29])
})

test('expand: an IPv6 address switches IPv6 on at the bridge, ipv6=yes alone does not', () => {
  const both = expand({ ...base, ip: [...base.ip, v6] }, choice)
  assert.is(both.links[0]?.ipv6, true)
  assert.equal(both.addresses[1], { type: 'address', dev: 'virbr1', index: 1000, address: 'fd00::1', prefix: 64 })
  assert.equal(both.forwarding, { ipv4: true, ipv6: true })
  const guests = expand({ ...base, ipv6: true }, choice)
  assert.is(guests.links[0]?.ipv6, false)
  assert.equal(guests.forwarding, { ipv4: true, ipv6: false })
})

test('expand: an isolated network never makes the host forward', () => {
  assert.equal(expand({ ...base, forward: { mode: 'none' }, ip: [...base.ip, v6] }, choice).forwarding, { ipv4: false, ipv6: false })
})

test('expand: an open network without address makes nobody forward', () => {
  assert.equal(expand({ ...base, forward: { mode: 'open' }, ip: [] }, choice).forwarding, { ipv4: false, ipv6: false })
})

test('expand: routes get their network as destination and the metric 1 of libvirt', () => {
  const { routes } = expand({ ...base, route: [
    { address: '10.9.8.7', prefix: 16, gateway: '192.168.123.2' },
    { family: 'ipv6', address: '2001:db8:1::', prefix: 48, gateway: 'fd00::2', metric: 9 },
  ] }, choice)
  assert.equal(routes.map(({ destination, gateway, metric }) => [destination, gateway, metric]), [['10.9.0.0/16', '192.168.123.2', 1], ['2001:db8:1::/48', 'fd00::2', 9]])
})

test('expand: an MTU is passed on only where it is asked for', () => {
  assert.is(expand({ ...base, mtu: 9000 }, choice).links[0]?.mtu, 9000)
  assert.not('mtu' in (expand(base, choice).links[0] ?? {}))
})

test('expand: an alias fits into 255 bytes and holds no control characters', () => {
  const alias = expand({ ...base, name: `a\n${'ñ'.repeat(300)}` }, choice).links[0]?.alias ?? ''
  assert.ok(alias.startsWith('netwright network a ñ'))
  assert.ok(Buffer.byteLength(alias) <= 255 && Buffer.byteLength(alias) > 250)
  assert.is(expand(base, { ...choice, alias: 'mine' }).links[0]?.alias, 'mine')
})

test('expand: the same definition gives the same objects, and the definition stays as it was', () => {
  const frozen = JSON.stringify(base)
  assert.equal(expand(base, choice), expand(base, choice))
  assert.is(JSON.stringify(base), frozen)
})

test('expand: reaches names subnets and destinations of routes', () => {
  assert.equal(reaches({ ip: [...base.ip, v6], route: [{ address: '10.0.0.0', netmask: '255.0.0.0', gateway: '192.168.123.9' }] }), ['192.168.123.0/24', 'fd00::/64', '10.0.0.0/8'])
})

test('subnet: without prefix and netmask the class decides, as in libvirt', () => {
  const prefixes = ['10.1.2.3', '172.16.0.1', '192.0.2.1', '0.0.0.0', 'fd00::1', '::'].map((address) => subnetOf({ address }).prefix)
  assert.equal(prefixes, [8, 16, 24, 0, 64, 0])
})

test.run()
