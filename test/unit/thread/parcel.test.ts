/** Parcels: what a checker says of what has travelled is what he says of the original. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { plainCopy } from '../../../src/network/plain.js'
import { pack, unpack } from '../../../src/thread/parcel.js'

/** As a message goes: the structured clone is Node's. */
const sent = (value: unknown): unknown => unpack(structuredClone(pack(value, (item) => typeof item === 'function' ? 'a function' : undefined)), () => () => undefined)

const verdict = (value: unknown): string => { try { return JSON.stringify(plainCopy(value)) } catch (error) { return String(error) } }

class Definition { readonly name = 'red' }
const cyclic: Record<string, unknown> = { name: 'red' }
cyclic.self = cyclic
const nested = (depth: number): unknown => depth === 0 ? 'deep' : [nested(depth - 1)]
let ran = 0

const strange: Readonly<Record<string, unknown>> = {
  'a function': { forward: () => 'nat' },
  'a symbol': { forward: Symbol('nat') },
  'an accessor': { forward: 1, get name () { ran++; return 'red' } },
  'an accessor in a list': [Object.defineProperty([], 0, { get: () => { ran++; return 1 }, enumerable: true })],
  'a setter': Object.defineProperty({}, 'name', { set: () => { ran++ }, enumerable: true }),
  'an instance': { network: new Definition() },
  'an instance by itself': new Definition(),
  'a date': { since: new Date(0) },
  'a map': new Map([['name', 'red']]),
  'an iterator of its own': [Object.assign(['a'], { [Symbol.iterator]: () => { ran++; return [][Symbol.iterator]() } })],
  'a proxy': { ip: new Proxy([], { get: () => { ran++; return 1 } }) },
  'a cycle': cyclic,
  'a list with holes': [1, , 3],
  'a big number': { delay: 10n },
  'a number that is none': { delay: Number.NaN },
  'no prototype': Object.assign(Object.create(null) as object, { name: 'red' }),
  'a prototype as a key': JSON.parse('{ "__proto__": { "name": "red" } }') as unknown,
  'too deep': nested(40),
  'far too deep': nested(4000),
  'undefined in a list': [undefined],
  'undefined in an object': { name: undefined, uuid: 'x' },
  'a typed array': { mac: new Uint8Array([1, 2]) },
}

for (const [name, value] of Object.entries(strange)) {
  test(`parcel: ${name} is told of as it is, and nothing of it is run`, () => {
    ran = 0
    assert.is(verdict(sent(value)), verdict(value))
    assert.is(ran, 0)
  })
}

test('parcel: what JSON can say arrives as it was', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => { assert.equal(sent(value), value) }))
})

test('parcel: bytes arrive without those that lie beside them', () => {
  const whole = new Uint8Array(4096)
  const { data } = pack({ data: whole.subarray(8, 10) }, () => undefined)
  assert.is((data as { data: Uint8Array }).data.buffer.byteLength, 2)
})

test('parcel: whatever its sender changes later stays his', () => {
  const spec = { name: 'red', ip: [{ address: '10.0.0.1' }] }
  const packed = pack(spec, () => undefined)
  spec.name = 'blue'
  spec.ip.length = 0
  assert.equal(unpack(packed, () => undefined), { name: 'red', ip: [{ address: '10.0.0.1' }] })
})

test('parcel: more than a machine can hold is refused', () => {
  const shared = Array.from({ length: 1000 }, () => 1)
  const hundreds = Array.from({ length: 100 }, () => shared)
  assert.throws(() => pack(Array.from({ length: 100 }, () => hundreds), () => undefined), /more than \d+ values/)
})

test.run()
