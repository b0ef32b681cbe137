import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Writer } from '../../../src/bytes/writer.js'

const hex = (w: Writer): string => w.take().toString('hex')

test('Writer: two at once do not get in each other\'s way, however they grow', () => {
  const [a, b] = [new Writer(4), new Writer(4)]
  for (let i = 0; i < 100; i++) { a.be32(i); b.be16(0xffff - i) }
  const first = a.take()
  const c = new Writer(8)
  c.bytes(Buffer.alloc(300, 0xee))
  const second = b.take()
  for (let i = 0; i < 100; i++) {
    assert.is(first.readUInt32BE(i * 4), i)
    assert.is(second.readUInt16BE(i * 2), 0xffff - i)
  }
  assert.is(hex(c), 'ee'.repeat(300))
})

test('Writer: what is skipped is zero, also behind text and after others', () => {
  for (let i = 0; i < 3000; i++) {
    const w = new Writer(16)
    w.text('äöü')
    w.align(); w.zeros(6); w.align(); w.u8(0xff)
    assert.is(hex(w), 'c3a4c3b6c3bc0000000000000000' + '0000' + 'ff')
  }
})

test('Writer: what was taken stays as it is', () => {
  const w = new Writer(8)
  w.be32(1)
  const taken = w.take()
  assert.is(w.length, 0)
  w.be32(2); w.be32(3); w.be32(4)
  assert.is(taken.toString('hex'), '00000001')
  assert.is(hex(w), '000000020000000300000004')
})

test('Writer: more than a block', () => {
  const w = new Writer()
  for (let i = 0; i < 70_000; i++) w.u8(i & 0xff)
  w.patch16(0, 0x0101)
  const taken = w.take()
  assert.is(taken.length, 70_000)
  assert.is(taken[0], 1)
  assert.is(taken[69_999], 69_999 & 0xff)
})

test.run()
