import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../../src/errors.js'
import { isIfName, parseIfName } from '../../../src/values/ifname.js'

test('ifname: takes what dev_valid_name() takes', () => {
  for (const name of ['virbr0', 'a', 'exactly15bytes_', 'br-lan', 'eth0.100', '...', 'ü']) assert.is(parseIfName(name), name)
})

test('ifname: refuses what the kernel refuses or rewrites', () => {
  for (const name of ['', '.', '..', 'sixteen_bytes_xx', 'a/b', 'a b', 'a:b', 'virbr%d', 'a\0b', 'a\tb', 'a\n', 'a\u00a0b', 'üüüüüüüü', 'voilà']) {
    assert.is(isIfName(name), false, JSON.stringify(name))
    assert.throws(() => parseIfName(name), (error: unknown) => error instanceof InputError && error.code === 'NETWRIGHT_INVALID')
  }
})

test('ifname: the complaint names the place and the reason', () => {
  assert.throws(() => parseIfName('sixteen_bytes_xx', 'bridge.name'), 'bridge.name: interface name "sixteen_bytes_xx" has 16 bytes, the kernel takes at most 15')
})

test.run()
