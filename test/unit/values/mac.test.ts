import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hostMac, isMulticast, macFromBytes, macToBytes, parseMac, randomMac } from '../../../src/values/mac.js'

test('mac: canonical form is lower case', () => {
  assert.is(parseMac('52:54:00:AB:cd:0F'), '52:54:00:ab:cd:0f')
})

test('mac: refuses every other form', () => {
  for (const text of ['', '52:54:00:ab:cd', '52:54:00:ab:cd:ef:01', '52-54-00-ab-cd-ef', '525400abcdef', '5:54:00:ab:cd:ef', '52:54:00:ab:cd:eg', ' 52:54:00:ab:cd:ef', '52:54:00:ab:cd:ef\n']) {
    assert.throws(() => parseMac(text), /is not a MAC address/)
  }
})

test('mac: the group bit is the lowest of the first byte', () => {
  assert.is(isMulticast(parseMac('01:00:5e:00:00:01')), true)
  assert.is(isMulticast(parseMac('ff:ff:ff:ff:ff:ff')), true)
  assert.is(isMulticast(parseMac('52:54:00:00:00:01')), false)
})

test('mac: the host side of a guest starts with fe, or fa where the guest has fe', () => {
  assert.is(hostMac(parseMac('52:54:00:12:34:56')), 'fe:54:00:12:34:56')
  assert.is(hostMac(parseMac('fe:54:00:12:34:56')), 'fa:54:00:12:34:56')
})

test('mac: a random address keeps its prefix', () => {
  assert.match(randomMac(), /^52:54:00:[0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2}$/)
  assert.match(randomMac('02'), /^02(:[0-9a-f]{2}){5}$/)
  assert.throws(() => randomMac('5:2'), /beginning of a MAC/)
})

test('mac: bytes come in the order they are written', () => {
  assert.equal([...macToBytes(parseMac('52:54:00:12:34:56'))], [0x52, 0x54, 0, 0x12, 0x34, 0x56])
  assert.is(macFromBytes(Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56)), '52:54:00:12:34:56')
  assert.throws(() => macFromBytes(Uint8Array.of(1)), /6 bytes/)
})

test.run()
