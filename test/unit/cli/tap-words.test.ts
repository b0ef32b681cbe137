import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { onOff, seconds } from '../../../src/cli/bridge-words.js'
import { tapWords } from '../../../src/cli/tap-words.js'

test('tap: takes a name, or the words of ip tuntap in any order', () => {
  assert.equal(tapWords(['vm-vnic']), { name: 'vm-vnic' })
  assert.equal(tapWords(['dev', 'vm-vnic', 'mode', 'tap']), { name: 'vm-vnic' })
  assert.equal(tapWords(['mode', 'tap', 'vm-vnic', 'user', '1000', 'group', '7', 'vnet_hdr', 'multi_queue']), { name: 'vm-vnic', owner: 1000, group: 7, vnetHdr: true, queues: 256 })
})

test('tap: refuses what it cannot make', () => {
  assert.throws(() => tapWords([]), /name of the TAP is missing/)
  assert.throws(() => tapWords(['x', 'mode', 'tun']), /only tap/)
  assert.throws(() => tapWords(['x', 'user', 'root']), /not a number/)
  assert.throws(() => tapWords(['x', 'mode']), /value is missing/)
  assert.throws(() => tapWords(['x', 'y']), /unexpected data/)
})

test('bridge: on and off are brctl\'s words, seconds a number', () => {
  assert.equal(['on', 'yes', '1', 'off', 'no', '0'].map(onOff), [true, true, true, false, false, false])
  assert.throws(() => onOff('maybe'), /neither/)
  assert.is(seconds('2.5'), 2.5)
  assert.throws(() => seconds('-1'), /not a number/)
})

test.run()
