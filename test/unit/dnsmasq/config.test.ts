import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../../src/errors.js'
import { dnsmasqConfig, needsDnsmasq, type Place } from '../../../src/dnsmasq/config.js'
import { emitConfig, fieldsOf, parseConfig } from '../../../src/dnsmasq/option.js'
import type { Definition } from '../../../src/network/spec.js'

const place: Place = { hosts: '/d/net.hosts', addnhosts: '/d/net.addnhosts', servers: '/d/net.servers', leases: '/l/net.leases' }
const network = (parts: Partial<Definition> = {}): Definition => ({
  name: 'default', uuid: '8f0dbcb9-0f8b-4c32-9d11-0f23c9f7a2b1', mac: '52:54:00:00:00:01', forward: { mode: 'nat' }, bridge: { name: 'virbr0', stp: true, delay: 0 },
  ip: [{ address: '192.168.122.1', netmask: '255.255.255.0', dhcp: { range: [{ start: '192.168.122.2', end: '192.168.122.254' }] } }], ...parts,
})
const lines = (definition: Definition, at = place): string[] => dnsmasqConfig(definition, at).options.map(([name, value]) => value === undefined ? name : `${name}=${value}`)
const refusal = (act: () => unknown): InputError => {
  try { act() } catch (error) { if (error instanceof InputError) return error; throw error }
  throw new Error('it was not refused')
}

test('config: red_nat gives libvirt\'s options', () => {
  const options = lines(network())
  for (const line of ['strict-order', 'except-interface=lo', 'interface=virbr0', 'dhcp-range=192.168.122.2,192.168.122.254,255.255.255.0', 'dhcp-no-override', 'dhcp-authoritative', 'dhcp-lease-max=253']) assert.ok(options.includes(line), line)
  assert.not.ok(options.includes('bind-dynamic'))
})

test('config: an isolated network has no router, no servers and no default route', () => {
  const options = lines(network({ forward: { mode: 'none' } }))
  for (const line of ['dhcp-option=3', 'ra-param=*,0,0', 'no-resolv']) assert.ok(options.includes(line), line)
  assert.not.ok(options.some((line) => line.startsWith('servers-file')))
})

test('config: a bare forwarder takes the place of the host\'s servers, one for a domain does not', () => {
  assert.not.ok(lines(network({ dns: { forwarder: [{ addr: '192.0.2.1' }] } })).includes('servers-file=/d/net.servers'))
  const options = lines(network({ dns: { forwarder: [{ domain: 'example.com', addr: '192.0.2.1' }, { domain: 'www.example.com' }] } }))
  for (const line of ['servers-file=/d/net.servers', 'server=/example.com/192.0.2.1', 'server=/www.example.com/#']) assert.ok(options.includes(line), line)
})

test('config: stored leases and static leases beside the ranges raise dhcp-lease-max', () => {
  const host = (ip: string): object => ({ mac: '52:54:00:00:00:02', ip })
  const ip = [{ address: '192.168.122.1', prefix: 24, dhcp: { range: [{ start: '192.168.122.100', end: '192.168.122.109' }], host: [host('192.168.122.5'), host('192.168.122.105')] } }] as Definition['ip']
  assert.ok(lines(network({ ip })).includes('dhcp-lease-max=11'))
  assert.ok(lines(network({ ip }), { ...place, storedLeases: 40 }).includes('dhcp-lease-max=40'))
})

test('config: srv records give what comes before a value that is said', () => {
  const one = (srv: object): string | undefined => lines(network({ dns: { srv: [{ service: 'name', protocol: 'tcp', ...srv }] } })).find((line) => line.startsWith('srv-host'))
  assert.is(one({}), 'srv-host=_name._tcp')
  assert.is(one({ domain: 'example.com' }), 'srv-host=_name._tcp.example.com')
  assert.is(one({ target: '.', port: 5 }), 'srv-host=_name._tcp')
  assert.is(one({ target: 'a.b' }), 'srv-host=_name._tcp,a.b')
  assert.is(one({ target: 'a.b', port: 1024, priority: 10, weight: 3 }), 'srv-host=_name._tcp,a.b,1024,10,3')
  assert.is(one({ target: 'a.b', weight: 3 }), 'srv-host=_name._tcp,a.b,1,0,3')
})

