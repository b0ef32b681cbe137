import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { conflicts, describeConflict } from '../../../src/kernel/conflict.js'
import type { RouteState } from '../../../src/kernel/route.js'

function route (destination: string, more: Partial<RouteState> = {}): RouteState {
  return { destination, dev: 2, table: 254, type: 'unicast', protocol: 4, metric: 0, ...more }
}

/** wanted, the route there is, and what they have in common. */
const table: readonly (readonly [string, string, 'same' | 'part' | 'whole' | undefined])[] = [
  // equal
  ['192.168.122.0/24', '192.168.122.0/24', 'same'],
  ['10.0.0.0/8', '10.0.0.0/8', 'same'],
  ['203.0.113.88/29', '203.0.113.88/29', 'same'],
  ['192.0.2.1/32', '192.0.2.1/32', 'same'],
  ['192.0.2.0/31', '192.0.2.0/31', 'same'],
  ['fd00::/64', 'fd00::/64', 'same'],
  ['2001:db8::/32', '2001:db8::/32', 'same'],
  ['fd00::1/128', 'fd00::1/128', 'same'],
  // the route is a part of what is wanted
  ['192.168.0.0/16', '192.168.122.0/24', 'part'],
  ['10.0.0.0/8', '10.255.255.255/32', 'part'],
  ['10.0.0.0/8', '10.0.0.0/9', 'part'],
  ['10.0.0.0/8', '10.128.0.0/9', 'part'],
  ['192.168.122.0/24', '192.168.122.128/25', 'part'],
  ['192.168.122.0/24', '192.168.122.255/32', 'part'],
  ['203.0.113.88/29', '203.0.113.94/31', 'part'],
  ['fd00::/48', 'fd00:0:0:ffff::/64', 'part'],
  ['fd00::/64', 'fd00::1/128', 'part'],
  ['fd00::/63', 'fd00:0:0:1::/64', 'part'],
  // the route holds what is wanted
  ['192.168.122.0/24', '192.168.0.0/16', 'whole'],
  ['10.1.2.0/24', '10.0.0.0/8', 'whole'],
  ['10.1.2.0/24', '10.0.0.0/15', 'whole'],
  ['192.168.122.0/24', '192.168.122.0/23', 'whole'],
  ['192.168.123.0/24', '192.168.122.0/23', 'whole'],
  ['172.16.5.0/24', '172.16.0.0/12', 'whole'],
  ['192.168.122.0/24', '192.0.0.0/2', 'whole'],
  ['fd00:0:0:5::/64', 'fd00::/8', 'whole'],
  ['fd00:0:0:5::/64', 'fd00::/61', 'whole'],
  ['fd00::1/128', 'fd00::/64', 'whole'],
  ['2001:db8:1::/48', '2001:db8::/32', 'whole'],
  // neighbours
  ['192.168.122.0/24', '192.168.123.0/24', undefined],
  ['192.168.122.0/24', '192.168.121.0/24', undefined],
  ['192.168.122.0/25', '192.168.122.128/25', undefined],
  ['10.0.0.0/9', '10.128.0.0/9', undefined],
  ['10.2.0.0/15', '10.4.0.0/15', undefined],
  ['192.168.124.0/24', '192.168.122.0/23', undefined],
  ['203.0.113.88/29', '203.0.113.80/29', undefined],
  ['203.0.113.88/29', '203.0.113.96/29', undefined],
  ['192.0.2.0/31', '192.0.2.2/31', undefined],
  ['172.32.0.0/24', '172.16.0.0/12', undefined],
  ['11.0.0.0/8', '10.0.0.0/8', undefined],
  ['fd00::/64', 'fd00:0:0:1::/64', undefined],
  ['fd00:0:0:8::/64', 'fd00::/61', undefined],
  ['fd00::1/128', 'fd00::2/128', undefined],
  // the other family
  ['10.0.0.0/8', 'a00::/8', undefined],
  ['::/8', '0.0.0.0/8', undefined],
  // default routes, also in disguise
  ['192.168.122.0/24', '0.0.0.0/0', undefined],
  ['192.168.122.0/24', '0.0.0.0/1', undefined],
  ['192.168.122.0/24', '128.0.0.0/1', undefined],
  ['fd00::/64', '::/0', undefined],
  ['2001:db8::/64', '2000::/3', undefined],
  ['fd00::/64', '8000::/1', undefined],
  // nobody's
  ['169.0.0.0/8', '169.254.0.0/16', undefined],
  ['127.0.0.0/8', '127.0.0.0/8', undefined],
  ['127.0.0.0/8', '127.0.0.1/32', undefined],
  ['224.0.0.0/4', '224.0.0.0/24', undefined],
  ['fe80::/64', 'fe80::/64', undefined],
  ['ff00::/8', 'ff00::/8', undefined],
  ['::/16', '::1/128', undefined],
  // host bits on the wanted side
  ['192.168.122.1/24', '192.168.122.0/24', 'same'],
  ['192.168.122.1/24', '192.168.0.0/16', 'whole'],
  ['fd00::1/64', 'fd00::/64', 'same'],
]

for (const [wanted, destination, overlap] of table) {
  test(`conflict: ${wanted} and a route to ${destination}: ${overlap ?? 'none'}`, () => {
    assert.equal(conflicts([wanted], [route(destination)], new Set()).map((conflict) => conflict.overlap), overlap === undefined ? [] : [overlap])
  })
}

test('conflict: routes by our own links do not count, nor do broadcast addresses', () => {
  assert.equal(conflicts(['10.0.0.0/24'], [route('10.0.0.0/24'), route('10.0.0.255/32', { type: 'broadcast', dev: 3 })], new Set([2])), [])
})

test('conflict: a sink around the subnet is what more precise routes are for, one inside is in the way', () => {
  const sink = (destination: string): RouteState => ({ destination, table: 254, type: 'blackhole', protocol: 4, metric: 0 })
  assert.equal(conflicts(['10.0.1.0/24'], [sink('10.0.0.0/8')], new Set()), [])
  assert.is(conflicts(['10.0.1.0/24'], [sink('10.0.1.0/24')], new Set()).length, 1)
  assert.is(conflicts(['10.0.1.0/24'], [sink('10.0.1.128/25')], new Set()).length, 1)
})

test('conflict: any table counts, and the host\'s own addresses come last', () => {
  const found = conflicts(['10.0.1.0/24'], [route('10.0.1.5/32', { type: 'local', table: 255 }), route('10.0.1.0/24', { table: 51820, dev: 9 })], new Set())
  assert.equal(found.map((conflict) => describeConflict(conflict, new Map([[9, 'wg0'], [2, 'eth0']]))), [
    '10.0.1.0/24 is the same as 10.0.1.0/24, which the host reaches by wg0 (table 51820)',
    '10.0.1.0/24 holds 10.0.1.5/32, an address of the host on eth0 (table 255)',
  ])
})

test('conflict: text that is no subnet is refused', () => {
  assert.throws(() => conflicts(['10.0.0.0'], [], new Set()), /prefix length/)
})

test('conflict: ten thousand routes are read through', () => {
  const routes = Array.from({ length: 10_000 }, (_, i) => route(`10.${String(i >> 8)}.${String(i & 255)}.0/24`))
  assert.is(conflicts(['10.3.7.0/24', '172.16.0.0/16', 'fd00::/64'], routes, new Set()).length, 1)
})

test.run()
