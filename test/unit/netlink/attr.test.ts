import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { string, u16, u32, u8 } from '../../../src/bytes/codec.js'
import { Writer } from '../../../src/bytes/writer.js'
import { DecodeError } from '../../../src/errors.js'
import { attr, decodeTable, encodeTable, list, nest, select, walk, type Table, type TableValue } from '../../../src/netlink/attr.js'

function encoded<T extends Table> (table: T, value: TableValue<T>): string {
  const w = new Writer()
  encodeTable(table, w, value)
  return w.take().toString('hex')
}
const inner = nest({ id: attr('X_ID', 1, u16) })
const table = {
  number: attr('X_NUMBER', 1, u32), text: attr('X_TEXT', 2, string), small: attr('X_SMALL', 3, u8), nested: attr('X_NESTED', 4, inner),
  names: attr('X_NAMES', 5, list('X_NAME', 9, string)), kind: attr('X_KIND', 6, string), data: select('X_DATA', 7, 'kind', { one: inner }),
}

test('attr: length counts header and payload, padding is not counted', () => {
  assert.is(encoded(table, { number: 7 }), '0800010007000000')
  assert.is(encoded(table, { text: 'a', small: 5 }), '060002006100' + '0000' + '0500030005' + '000000')
})

test('attr: nests carry NLA_F_NESTED', () => {
  assert.is(encoded(table, { nested: { id: 0x1234 } }), '0c000480' + '06000100' + '34120000')
  assert.is(encoded(table, { names: ['a', 'b'] }), '14000580' + '0600090061000000' + '0600090062000000')
})

test('attr: a choice follows its sibling, and stays bytes where none is known', () => {
  assert.equal(decodeTable(table, Buffer.from('080006006f6e6500' + '0c000700' + '06000100' + '34120000', 'hex')), { kind: 'one', data: { id: 0x1234 } })
  const { data } = decodeTable(table, Buffer.from('0800060074776f00' + '08000700' + '01020304', 'hex'))
  assert.ok(data instanceof Uint8Array)
  assert.equal([...data], [1, 2, 3, 4])
})

test('attr: flags in the type are not part of the number', () => {
  assert.equal(decodeTable(table, Buffer.from('080001c007000000', 'hex')), { number: 7 })
})

test('attr: unknown attributes are kept and written again', () => {
  const bytes = '0800010007000000' + '05006300ff000000'
  const value = decodeTable(table, Buffer.from(bytes, 'hex'))
  assert.equal(value.rest?.map(({ type, data }) => [type, [...data]]), [[99, [255]]])
  assert.is(encoded(table, value), bytes)
})

test('attr: what is decoded does not change with the buffer', () => {
  const buffer = Buffer.from('05006300ff000000', 'hex')
  const { rest } = decodeTable(table, buffer)
  buffer.fill(0)
  assert.equal([...rest?.[0]?.data ?? []], [255])
})

test('attr: bad lengths are refused and never loop', () => {
  for (const hex of ['03000100', '00000100', '09000100070000', 'ffff0100']) {
    assert.throws(() => [...walk(Buffer.from(hex, 'hex'))], (error: unknown) => error instanceof DecodeError)
  }
  assert.throws(() => decodeTable(table, Buffer.from('0c000480' + '05000100' + '34000000', 'hex')), 'X_NESTED.X_ID: u16 needs 2 bytes, has 1')
})

test('attr: a payload that does not fit is refused with its path', () => {
  assert.throws(() => encoded(table, { text: 'x'.repeat(70_000) }), /^X_TEXT: .* bytes do not fit/)
  assert.throws(() => encoded(table, { nested: { id: 70_000 } }), 'X_NESTED: X_ID: 70000 is not a u16')
  assert.throws(() => encoded(table, { text: 'a\0b' }), 'X_TEXT: text holds a NUL character')
})

test.run()
