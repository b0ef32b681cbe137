import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { InputError } from '../../src/errors.js'
import { checkNetwork } from '../../src/network/check.js'
import { parseDefinition } from '../../src/network/definition.js'
import { readJson } from '../../src/network/json.js'
import { networkInput } from './network-input.js'

const bounds = { numRuns: 1500, interruptAfterTimeLimit: 3000, markInterruptAsFailure: false }

function survives (input: unknown): void {
  const from = process.cpuUsage()
  try { parseDefinition(input) } catch (error) {
    if (!(error instanceof InputError)) throw error
    assert.ok(error.issues.length > 0)
  }
  assert.ok(process.cpuUsage(from).user < 1_000_000)
}

/** As JSON.parse, but for keys that are there twice; our limits are not reached here. */
test('fuzz: JSON means what JSON.parse says it means', () => {
  fc.assert(fc.property(fc.json({ maxDepth: 6 }), (text) => {
    assert.equal(readJson(text).value, JSON.parse(text))
  }), bounds)
})

test('fuzz: text is JSON for us only where it is for JSON.parse', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '"a"', '1', '-', '.5', 'e9', 'true', 'null', ' ', '\\', '\\u00', '\n')
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')), (text) => {
    let ours = true
    try { readJson(text) } catch (error) {
      if (!(error instanceof InputError)) throw error
      ours = false
    }
    if (ours) assert.not.throws(() => { JSON.parse(text) })
  }), bounds)
})

test('fuzz: any data is checked or refused', () => {
  fc.assert(fc.property(fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true, withTypedArray: true }), fc.object({ key: fc.constantFrom('name', 'ip', 'forward', 'bridge', 'dns', 'mtu', '__proto__', 'address', 'constructor') })), survives), bounds)
})

test('fuzz: a valid network with one member replaced is checked or refused', () => {
  fc.assert(fc.property(networkInput, fc.nat(), fc.oneof(fc.anything(), fc.string(), fc.constantFrom(-0, 2 ** 53, '0x10', '010', '2001:db8::1', 'ff02::1', '127.1')), (input, which, value) => {
    const copy: unknown = structuredClone(input)
    const places: (readonly [object, string])[] = []
    const visit = (item: unknown): void => {
      if (typeof item !== 'object' || item === null) return
      for (const key of Object.keys(item)) { places.push([item, key]); visit(Reflect.get(item, key)) }
    }
    visit(copy)
    const place = places[which % places.length]
    if (place !== undefined) Reflect.set(place[0], place[1], value)
    survives(copy)
  }), bounds)
})

test('fuzz: what is checked is frozen all the way down', () => {
  const frozen = (item: unknown): boolean => typeof item !== 'object' || item === null || (Object.isFrozen(item) && Object.values(item).every(frozen))
  fc.assert(fc.property(networkInput, (input) => { assert.ok(frozen(checkNetwork(input))) }), { ...bounds, numRuns: 300 })
})

test.run()
