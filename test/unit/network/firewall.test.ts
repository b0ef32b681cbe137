import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Definition } from '../../../src/network/spec.js'
import { firewallMembers } from '../../../src/network/firewall.js'

type Given = Pick<Definition, 'forward' | 'bridge' | 'ip'>
const bridge = { name: 'br0', stp: true, delay: 0 }
const v4 = { address: '192.0.2.1', prefix: 24 }
const v6 = { address: '2001:DB8::1', prefix: 64 }

/** One line a member, `set key key`, sorted. */
function members (given: Partial<Given>): string[] {
  return firewallMembers({ bridge, forward: { mode: 'none' }, ip: [v4], ...given }).map(({ set, key }) => [set, ...key].join(' ')).sort()
}

const always = ['gate4 br0 192.0.2.1', 'gw4 192.0.2.1', 'ours br0', 'same br0 br0']

test('firewall: an isolated network passes its own frames and nothing else', () => {
  assert.equal(members({}), [...always, 'rpf br0'].sort())
})

test('firewall: a nat network sends out, takes replies and is masqueraded', () => {
  assert.equal(members({ forward: { mode: 'nat' } }), [...always, 'est br0', 'masq4 br0', 'out br0', 'rpf br0'].sort())
})

test('firewall: a routed network is open both ways and keeps its addresses', () => {
  assert.equal(members({ forward: { mode: 'route' } }), [...always, 'inall br0', 'out br0', 'rpf br0'].sort())
})

test('firewall: an open network is known to the rules of others, but its sources are not checked', () => {
  assert.equal(members({ forward: { mode: 'open' } }), [...always, 'inall br0', 'out br0'].sort())
})

test('firewall: a device of forward is the only way out and in, keys in the order of iifname and oifname', () => {
  assert.equal(members({ forward: { mode: 'nat', dev: 'eth1' } }), [...always, 'estdev eth1 br0', 'masq4 br0', 'outdev br0 eth1', 'rpf br0'].sort())
  assert.equal(members({ forward: { mode: 'route', dev: 'eth1' } }), [...always, 'indev eth1 br0', 'outdev br0 eth1', 'rpf br0'].sort())
})

test('firewall: IPv6 of a nat network is masqueraded only where that is asked for', () => {
  const plain = members({ forward: { mode: 'nat' }, ip: [v4, v6] })
  assert.not(plain.includes('masq6 br0'))
  assert.ok(plain.includes('est br0'))
  assert.not(plain.includes('inall br0'))
  assert.ok(members({ forward: { mode: 'nat', nat: { ipv6: true } }, ip: [v4, v6] }).includes('masq6 br0'))
  assert.not(members({ forward: { mode: 'nat', nat: { ipv6: true } } }).includes('masq6 br0'), 'without an IPv6 address there is nothing to masquerade')
})

test('firewall: a nat network with IPv6 only has no masquerade for IPv4', () => {
  const only = members({ forward: { mode: 'nat', nat: { ipv6: true } }, ip: [v6] })
  assert.not(only.includes('masq4 br0'))
  assert.ok(only.includes('masq6 br0'))
})

test('firewall: every address of the network is guarded and reachable from its own bridge, in canonical text', () => {
  const all = members({ ip: [v4, { address: '198.51.100.1', prefix: 24 }, v6] })
  assert.equal(all.filter((line) => line.startsWith('g')), ['gate4 br0 192.0.2.1', 'gate4 br0 198.51.100.1', 'gate6 br0 2001:db8::1', 'gw4 192.0.2.1', 'gw4 198.51.100.1', 'gw6 2001:db8::1'])
})

test('firewall: a network without any address has neither gateway nor masquerade', () => {
  assert.equal(members({ ip: [] }), ['ours br0', 'rpf br0', 'same br0 br0'])
})

test.run()
