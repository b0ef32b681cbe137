import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { u32, u8 } from '../../../src/bytes/codec.js'
import { struct } from '../../../src/bytes/struct.js'
import { attr } from '../../../src/netlink/attr.js'
import { family } from '../../../src/netlink/family.js'

const header = struct('thingmsg', 6, { family: [0, u8], index: [2, u32] })
const thing = family('THING', { new: 100, del: 101, get: 102 }, header, { size: attr('TA_SIZE', 1, u32) })

test('family: verbs are flags and types', () => {
  const message = { index: 1, size: 2 }
  const made = [thing.create(message, 'x'), thing.replace(message, 'x'), thing.change(message, 'x'), thing.remove(message, 'x'), thing.get(message, 'x'), thing.dump()]
  assert.equal(made.map(({ type, flags, name }) => [type, flags, name]), [
    [100, 0x600, 'RTM_NEWTHING'], [100, 0x500, 'RTM_NEWTHING'], [100, 0, 'RTM_NEWTHING'], [101, 0, 'RTM_DELTHING'], [102, 0, 'RTM_GETTHING'], [102, 0x300, 'RTM_GETTHING'],
  ])
})

test('family: attributes begin at the next multiple of four behind the struct', () => {
  assert.is(thing.create({ family: 2, index: 1, size: 2 }, 'x').body.toString('hex'), '020001000000' + '0000' + '0800010002000000')
  assert.equal(thing.decode({ type: 101, payload: Buffer.from('0200010000000000' + '0800010002000000', 'hex') }), { family: 2, index: 1, size: 2 })
})

test('family: what is left out of the struct is zero', () => {
  assert.is(thing.dump().body.toString('hex'), '0000000000000000')
})

test('family: errors name the message', () => {
  assert.throws(() => thing.decode({ type: 102, payload: Buffer.alloc(8) }), 'RTM_*THING: unexpected message type 102')
  assert.throws(() => thing.decode({ type: 101, payload: Buffer.from('0000000000000000' + '0500010002000000', 'hex') }), 'RTM_DELTHING.TA_SIZE: u32 needs 4 bytes, has 1')
})

test('family: the guard sees every verb but dump', () => {
  const seen: string[] = []
  const guarded = family('THING', thing.types, header, thing.table, (verb) => { seen.push(verb) })
  guarded.create({}, 'x'); guarded.replace({}, 'x'); guarded.change({}, 'x'); guarded.remove({}, 'x'); guarded.get({}, 'x'); guarded.dump()
  assert.equal(seen, ['create', 'replace', 'change', 'remove', 'get'])
})

test.run()
