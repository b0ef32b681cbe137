import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { freeAddress, Subnets } from '../../../src/engine/pool.js'
import { NetwrightError } from '../../../src/errors.js'
import { formatCidr, parseCidr } from '../../../src/values/cidr.js'
import { parseIp, type IpFamily } from '../../../src/values/ip.js'
import { PrefixMap, startOf } from '../../../src/values/prefix-map.js'

class Room {
  readonly #families = { 4: new PrefixMap<string>((a, b) => a === b), 6: new PrefixMap<string>((a, b) => a === b) }
  prefixes (family: IpFamily): PrefixMap<string> { return this.#families[family] }
  add (text: string): void { this.#families[text.includes(':') ? 6 : 4].add(startOf(parseCidr(text)), parseCidr(text).prefix, text) }
  remove (text: string): void { this.#families[text.includes(':') ? 6 : 4].remove(startOf(parseCidr(text)), parseCidr(text).prefix, text) }
}

const choose = (subnets: Subnets, pools: readonly string[], length: number, lasting: Room, passing = new Room()): string => formatCidr(subnets.free(pools, length, { lasting: [lasting], passing: [passing] }))

test('pool: the first free prefix of the first pool that has one; what passes is in the way only for now', () => {
  const [subnets, lasting, passing] = [new Subnets(), new Room(), new Room()]
  lasting.add('10.0.0.0/25')
  lasting.add('10.0.1.7/32')
  passing.add('10.0.2.0/24')
  assert.is(choose(subnets, ['10.0.0.0/22', 'fd00::/48'], 24, lasting, passing), '10.0.3.0/24')
  assert.is(choose(subnets, ['10.0.0.0/22', 'fd00::/48'], 24, lasting), '10.0.2.0/24')
  lasting.add('10.0.2.0/23')
  assert.is(choose(subnets, ['10.0.0.0/22', '10.9.0.0/16'], 24, lasting), '10.9.0.0/24')
  assert.is(choose(subnets, ['fd00::/48'], 64, lasting), 'fd00::/64')
})

test('pool: none is left where a wider prefix holds the whole pool, and one is again when that has gone', () => {
  const [subnets, lasting] = [new Subnets(), new Room()]
  lasting.add('10.0.0.0/8')
  const refused = (): unknown => { try { return choose(subnets, ['10.7.0.0/16'], 24, lasting) } catch (error) { return error instanceof NetwrightError ? error.code : error } }
  assert.is(refused(), 'NETWRIGHT_NO_FREE_SUBNET')
  lasting.remove('10.0.0.0/8')
  assert.is(refused(), '10.7.0.0/24')
})

test('pool: however prefixes come and go, the choice is that of one who remembers nothing', () => {
  const step = fc.record({ third: fc.integer({ min: 0, max: 9 }), length: fc.constantFrom(22, 23, 24, 25, 26), come: fc.boolean() })
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const [subnets, lasting] = [new Subnets(), new Room()]
    for (const { third, length, come } of steps) {
      const { address } = parseCidr(`10.0.${String(third)}.0/24`)
      if (come) lasting.add(`${address}/${String(length)}`)
      else lasting.remove(`${address}/${String(length)}`)
      const other = new Subnets()
      for (const wanted of [24, 25]) {
        const remembered = choose(subnets, ['10.0.0.0/20'], wanted, lasting)
        assert.is(remembered, choose(other, ['10.0.0.0/20'], wanted, lasting))
      }
    }
  }), { numRuns: 200 })
})

test('pool: an address is of the ranges first, then of the rest, never one that is taken or not a host\'s', () => {
  const subnet = parseCidr('10.0.0.0/29')
  const ranges = [{ start: parseIp('10.0.0.4'), end: parseIp('10.0.0.5') }]
  const taken = new Set([parseIp('10.0.0.1')])
  const order = []
  for (let i = 0; i < 5; i++) {
    const ip = freeAddress(subnet, ranges, taken)
    order.push(ip)
    taken.add(ip)
  }
  assert.equal(order, ['10.0.0.4', '10.0.0.5', '10.0.0.2', '10.0.0.3', '10.0.0.6'])
  assert.throws(() => freeAddress(subnet, ranges, taken), /no free address/)
})

test.run()
