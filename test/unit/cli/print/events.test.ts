import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { eventText } from '../../../../src/cli/print/events.js'

test('events: a network\'s change has virsh\'s words', () => {
  assert.is(eventText({ kind: 'network', network: 'default', change: 'started' }), "event 'lifecycle' for network default: Started\n")
})

test('events: a guest\'s host name cannot write to the terminal', () => {
  const lease = { mac: '52:54:00:00:00:01', ip: '10.0.0.2', family: 'ipv4', hostname: 'a\u001b]0;x', change: 'added' } as const
  assert.is(eventText({ kind: 'lease', network: 'n', lease }), 'lease of network n: added 52:54:00:00:00:01 10.0.0.2 a\\x1b]0;x\n')
})

test('events: the last lines of dnsmasq stand below its event', () => {
  assert.is(eventText({ kind: 'dnsmasq', network: 'n', change: 'degraded', lastLines: ['one', 'two'] }), 'dnsmasq of network n: degraded\n  one\n  two\n')
})

test.run()
