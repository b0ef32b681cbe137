import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { network, overlaps, parseCidr, type Cidr } from '../../../src/values/cidr.js'
import { ipFromBytes } from '../../../src/values/ip.js'
import { lastOf, PrefixMap, startOf } from '../../../src/values/prefix-map.js'

const filled = (...texts: readonly string[]): PrefixMap<string> => {
  const map = new PrefixMap<string>((a, b) => a === b)
  for (const text of texts) map.add(startOf(parseCidr(text)), parseCidr(text).prefix, text)
  return map
}
const found = (map: PrefixMap<string>, text: string): string[] => map.overlapping(startOf(parseCidr(text)), parseCidr(text).prefix).flatMap(({ items }) => items).sort()

test('prefix map: finds what is the same, inside and around, and nothing beside it', () => {
  const map = filled('10.1.0.0/16', '10.1.2.0/24', '10.1.2.128/25', '10.1.3.0/24', '10.2.0.0/16', '10.1.2.0/32')
  assert.equal(found(map, '10.1.2.0/24'), ['10.1.0.0/16', '10.1.2.0/24', '10.1.2.0/32', '10.1.2.128/25'])
  assert.equal(found(map, '10.1.2.1/32'), ['10.1.0.0/16', '10.1.2.0/24'])
  assert.equal(found(map, '10.3.0.0/16'), [])
  assert.equal(found(map, '10.0.0.0/8').length, 6)
})

test('prefix map: the first address and the last of a prefix, host bits off', () => {
  const ends = (text: string): string[] => [startOf(parseCidr(text)), lastOf(startOf(parseCidr(text)), parseCidr(text).prefix)].map((one) => ipFromBytes(Buffer.from(one, 'latin1')))
  assert.equal(ends('10.1.2.77/20'), ['10.1.0.0', '10.1.15.255'])
  assert.equal(ends('2001:db8::7/61'), ['2001:db8::', '2001:db8:0:7:ffff:ffff:ffff:ffff'])
  assert.equal(ends('0.0.0.0/0'), ['0.0.0.0', '255.255.255.255'])
})

test('prefix map: what has gone is free, and the lowest of it is told once', () => {
  const map = filled('10.1.0.0/24', '10.2.0.0/24', '10.3.0.0/24')
  assert.is(map.freed(), undefined)
  for (const text of ['10.2.0.0/24', '10.1.0.0/24']) map.remove(startOf(parseCidr(text)), 24, text)
  map.remove(startOf(parseCidr('10.0.0.0/24')), 24, 'was never there')
  assert.is(map.freed(), startOf(parseCidr('10.1.0.0/24')))
  assert.is(map.freed(), undefined)
  assert.equal(found(map, '10.0.0.0/8'), ['10.3.0.0/24'])
  assert.is(map.size, 1)
})

const cidr = fc.record({ bytes: fc.uint8Array({ minLength: 4, maxLength: 4 }), prefix: fc.integer({ min: 1, max: 32 }) }).map(({ bytes, prefix }): Cidr => {
  // Few different addresses, so that they meet.
  return network({ address: ipFromBytes(bytes.map((byte) => byte & 0xc1)), prefix })
})

test('prefix map: is what comparing with each of them says, however they come and go', () => {
  fc.assert(fc.property(fc.array(fc.record({ cidr, gone: fc.boolean() }), { maxLength: 120 }), cidr, (entries, wanted) => {
    const map = new PrefixMap<number>((a, b) => a === b)
    for (const [i, one] of entries.entries()) map.add(startOf(one.cidr), one.cidr.prefix, i)
    map.first(startOf(wanted), wanted.prefix)
    for (const [i, one] of entries.entries()) if (one.gone) map.remove(startOf(one.cidr), one.cidr.prefix, i)
    const naive = entries.flatMap((one, i) => !one.gone && overlaps(one.cidr, wanted) ? [i] : [])
    const items = map.overlapping(startOf(wanted), wanted.prefix).flatMap((place) => place.items)
    assert.equal(items.sort((a, b) => a - b), naive)
    assert.is(map.first(startOf(wanted), wanted.prefix) === undefined, naive.length === 0)
  }), { numRuns: 300 })
})

test.run()