test('config: a TXT value with commas, quotes and backslashes stays one value', () => {
  const value = 'v=spf1, "a" \\ # b '
  const line = lines(network({ dns: { txt: [{ name: 'example.com', value }] } })).find((text) => text.startsWith('txt-record=')) ?? ''
  assert.equal(fieldsOf(line.slice('txt-record='.length)), ['example.com', value])
})

test('config: refuses what would be a directive, with its place', () => {
  const cases: [Partial<Definition>, string][] = [
    [{ domain: { name: 'a\nconf-file=/etc/shadow' } }, 'domain.name'],
    [{ domain: { name: 'a,192.0.2.0/24' } }, 'domain.name'],
    [{ dns: { txt: [{ name: 'a', value: `${'x'.repeat(1_010)}dhcp-script=/bin/sh` }] } }, 'dns.txt[0].value'],
    [{ dns: { txt: [{ name: 'a', value: 'b\rlog-queries' }] } }, 'dns.txt[0].value'],
    [{ dns: { txt: [{ name: 'a,b', value: 'c' }] } }, 'dns.txt[0].name'],
    [{ dns: { srv: [{ service: 'a,b', protocol: 'tcp' }] } }, 'dns.srv[0].service'],
    [{ dns: { forwarder: [{ domain: 'a/192.0.2.1#53/b' }] } }, 'dns.forwarder[0].domain'],
    [{ dns: { host: [{ ip: '192.0.2.1', hostname: ['a b'] }] } }, 'dns.host[0].hostname[0]'],
    [{ bridge: { name: 'virbr*', stp: false, delay: 0 } }, 'bridge.name'],
    [{ bridge: { name: 'a,eth0', stp: false, delay: 0 } }, 'bridge.name'],
  ]
  for (const [parts, path] of cases) assert.is(refusal(() => dnsmasqConfig(network(parts), place)).issues[0]?.path, path)
})

test('config: a static lease cannot have a name that dnsmasq takes for something else', () => {
  for (const name of ['infinite', 'ignore', '45m', '12', 'set:x', 'a,b', '-x', '']) {
    const ip: Definition['ip'] = [{ address: '192.168.122.1', prefix: 24, dhcp: { host: [{ mac: '52:54:00:00:00:02', name, ip: '192.168.122.9' }] } }]
    assert.is(refusal(() => dnsmasqConfig(network({ ip }), place)).issues[0]?.path, 'ip[0].dhcp.host[0].name')
  }
})

test('config: is needed with an address and DNS or leases', () => {
  assert.ok(needsDnsmasq(network()))
  assert.not.ok(needsDnsmasq(network({ ip: [] })))
  assert.not.ok(needsDnsmasq(network({ dns: { enable: false }, ip: [{ address: '10.0.0.1' }] })))
  assert.ok(needsDnsmasq(network({ ip: [{ address: '10.0.0.1' }] })))
})

test('option: reads a file as dnsmasq does', () => {
  assert.equal(parseConfig('# c\n\n port = 0 # not now\ndomain-needed\ntxt-record="a#b",c\nserver=/x/#\n'), [['port', '0'], ['domain-needed'], ['txt-record', '"a#b",c'], ['server', '/x/#']])
  assert.throws(() => parseConfig(`a=${'x'.repeat(1_000)}`), /longer than 1000 bytes/)
  assert.throws(() => parseConfig('a="b'), /missing "/)
  assert.throws(() => emitConfig([['domain', 'a\nlog-queries']]), /does not read back/)
})

test.run()
