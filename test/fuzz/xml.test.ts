import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { InputError } from '../../src/errors.js'
import { checkNetwork } from '../../src/network/check.js'
import { parseDefinition } from '../../src/network/definition.js'
import { readNetworkXml } from '../../src/network/xml/read.js'
import { networkXml, storedXml } from '../../src/network/xml/write.js'
import { networkInput } from './network-input.js'

const seeds = new URL('../../../test/seeds/', import.meta.url)
const documents = readdirSync(seeds).filter((name) => name.endsWith('.xml')).map((name) => readFileSync(new URL(name, seeds)))
const bounds = { numRuns: 1500, interruptAfterTimeLimit: 4000, markInterruptAsFailure: false }

/** Reads it, or is told what is wrong; nothing else may happen, and not slowly. */
function survives (source: unknown): void {
  const from = process.cpuUsage()
  try {
    const spec = parseDefinition(source)
    assert.equal(readNetworkXml(networkXml(spec)), spec)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    assert.ok(error.issues.length > 0)
  }
  assert.ok(process.cpuUsage(from).user < 1_000_000)
}

test('fuzz: every valid network survives the way through XML, and through the stored file', () => {
  fc.assert(fc.property(networkInput, fc.boolean(), (input, xml) => {
    const spec = checkNetwork(input, xml ? 'xml' : 'json')
    assert.equal(readNetworkXml(networkXml(spec)), spec)
    assert.equal(readNetworkXml(storedXml(spec)), spec)
    assert.equal(checkNetwork(spec), spec)
    assert.equal(parseDefinition(JSON.stringify(spec)), spec)
  }), bounds)
})

test('fuzz: random bytes and text are read or refused', () => {
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ maxLength: 100 }).map((text) => `<network>${text}</network>`)), survives), bounds)
})

test('fuzz: a document with some of its bytes changed is read or refused', () => {
  const change = fc.record({ at: fc.nat(), what: fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.constantFrom('<', '>', '\'', '"', '&', '<!--', ']]>', '<ip address="', '</network>', '9'.repeat(30), '\n').map((text) => Buffer.from(text))), drop: fc.nat({ max: 20 }) })
  fc.assert(fc.property(fc.constantFrom(...documents), fc.array(change, { minLength: 1, maxLength: 4 }), (document, changes) => {
    const mutated = changes.reduce((bytes, { at, what, drop }) => {
      const offset = at % (bytes.length + 1)
      return Buffer.concat([bytes.subarray(0, offset), what, bytes.subarray(offset + drop)])
    }, document)
    survives(mutated)
  }), bounds)
})

test.run()
