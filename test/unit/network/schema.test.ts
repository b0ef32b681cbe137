import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networkJsonSchema } from '../../../scripts/generate-schema.js'

/** The words of JSON Schema that ours uses; another word fails the test, so that nothing goes unlooked at. */
function valid (schema: unknown, value: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) throw new Error('not a schema')
  return Object.entries(schema).every(([word, rule]) => obeys(word, rule, value, schema))
}

function obeys (word: string, rule: unknown, value: unknown, schema: object): boolean {
  const record: Readonly<Record<string, unknown>> | undefined = typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  const length = typeof value === 'string' || Array.isArray(value) ? value.length : undefined
  switch (word) {
    case '$schema': case 'title': case 'description': return true
    case 'type': return typeOf(value) === rule || (rule === 'number' && typeOf(value) === 'integer')
    case 'enum': return Array.isArray(rule) && rule.includes(value)
    case 'anyOf': return Array.isArray(rule) && rule.some((one) => valid(one, value))
    case 'minimum': return typeof value !== 'number' || value >= Number(rule)
    case 'maximum': return typeof value !== 'number' || value <= Number(rule)
    case 'minLength': case 'minItems': return length === undefined || length >= Number(rule)
    case 'maxItems': return length === undefined || length <= Number(rule)
    case 'items': return !Array.isArray(value) || value.every((item) => valid(rule, item))
    case 'required': return record === undefined || (Array.isArray(rule) && rule.every((key) => String(key) in record))
    case 'properties': return record === undefined || Object.entries({ ...object(rule) }).every(([key, inner]) => !(key in record) || valid(inner, record[key]))
    case 'additionalProperties': return rule !== false || record === undefined || Object.keys(record).every((key) => key in object(Reflect.get(schema, 'properties')))
    default: throw new Error(`the schema uses '${word}'`)
  }
}

const object = (value: unknown): object => typeof value === 'object' && value !== null ? value : {}
const typeOf = (value: unknown): string => value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value

const schema = networkJsonSchema()

test('schema: names draft 7, and has a title', () => {
  assert.match(String(schema['$schema']), /draft-07/)
  assert.type(schema['title'], 'string')
  assert.equal(schema['required'], ['name'])
})

test('schema: takes what people write', () => {
  for (const network of [
    { name: 'n' },
    { name: 'n', forward: 'nat', bridge: 'br0', subnet: 'auto/24', dhcp: true },
    { name: 'n', forward: { mode: 'route', dev: 'eth0' }, bridge: { stp: true, delay: 4 }, ip: { address: '10.0.0.1', prefix: 24 } },
    { name: 'n', ip: [{ address: '10.0.0.1', dhcp: { range: [{ start: '10.0.0.2', end: '10.0.0.9', lease: { expiry: 1, unit: 'hours' } }], host: [{ name: 'a', ip: '10.0.0.7' }] } }] },
    { name: 'n', dns: { enable: true, txt: [{ name: 'a', value: '' }], host: [{ ip: '10.0.0.9', hostname: ['a'] }] } },
  ]) assert.ok(valid(schema, network), JSON.stringify(network))
})

test('schema: refuses what has another shape', () => {
  for (const network of [
    {}, { name: '' }, { name: 7 }, { name: 'n', colour: 'red' }, { name: 'n', forward: 'teleport' }, { name: 'n', mtu: 67 }, { name: 'n', mtu: 1500.5 }, { name: 'n', bridge: { name: 'a', zone: 'x' } },
    { name: 'n', ip: {} }, { name: 'n', ip: [{ address: '10.0.0.1', prefix: 129 }] }, { name: 'n', dns: { host: [{ ip: '10.0.0.1', hostname: [] }] } }, [], 'n',
  ]) assert.not.ok(valid(schema, network), JSON.stringify(network))
})

test.run()
