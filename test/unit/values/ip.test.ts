import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareIp, ipFamily, ipFromBigInt, ipFromBytes, ipPlus, ipToBigInt, ipToBytes, isIp, parseIp, parseIp4, parseIp6 } from '../../../src/values/ip.js'

test('ip: refuses the forms that inet_aton and others read in their own ways', () => {
  for (const text of ['', '0177.0.0.1', '01.2.3.4', '127.1', '2130706433', '0x7f.0.0.1', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.4 ', ' ::1', '1.2.3.4\n', 'fe80::1%eth0', '::ffff:01.2.3.4', '1::2::3', '12345::', ':::', '1:2:3:4:5:6:7', '[::1]', '::1/64', '1.2.3.4::', '١.1.1.1', 'localhost']) {
    assert.is(isIp(text), false, JSON.stringify(text))
    assert.throws(() => parseIp(text), /is not an IP address/)
  }
})

test('ip: IPv6 becomes the text of RFC 5952', () => {
  // Examples of RFC 5952, sections 4 and 5.
  const pairs: readonly (readonly [string, string])[] = [
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'], ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:DB8::1', '2001:db8::1'], ['::FFFF:192.0.2.1', '::ffff:192.0.2.1'], ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'], ['0:0:0:0:0:0:0:0', '::'], ['::1.2.3.4', '::102:304'], ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
  ]
  for (const [given, canonical] of pairs) assert.is(parseIp(given), canonical)
})

test('ip: parseIp4 and parseIp6 hold to their family', () => {
  assert.is(ipFamily(parseIp4('192.0.2.1')), 4)
  assert.is(ipFamily(parseIp6('2001:db8::1')), 6)
  assert.throws(() => parseIp4('::1', 'ip[0].address'), 'ip[0].address: "::1" is not an IPv4 address')
  assert.throws(() => parseIp6('1.2.3.4'), /is not an IPv6 address/)
})

test('ip: bytes and numbers are in network order', () => {
  assert.equal([...ipToBytes(parseIp('192.0.2.1'))], [192, 0, 2, 1])
  assert.is(ipFromBytes(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)), '2001:db8::1')
  assert.is(ipToBigInt(parseIp('192.0.2.1')), 0xc0000201n)
  assert.is(ipFromBigInt(0xc0000201n, 4), '192.0.2.1')
  assert.is(ipFromBigInt(1n, 6), '::1')
  assert.throws(() => ipFromBigInt(1n << 32n, 4), RangeError)
  assert.throws(() => ipFromBigInt(-1n, 6), RangeError)
  assert.throws(() => ipFromBytes(Uint8Array.of(1, 2, 3)), RangeError)
})

test('ip: counting on stops at the end of the family', () => {
  assert.is(ipPlus(parseIp('10.0.0.255'), 1), '10.0.1.0')
  assert.is(ipPlus(parseIp('2001:db8::ffff'), -1), '2001:db8::fffe')
  assert.throws(() => ipPlus(parseIp('255.255.255.255'), 1), RangeError)
})

test('ip: addresses sort by number, IPv4 first', () => {
  const sorted = ['::1', '10.0.0.10', '10.0.0.9', '9.255.255.255'].map((text) => parseIp(text)).sort(compareIp)
  assert.equal(sorted, ['9.255.255.255', '10.0.0.9', '10.0.0.10', '::1'])
})

test.run()
