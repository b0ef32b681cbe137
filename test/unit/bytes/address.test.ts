import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ip, ip4, ip6, lladdr, mac } from '../../../src/bytes/address.js'
import type { Codec } from '../../../src/bytes/codec.js'
import { hexdump, parseHex } from '../../../src/bytes/hexdump.js'
import { Writer } from '../../../src/bytes/writer.js'
import { DecodeError } from '../../../src/errors.js'

function encoded (codec: Codec<string>, value: string): string {
  const w = new Writer()
  codec.encode(w, value)
  return w.take().toString('hex')
}

test('address: ip writes four or sixteen bytes in network order', () => {
  assert.is(encoded(ip, '192.0.2.1'), 'c0000201')
  assert.is(encoded(ip, '2001:db8::1'), '20010db8000000000000000000000001')
  assert.is(ip.decode(Buffer.from('c0000201', 'hex')), '192.0.2.1')
  assert.is(ip.decode(Buffer.from('fe800000000000000000000000000001', 'hex')), 'fe80::1')
})

test('address: bytes of another length are refused', () => {
  assert.throws(() => ip.decode(Buffer.alloc(5)), (error: unknown) => error instanceof DecodeError)
  assert.throws(() => ip6.decode(Buffer.alloc(4)), (error: unknown) => error instanceof DecodeError)
  assert.throws(() => mac.decode(Buffer.alloc(5)), (error: unknown) => error instanceof DecodeError)
})

test('address: text of another family or form is refused before it is sent', () => {
  assert.throws(() => encoded(ip4, '::1'), RangeError)
  assert.throws(() => encoded(ip, '127.1'), RangeError)
  assert.throws(() => encoded(mac, '52:54:00'), RangeError)
  assert.throws(() => encoded(lladdr, '5:4'), RangeError)
})

test('address: link-layer addresses have any length', () => {
  assert.is(encoded(mac, '52:54:00:AB:CD:EF'), '525400abcdef')
  assert.is(encoded(lladdr, 'c0:00:02:01'), 'c0000201')
  assert.is(lladdr.decode(Buffer.from('c0000201', 'hex')), 'c0:00:02:01')
  assert.is(lladdr.decode(Buffer.alloc(0)), '')
})

test('hexdump: four bytes a row with offset and characters', () => {
  assert.is(hexdump(Buffer.from('br0\0\u0007!')), '0000  62 72 30 00  br0.\n0004  07 21        .!')
})

test('hexdump: parseHex ignores space and comments and names the bad line', () => {
  assert.equal(parseHex('# ip link\n01 02\t0a # three bytes\n\nFF'), Buffer.from([1, 2, 10, 255]))
  assert.throws(() => parseHex('00\n0g'), 'line 2, column 1: not pairs of hexadecimal digits: 0g')
})

test.run()
