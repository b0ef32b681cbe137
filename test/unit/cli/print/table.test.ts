import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NetworkInfo } from '../../../../src/index.js'
import { networkInfo, networkTable } from '../../../../src/cli/print/network.js'
import { table } from '../../../../src/cli/print/table.js'

const network = (name: string, active: boolean, autostart: boolean): NetworkInfo => ({
  name, uuid: '43d8bf8b-3558-4ed0-85d3-66b8de7783ff', active, state: active ? 'active' : 'inactive', persistent: true, autostart, bridge: 'virbr2', mode: 'nat', addresses: [], ports: 0,
})

// Expected texts: virsh 9.0, as reference and tutorials show them.
test('table: prints what virsh net-list --all prints', () => {
  assert.is(networkTable([network('default', true, true), network('isolated', false, false)], false), [
    ' Name       State      Autostart   Persistent',
    '-----------------------------------------------',
    ' default    active     yes         yes',
    ' isolated   inactive   no          yes',
    '',
  ].join('\n'))
})

test('table: without rows header and rule stay', () => {
  assert.is(networkTable([], false), ' Name   State   Autostart   Persistent\n----------------------------------------\n')
})

test('table: --quiet leaves out header and rule, not the widths', () => {
  assert.is(networkTable([network('a', true, true)], true), ' a      active   yes         yes\n')
})

test('table: East Asian characters take two columns, combining marks none', () => {
  assert.is(table(['名称', 'x'], [['abcd', 'y'], ['e\u0301', 'z']]), ' 名称   x\n-----------\n abcd   y\n e\u0301      z\n')
})

test('table: control characters of a name do not reach the terminal', () => {
  assert.is(table(['Name'], [['a\u001b[31m\nb\u202e']], true), ' a\\x1b[31m\\x0ab\\u{202e}\n')
})

test('net-info: prints what virsh prints', () => {
  assert.is(networkInfo(network('routed', true, true)), [
    'Name:           routed',
    'UUID:           43d8bf8b-3558-4ed0-85d3-66b8de7783ff',
    'Active:         yes',
    'Persistent:     yes',
    'Autostart:      yes',
    'Bridge:         virbr2',
    '',
  ].join('\n'))
})

test('net-info: says when dnsmasq is down', () => {
  assert.match(networkInfo({ ...network('n', true, false), state: 'degraded' }), /^State: {10}degraded/m)
})

test.run()
