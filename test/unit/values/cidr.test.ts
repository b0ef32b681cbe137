import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addressAt, broadcast, cidrSize, contains, formatCidr, hosts, netmaskToPrefix, network, overlaps, parseCidr, prefixToNetmask } from '../../../src/values/cidr.js'
import { parseIp } from '../../../src/values/ip.js'

test('cidr: reads an address with a prefix length and keeps the address', () => {
  assert.equal(parseCidr('192.168.122.1/24'), { address: '192.168.122.1', prefix: 24 })
  assert.is(formatCidr(parseCidr('2001:DB8::1/64')), '2001:db8::1/64')
})

test('cidr: refuses lengths that do not fit and other spellings', () => {
  for (const text of ['1.2.3.4', '1.2.3.4/', '1.2.3.4/33', '1.2.3.4/024', '1.2.3.4/-1', '1.2.3.4/+8', '1.2.3.4/8.0', '1.2.3.4/255.0.0.0', '::/129', '/8', 'x/8', '1.2.3.4/24/24']) {
    assert.throws(() => parseCidr(text), /address|prefix length/, text)
  }
})

test('cidr: network, broadcast and size', () => {
  const cidr = parseCidr('172.16.33.7/20')
  assert.is(formatCidr(network(cidr)), '172.16.32.0/20')
  assert.is(broadcast(cidr), '172.16.47.255')
  assert.is(cidrSize(cidr), 4096n)
  assert.is(formatCidr(network(parseCidr('2001:db8:ffff::1/33'))), '2001:db8:8000::/33')
  assert.is(broadcast(parseCidr('0.0.0.0/0')), '255.255.255.255')
})

test('cidr: containment and overlap never cross families', () => {
  const outer = parseCidr('10.0.0.0/8')
  assert.is(contains(outer, parseIp('10.255.255.255')), true)
  assert.is(contains(outer, parseIp('11.0.0.0')), false)
  assert.is(contains(outer, parseIp('::a00:1')), false)
  assert.is(contains(outer, parseCidr('10.1.0.0/16')), true)
  assert.is(contains(outer, parseCidr('10.0.0.0/7')), false)
  assert.is(overlaps(parseCidr('10.1.0.0/16'), outer), true)
  assert.is(overlaps(outer, parseCidr('8.0.0.0/6')), true)
  assert.is(overlaps(outer, parseCidr('11.0.0.0/8')), false)
  assert.is(overlaps(parseCidr('0.0.0.0/0'), parseCidr('::/0')), false)
})

test('cidr: netmasks and prefix lengths', () => {
  assert.is(prefixToNetmask(24), '255.255.255.0')
  assert.is(prefixToNetmask(0), '0.0.0.0')
  assert.is(prefixToNetmask(64, 6), 'ffff:ffff:ffff:ffff::')
  assert.is(netmaskToPrefix(parseIp('255.255.240.0')), 20)
  assert.is(netmaskToPrefix(parseIp('0.0.0.0')), 0)
  assert.is(netmaskToPrefix(parseIp('255.255.255.255')), 32)
  assert.throws(() => netmaskToPrefix(parseIp('255.0.255.0')), /is not a netmask/)
  assert.throws(() => prefixToNetmask(33), /between 0 and 32/)
})

test('cidr: hosts leave out the network and the IPv4 broadcast address, but for the smallest networks', () => {
  assert.equal(hosts(parseCidr('192.168.122.1/24')), { first: '192.168.122.1', last: '192.168.122.254', count: 254n })
  assert.equal(hosts(parseCidr('192.0.2.0/31')), { first: '192.0.2.0', last: '192.0.2.1', count: 2n })
  assert.equal(hosts(parseCidr('192.0.2.7/32')), { first: '192.0.2.7', last: '192.0.2.7', count: 1n })
  assert.equal(hosts(parseCidr('2001:db8::/126')), { first: '2001:db8::1', last: '2001:db8::3', count: 3n })
  assert.is(addressAt(parseCidr('192.168.122.77/24'), 2), '192.168.122.2')
  assert.throws(() => addressAt(parseCidr('192.168.122.0/24'), 256), /192.168.122.0\/24 has no address number 256/)
})

test.run()
