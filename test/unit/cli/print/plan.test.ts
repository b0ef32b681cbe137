import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planText, tally, tallyText } from '../../../../src/cli/print/plan.js'
import { checkNetwork } from '../../../../src/network/check.js'
import { complete } from '../../../../src/network/complete.js'
import type { Change } from '../../../../src/index.js'

const red = complete(checkNetwork({ name: 'red' }), { uuid: '81ff0d90-c91e-6742-64da-4a736edb9a9b', mac: '52:54:00:00:00:01', bridge: 'br0' })
const said = { reason: 'so', interrupts: 'none' } as const
const tap = { kind: 'tap', dev: 't0', mac: '52:54:00:00:00:02' } as const

test('plan: what comes, changes and goes is counted once a network and once a port', () => {
  const changes: Change[] = [
    { kind: 'source', network: 'red', to: '/lab', what: 'network red is made from /lab', ...said },
    { kind: 'running', network: 'moved', from: red, what: 'stop network moved', reason: 'so', interrupts: 'outage' },
    { kind: 'stored', network: 'red', to: red, what: 'define network red', ...said },
    { kind: 'autostart', network: 'red', from: false, to: true, what: 'mark network red for autostart', ...said },
    { kind: 'running', network: 'red', to: red, what: 'start network red', ...said },
    { kind: 'running', network: 'moved', to: red, what: 'start network moved', ...said },
    { kind: 'port', network: 'red', to: tap, what: 'attach tap t0 to network red', ...said },
    { kind: 'source', network: 'other', from: '/a', to: '/lab', what: 'network other is made from /lab', ...said },
    { kind: 'stored', network: 'old', from: red, what: 'undefine network old', ...said },
  ]
  assert.equal(tally({ changes }), { add: 2, change: 2, remove: 1 })
  assert.is(tallyText(tally({ changes }), false), '2 to add, 2 to change, 1 to remove')
  assert.equal(planText({ changes }).split('\n').map((line) => line.split(' (')[0]), [
    '- stop network moved', '+ define network red', '~ mark network red for autostart', '+ start network red', '+ start network moved', '+ attach tap t0 to network red',
    '~ network other is made from /lab', '- undefine network old', '',
  ])
})

test('plan: parts stand below what they are parts of, and nothing can play with the terminal', () => {
  const parts = [{ what: 'mtu: 1500 becomes 1400', reason: 'smaller', interrupts: 'blip' }] as const
  const change: Change = { kind: 'running', network: 'r\u001b[2Jd', from: red, to: red, what: 'change network r\u001b[2Jd while it runs', reason: 'it differs in mtu', interrupts: 'blip', parts }
  assert.is(planText({ changes: [change] }), '~ change network r\\x1b[2Jd while it runs (it differs in mtu): blip\n    mtu: 1500 becomes 1400 (smaller): blip\n')
})

test.run()
