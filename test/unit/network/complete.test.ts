import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../../src/errors.js'
import { checkNetwork } from '../../../src/network/check.js'
import { bridgeTemplate, complete, isDefinition } from '../../../src/network/complete.js'

const choices = { uuid: '81ff0d90-c91e-6742-64da-4a736edb9a9b', mac: '52:54:00:00:00:01', bridge: 'virbr3' }

test('complete: what is left open is chosen, what is said stays', () => {
  assert.equal(complete(checkNetwork({ name: 'n' }), choices), {
    name: 'n', uuid: choices.uuid, mac: choices.mac, forward: { mode: 'none' }, bridge: { name: 'virbr3', stp: false, delay: 0 }, ip: [],
  })
  const own = { uuid: '11111111-2222-3333-4444-555555555555', mac: '52:54:00:aa:aa:aa' }
  const { uuid, mac, bridge } = complete(checkNetwork({ name: 'n', ...own, bridge: { name: 'br7', stp: true, delay: 2 } }), choices)
  assert.equal({ uuid, mac, bridge }, { ...own, bridge: { name: 'br7', stp: true, delay: 2 } })
})

test('complete: an automatic subnet becomes the first address of the chosen one, with leases for the rest', () => {
  const spec = checkNetwork({ name: 'n', forward: 'nat', subnet: 'auto/24', dhcp: true })
  const definition = complete(spec, { ...choices, subnet: '10.128.3.0/24' })
  assert.equal(definition.ip, [{ address: '10.128.3.1', prefix: 24, dhcp: { range: [{ start: '10.128.3.2', end: '10.128.3.254' }] } }])
  assert.is('auto' in definition, false)
  assert.throws(() => complete(spec, choices), (error: unknown) => error instanceof InputError && error.issues[0]?.path === 'subnet')
})

test('complete: a bridge template asks for a name', () => {
  assert.is(bridgeTemplate(checkNetwork({ name: 'n' })), 'virbr%d')
  assert.is(bridgeTemplate(checkNetwork({ name: 'n', bridge: 'lab%d' })), 'lab%d')
  assert.is(bridgeTemplate(checkNetwork({ name: 'n', bridge: 'br0' })), undefined)
  assert.is(complete(checkNetwork({ name: 'n', bridge: 'lab%d' }), { ...choices, bridge: 'lab0' }).bridge.name, 'lab0')
})

test('complete: a choice that makes no network is refused', () => {
  const spec = checkNetwork({ name: 'n', bridge: 'lab%d' })
  for (const bad of [{ bridge: 'a b' }, { bridge: 'lab%d' }, { uuid: 'x' }, { mac: 'ff:ff:ff:ff:ff:ff' }]) {
    assert.throws(() => complete(spec, { ...choices, bridge: 'lab0', ...bad }), (error: unknown) => error instanceof InputError, JSON.stringify(bad))
  }
})

test('complete: only what leaves nothing open is a definition', () => {
  assert.is(isDefinition(checkNetwork({ name: 'n' })), false)
  assert.is(isDefinition(complete(checkNetwork({ name: 'n' }), choices)), true)
  assert.is(isDefinition(checkNetwork({ name: 'n', uuid: choices.uuid, mac: choices.mac, bridge: 'lab%d' })), false)
})

test.run()
