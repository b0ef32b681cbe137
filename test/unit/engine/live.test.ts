import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { difference, isNothing } from '../../../src/engine/difference.js'
import { daemonNeed, liveDiff } from '../../../src/engine/live.js'
import type { NetworkRecord } from '../../../src/engine/record.js'
import { needsDnsmasq } from '../../../src/dnsmasq/config.js'
import { complete } from '../../../src/network/complete.js'
import { checkNetwork } from '../../../src/network/check.js'
import { expand } from '../../../src/network/expand.js'
import type { Definition, NetworkInput } from '../../../src/network/spec.js'

const base: NetworkInput = { name: 'red', forward: 'nat', ip: [{ address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.10', end: '10.7.0.99' }] } }] }
const define = (more: Partial<NetworkInput> = {}): Definition => complete(checkNetwork({ ...base, ...more }), { uuid: '00000000-0000-4000-8000-000000000001', mac: '52:54:00:00:00:01', bridge: 'virbr7' })
const recordOf = (definition: Definition): NetworkRecord => {
  const { links: [bridge], ...rest } = expand(definition, { index: 77, group: 5 })
  if (bridge === undefined) throw new Error('no bridge')
  return { definition, bridge, ...rest, dnsmasq: needsDnsmasq(definition) }
}
const parts = (from: Definition, to: Definition): string[] => liveDiff(from, to).parts.map(({ what, interrupts }) => `${what} (${interrupts})`)
const requests = (from: Definition, to: Definition): string[] => {
  const { first, last } = difference(recordOf(from), recordOf(to), [], {})
  return [...first.map(({ request }) => `+ ${request.name} ${request.object}`), ...last.map(({ request }) => `- ${request.name} ${request.object}`)]
}

test('live diff: equal definitions differ in nothing, in words and in requests', () => {
  assert.equal(liveDiff(define(), define()), { parts: [], restart: false })
  assert.ok(isNothing(difference(recordOf(define()), recordOf(define()), [], {})))
})

test('live diff: what needs a stop and a start says so', () => {
  const other = { ...define(), bridge: { ...define().bridge, name: 'virbr8' } }
  assert.ok(liveDiff(define(), other).restart)
  assert.equal(liveDiff(define(), other).parts.map(({ interrupts }) => interrupts), ['outage', 'blip'])
  assert.throws(() => difference(recordOf(define()), recordOf(other), [], {}), 'two bridges')
})

test('live diff: static leases and names are read again, other things of dnsmasq need a new one', () => {
  const host = define({ ip: [{ address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.10', end: '10.7.0.99' }], host: [{ mac: '52:54:00:00:00:02', ip: '10.7.0.50' }] } }] })
  assert.is(daemonNeed(define(), host), 'reload')
  assert.is(daemonNeed(define(), define({ dns: { host: [{ ip: '10.7.0.9', hostname: ['a'] }] } })), 'reload')
  assert.is(daemonNeed(define(), define({ domain: { name: 'a.test' } })), 'restart')
  assert.is(daemonNeed(define(), define({ ip: [{ address: '10.7.0.1', prefix: 24 }], dns: { enable: false } })), 'stop')
  assert.is(daemonNeed(define({ ip: [{ address: '10.7.0.1', prefix: 24 }], dns: { enable: false } }), define()), 'start')
  assert.is(daemonNeed(define(), define({ title: 'red', mtu: 1500, forward: 'route' })), 'restart', 'the MTU is told by DHCP')
  assert.is(daemonNeed(define(), define({ title: 'red', forward: 'route' })), 'nothing')
})

test('live diff: a network that opens interrupts nobody, one that closes does', () => {
  assert.equal(parts(define(), define({ forward: 'route' })), ['forward mode: nat becomes route (none)'])
  assert.equal(parts(define({ forward: 'route' }), define()), ['forward mode: route becomes nat (outage)'])
  assert.equal(parts(define(), define({ forward: { mode: 'nat', dev: 'eth0' } })), ['forward dev: any becomes eth0 (outage)'])
})

test('difference: what comes is first, what goes is last, and what was beside it is said again', () => {
  const [from, to] = [define(), define({ ip: [{ address: '10.8.0.1', prefix: 24 }], route: [{ address: '10.9.0.0', prefix: 16, gateway: '10.8.0.2' }] })]
  assert.equal(requests(from, to), [
    '+ RTM_NEWADDR address 10.8.0.1/24 on virbr7', '+ RTM_NEWROUTE route 10.9.0.0/16 via 10.8.0.2 on virbr7',
    '- RTM_DELADDR address 10.7.0.1/24 on virbr7', '- RTM_NEWADDR address 10.8.0.1/24 on virbr7', '- RTM_NEWROUTE route 10.9.0.0/16 via 10.8.0.2 on virbr7',
  ])
})

test('difference: an IPv6 address gets another prefix by making room first, an IPv4 address keeps both for a moment', () => {
  const at = (...cidrs: readonly (readonly [string, number])[]): Definition => define({ ip: cidrs.map(([address, prefix]) => ({ ...address.includes(':') ? { family: 'ipv6' as const } : {}, address, prefix })) })
  assert.equal(requests(at(['fd00::1', 64]), at(['fd00::1', 56])), ['+ RTM_DELADDR address fd00::1/64 on virbr7', '+ RTM_NEWADDR address fd00::1/56 on virbr7'])
  assert.equal(requests(at(['10.7.0.1', 24]), at(['10.7.0.1', 16])), ['+ RTM_NEWADDR address 10.7.0.1/16 on virbr7', '- RTM_DELADDR address 10.7.0.1/24 on virbr7', '- RTM_NEWADDR address 10.7.0.1/16 on virbr7'])
})

test('difference: only members that differ are named', () => {
  const { added, removed } = difference(recordOf(define()), recordOf(define({ forward: 'route' })), [], {})
  assert.equal([added.map(({ set }) => set), removed.map(({ set }) => set)], [['inall'], ['est', 'masq4']])
})

test.run()
