import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../../src/errors.js'
import { checkNetwork } from '../../../src/network/check.js'

type Data = Readonly<Record<string, unknown>>

/** `path: message` of every complaint. */
function complaints (input: unknown, origin: 'json' | 'xml' = 'json'): readonly string[] {
  try { checkNetwork(input, origin) } catch (error) {
    if (error instanceof InputError) return error.issues.map(({ path, message }) => path === undefined ? message : `${path}: ${message}`)
    throw error
  }
  return []
}
const nat = (more: Data): Data => ({ name: 'n', forward: 'nat', ...more })
const ip = (more: Data): Data => nat({ ip: { address: '192.168.122.1', prefix: 24, ...more } })
const host = (...host: Data[]): Data => ip({ dhcp: { host } })
const range = (start: string, end: string): Data => ip({ dhcp: { range: [{ start, end }] } })
const six = (more: Data): Data => nat({ ip: { address: '2001:db8::1', prefix: 64, ...more } })
const dns = (dns: Data): Data => ({ name: 'n', dns })

/** Exactly this one complaint. */
function refused (input: unknown, expected: string, origin: 'json' | 'xml' = 'json'): void { assert.equal(complaints(input, origin), [expected]) }

test('check: the smallest network is isolated, its bridge named later', () => {
  assert.equal(checkNetwork({ name: 'isolated' }), { name: 'isolated', forward: { mode: 'none' }, bridge: { stp: false, delay: 0 }, ip: [] })
})

test('check: STP is on for XML and off for JSON, unless it is said', () => {
  assert.is(checkNetwork({ name: 'n' }, 'xml').bridge.stp, true)
  assert.is(checkNetwork({ name: 'n', bridge: { stp: false } }, 'xml').bridge.stp, false)
  assert.is(checkNetwork({ name: 'n', bridge: { stp: true } }).bridge.stp, true)
})

test('check: short forms mean what they stand for', () => {
  assert.equal(checkNetwork({ name: 'n', forward: 'nat', bridge: 'br0', subnet: '10.7.0.0/24', dhcp: true }), {
    name: 'n', forward: { mode: 'nat' }, bridge: { name: 'br0', stp: false, delay: 0 },
    ip: [{ address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.2', end: '10.7.0.254' }] } }],
  })
  assert.equal(checkNetwork({ name: 'n', forward: {}, ip: { address: '10.0.0.1' } }).forward, { mode: 'nat' })
  assert.equal(checkNetwork({ name: 'n', subnet: '2001:db8::/64' }).ip, [{ family: 'ipv6', address: '2001:db8::1', prefix: 64 }])
})

test('check: a large subnet leases as many addresses as libvirt lets one range hold', () => {
  assert.equal(checkNetwork({ name: 'n', subnet: '10.0.0.0/8', dhcp: true }).ip[0]?.dhcp?.range, [{ start: '10.0.0.2', end: '10.1.0.0' }])
})

test('check: an automatic subnet stays open until the network is defined', () => {
  assert.equal(checkNetwork(nat({ subnet: 'auto/26', dhcp: true })).auto, { prefix: 26, dhcp: true })
  assert.equal(checkNetwork(nat({ subnet: 'auto' })).auto, { prefix: 24, dhcp: false })
  refused(nat({ subnet: 'auto/31' }), 'subnet: an automatic subnet has a prefix length between 8 and 30, not 31')
  refused(nat({ subnet: 'automatic' }), 'subnet: an automatic subnet is written auto/24')
})

test('check: a subnet is a network with room in it', () => {
  refused(nat({ subnet: '10.7.0.5/24' }), 'subnet: 10.7.0.5/24 has bits behind its prefix: write 10.7.0.0/24, or ip: { address: \'10.7.0.5\', prefix: 24 }')
  refused(nat({ subnet: '10.7.0.0/31' }), 'subnet: 10.7.0.0/31 has no room for a gateway and guests')
  refused({ name: 'n', dhcp: true }, 'dhcp: dhcp: true needs a subnet to take leases from')
  assert.match(complaints({ name: 'n', subnet: '10.7.0.0' })[0] ?? '', /a subnet is written/)
})

test('check: what says nothing is left out, what is said another way is said in one', () => {
  assert.equal(checkNetwork({
    name: 'n', uuid: '81FF0D90C91E674264DA4A736EDB9A9B', mac: '52:54:00:AB:CD:EF', ipv6: false, forward: { mode: 'nat', nat: {} }, dns: { host: [] }, route: [], metadata: '', mtu: undefined,
    ip: [{ address: '2001:DB8:0::1', prefix: 64, dhcp: { range: [] } }],
  }), {
    name: 'n', uuid: '81ff0d90-c91e-6742-64da-4a736edb9a9b', mac: '52:54:00:ab:cd:ef', forward: { mode: 'nat' }, bridge: { stp: false, delay: 0 },
    ip: [{ family: 'ipv6', address: '2001:db8::1', prefix: 64 }],
  })
})

test('check: a spec checked again is the same spec', () => {
  const spec = checkNetwork({ ...range('192.168.122.2', '192.168.122.9'), bridge: 'br7', domain: { name: 'example.com' }, route: [{ address: '10.1.0.0', prefix: 16, gateway: '192.168.122.5' }] })
  assert.equal(checkNetwork(spec), spec)
})

test('check: every complaint is reported at once, each with its place', () => {
  assert.equal([...complaints({ name: '../x', mtu: 5, bridge: { stp: 'on' }, colour: 'red', ip: [{ prefix: '24' }] })].sort(), [
    'bridge.stp: expected true or false, not \'on\'',
    'colour: unknown key \'colour\'',
    'ip[0].address: is missing',
    'ip[0].prefix: expected a number, not \'24\'',
    'mtu: expected >=68, not 5',
  ])
  assert.equal(complaints({ name: '../x', mac: '01:00:00:00:00:00', ip: [{ address: '127.0.0.1' }, { address: '10.0.0.1', prefix: 33 }] }), [
    'name: invalid char in name: /',
    'ip[0].address: address \'127.0.0.1\' of network \'../x\' is a loopback address',
    'ip[1].prefix: Invalid IPv4 prefix \'33\' in network \'../x\'',
    'mac: Invalid multicast bridge mac address \'01:00:00:00:00:00\' in network \'../x\'',
  ])
})

test('check: input that is not plain data is refused before it is looked at', () => {
  class Spec { readonly name = 'n' }
  const cyclic: Record<string, unknown> = { name: 'n' }
  cyclic['dns'] = cyclic
  let asked = 0
  const getter = { get name () { asked++; return asked === 1 ? 'good' : '../bad' } }
  for (const input of [undefined, null, 7, 'n', [], () => 1, new Spec(), new Proxy({ name: 'n' }, {}), getter, cyclic, { name: 'n', mtu: Number.NaN }, { name: 'n', mtu: 1n }, { name: Symbol('n') }, { name: 'n', ip: new Array(3) }]) {
    assert.throws(() => checkNetwork(input), (error: unknown) => error instanceof InputError)
  }
  assert.is(asked, 0)
})

test('check: keys of the prototype chain are unknown keys and reach nothing', () => {
  refused(JSON.parse('{"name":"n","__proto__":{"persistent":true}}'), '__proto__: unknown key \'__proto__\'')
  refused(JSON.parse('{"name":"n","constructor":{"prototype":{"x":1}}}'), 'constructor: unknown key \'constructor\'')
  assert.is(Reflect.get({}, 'persistent'), undefined)
})

test('check: the input may change afterwards, the spec does not', () => {
  const input = { name: 'n', bridge: { name: 'br0' }, ip: [{ address: '10.0.0.1', prefix: 24 }] }
  const spec = checkNetwork(input)
  input.bridge.name = 'eth0'
  assert.is(spec.bridge.name, 'br0')
  assert.is(Reflect.set(spec.bridge, 'name', 'eth0'), false)
})

test('check: a name can be a file name and is no option of a command', () => {
  for (const name of ['default', 'red_nat', 'a b', 'default"with"quotes"', 'España', 'x'.repeat(200), '0', 'a.b', '%d']) assert.equal(complaints({ name }), [], name)
  for (const name of ['', '.', '..', 'a/b', '../../../etc/cron.d/x', 'a\nb', '-n', ' a', 'a ', 'x'.repeat(201), 'ñ'.repeat(101), 'a\u202eb', 'a\u200bb', 'a\u007fb', '\ud800']) assert.is(complaints({ name }).length, 1, JSON.stringify(name))
  refused({ name: 'a/b' }, 'name: invalid char in name: /')
  refused({}, 'name: missing name information', 'xml')
})

test('check: a bridge name fits the kernel and means nothing else to dnsmasq', () => {
  for (const name of ['virbr0', 'br-lan', 'br0.100', 'x%d', 'virbr%d', 'a2345678901234%d', 'a23456789012345']) assert.equal(complaints({ name: 'n', bridge: name }), [], name)
  for (const name of ['a234567890123456', 'a23456789012345%d', 'a/b', 'br0 ', '../x', 'a%d%d', 'a%s', '.', 'lo', 'all', 'default', 'br*', 'br,x', 'br#', '-br', 'br:1', 'brö']) assert.is(complaints({ name: 'n', bridge: name }).length, 1, name)
  refused({ name: 'n', bridge: 'a234567890123456' }, 'bridge.name: bridge name \'a234567890123456\' has 16 bytes, the kernel takes at most 15')
})

test('check: forward modes need what they need', () => {
  refused({ name: 'n', forward: 'nat' }, 'ip: nat forwarding requested, but no IP address provided for network \'n\'')
  refused({ name: 'n', forward: 'route' }, 'ip: route forwarding requested, but no IP address provided for network \'n\'')
  assert.equal(complaints({ name: 'n', forward: 'open' }), [])
  assert.equal(complaints(nat({ subnet: 'auto/24' })), [])
  refused({ name: 'n', forward: { mode: 'open', dev: 'eth0' } }, 'forward.dev: forward dev not allowed for network \'n\' with forward mode=\'open\'')
  refused({ name: 'n', forward: { mode: 'none', dev: 'eth0' } }, 'forward.dev: forward dev not allowed for network \'n\' with forward mode=\'none\'')
  refused({ name: 'n', forward: { mode: 'open', nat: { ipv6: true } } }, 'forward.nat: The <nat> element can only be used when <forward> \'mode\' is \'nat\' in network n')
  refused({ ...ip({}), forward: { mode: 'nat', dev: 'eth0;x y' } }, 'forward.dev: \'eth0;x y\' is not the name of an interface')
})

test('check: a mode that only libvirt has is unsupported, one that nobody has is wrong', () => {
  const code = (mode: string): unknown => { try { checkNetwork({ name: 'n', forward: { mode } }, 'xml') } catch (error) { return error instanceof InputError ? [error.code, error.issues[0]?.message] : error } return undefined }
  assert.equal(code('bridge'), ['NETWRIGHT_UNSUPPORTED', 'forward mode \'bridge\' is not supported yet'])
  assert.equal(code('teleport'), ['NETWRIGHT_INVALID', 'unknown forwarding type \'teleport\''])
})

test('check: addresses are judged with libvirt\'s sentences', () => {
  const one = (item: Data, expected: string, origin: 'json' | 'xml' = 'json'): void => { refused({ name: 'n', ip: [item] }, `ip[0].${expected}`, origin) }
  one({ address: '10.0.0' }, 'address: Invalid address \'10.0.0\' in network \'n\'')
  one({ address: '2001:db8::1' }, 'address: no family specified for non-IPv4 address \'2001:db8::1\' in network \'n\'', 'xml')
  one({ family: 'ipv6', address: '10.0.0.1' }, 'family: Family \'ipv6\' specified for non-IPv6 address \'10.0.0.1\' in network \'n\'')
  one({ address: '10.0.0.1', prefix: 24, netmask: '255.0.0.0' }, 'prefix: Network \'n\' IP address cannot have both a prefix and a netmask')
  one({ family: 'ipv6', address: '2001:db8::1', netmask: '255.0.0.0' }, 'netmask: netmask not allowed for IPv6 address \'2001:db8::1\' in network \'n\'')
  one({ address: '10.0.0.1', netmask: '255.0.255.0' }, 'netmask: Invalid netmask \'255.0.255.0\' for address \'10.0.0.1\' in network \'n\'')
  one({ family: 'ipv5', address: '10.0.0.1' }, 'family: Unrecognized family \'ipv5\' in network \'n\'', 'xml')
  one({}, 'address: Missing required address attribute in network \'n\'', 'xml')
  one({ address: '10.0.1.1', prefix: 20, localPtr: true }, 'localPtr: PTR domain for IPv4 network with prefix 20 cannot be automatically created')
  one({ address: '10.0.0.1', prefix: 0 }, 'prefix: prefix 0 would make network \'n\' the whole internet')
})

test('check: no gateway is where no interface can be', () => {
  for (const address of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '10.0.0.255', '::', '::1', 'ff02::1', '::ffff:10.0.0.1']) assert.is(complaints({ name: 'n', ip: { address, prefix: 24 } }).length, 1, address)
  for (const address of ['0177.0.0.1', '127.1', '2130706433', ' 10.0.0.1', '１０.0.0.1', 'fe80::1%eth0', '10.0.0.01']) assert.is(complaints({ name: 'n', ip: { address, prefix: 24 } }).length, 1, address)
  assert.is(complaints({ name: 'n', ip: { address: '10.0.0.1', prefix: 4 } }).length, 1)
})

test('check: the gateway may have the network\'s own address, and one of the network\'s addresses may be there once', () => {
  assert.equal(complaints({ name: 'n', ip: { address: '203.0.113.88', netmask: '255.255.255.248' } }), [])
  refused({ name: 'n', ip: [{ address: '10.0.0.1', prefix: 24 }, { address: '10.0.0.1', prefix: 25 }] }, 'ip[1].address: the same address as ip[0]')
})

test('check: without a prefix an address has that of its class', () => {
  assert.equal(complaints({ name: 'n', ip: { address: '10.24.10.1', dhcp: { host: [{ name: 'a', ip: '10.200.0.1' }] } } }), [])
  assert.is(complaints({ name: 'n', ip: { address: '192.168.1.1', dhcp: { host: [{ name: 'a', ip: '192.168.2.1' }] } } }).length, 1)
})

test('check: ranges are judged with libvirt\'s sentences', () => {
  refused(range('192.168.122.2', '192.168.123.4'), 'ip.dhcp.range[0].end: range 192.168.122.2 - 192.168.123.4 is not entirely within network 192.168.122.1/24')
  refused(range('192.168.122.9', '192.168.122.2'), 'ip.dhcp.range[0].end: range 192.168.122.9 - 192.168.122.2 is reversed')
  refused(range('192.168.122.0', '192.168.122.2'), 'ip.dhcp.range[0].start: start of range 192.168.122.0 - 192.168.122.2 in network 192.168.122.1/24 is the network address')
  refused(range('192.168.122.2', '192.168.122.255'), 'ip.dhcp.range[0].end: end of range 192.168.122.2 - 192.168.122.255 in network 192.168.122.1/24 is the broadcast address')
  refused({ name: 'n', ip: { address: '2001:db8::1', prefix: 64, dhcp: { range: [{ start: '2001:db8::2', end: '2001:db8::ffff:ffff' }] } } }, 'ip.dhcp.range[0].end: range 2001:db8::2 - 2001:db8::ffff:ffff is too large (> 65535)')
  refused(ip({ dhcp: { range: [{ start: '192.168.122.10', end: '192.168.122.20' }, { start: '192.168.122.20', end: '192.168.122.30' }] } }), 'ip.dhcp.range[1]: this range and range[0] have addresses in common')
  refused(ip({ dhcp: { range: [{ start: 'fd00::2', end: 'fd00::3' }] } }), 'ip.dhcp.range[0].start: range fd00::2 - fd00::3 is not entirely within network 192.168.122.1/24')
})

test('check: lease times are two minutes at least, or for ever', () => {
  const lease = (lease: Data): Data => ip({ dhcp: { range: [{ start: '192.168.122.2', end: '192.168.122.9', lease }] } })
  for (const good of [{ expiry: 0 }, { expiry: 2 }, { expiry: 120, unit: 'seconds' }, { expiry: 1, unit: 'hours' }]) assert.equal(complaints(lease(good)), [])
  for (const short of [{ expiry: 1 }, { expiry: 119, unit: 'seconds' }]) refused(lease(short), 'ip.dhcp.range[0].lease.expiry: The minimum lease time should be greater than 2 minutes')
  assert.is(complaints(lease({ expiry: 0x7fffffff, unit: 'hours' })).length, 1)
})

test('check: static leases are judged with libvirt\'s sentences, and where libvirt looks away', () => {
  const mac = '52:54:00:00:00:01'
  const one = (item: Data, expected: string): void => { refused(host(item), `ip.dhcp.host[0]${expected}`) }
  one({ ip: '192.168.122.5' }, ': Static host definition in IPv4 network \'n\' must have mac or name attribute')
  one({ mac: 'x', ip: '192.168.122.5' }, '.mac: Cannot parse MAC address \'x\' in network \'n\'')
  one({ mac: '01:00:5e:00:00:01', ip: '192.168.122.5' }, '.mac: expected unicast mac address, found multicast \'01:00:5e:00:00:01\' in network \'n\'')
  one({ mac: '00:00:00:00:00:00', ip: '192.168.122.5' }, '.mac: MAC address \'00:00:00:00:00:00\' in network \'n\' belongs to nobody')
  one({ mac, name: '-x', ip: '192.168.122.5' }, '.name: Cannot use host name \'-x\' in network \'n\': it must begin with a letter or a digit')
  one({ mac, ip: '192.168.1.5' }, '.ip: static host address 192.168.1.5 in network \'n\' is not within 192.168.122.1/24')
  one({ mac, ip: '192.168.122.1' }, '.ip: static host address 192.168.122.1 in network \'n\' is the gateway\'s own address')
  one({ mac, ip: '192.168.122.255' }, '.ip: static host address 192.168.122.255 in network \'n\' is the broadcast address')
  refused(host({ mac, ip: '192.168.122.5' }, { mac: mac.toUpperCase(), ip: '192.168.122.6' }), `ip.dhcp.host[1].mac: mac '${mac}' is that of host[0] too`)
  refused(host({ mac, ip: '192.168.122.5' }, { name: 'b', ip: '192.168.122.5' }), 'ip.dhcp.host[1].ip: ip \'192.168.122.5\' is that of host[0] too')
})

test('check: IPv6 static leases go by DUID or name', () => {
  const one = (item: Data): readonly string[] => complaints(six({ dhcp: { host: [{ ip: '2001:db8::9', ...item }] } }))
  assert.equal(one({ id: '0:3:0:1:0:16:3e:11:22:33' }), [])
  assert.equal(one({ name: 'paul' }), [])
  assert.equal(one({}), ['ip.dhcp.host[0]: Static host definition in IPv6 network \'n\' must have id or name attribute'])
  assert.equal(one({ id: '0:x' }), ['ip.dhcp.host[0].id: Invalid character \'x\' in id \'0:x\' of network \'n\''])
  assert.equal(one({ name: 'a', mac: '52:54:00:00:00:01' }), ['ip.dhcp.host[0].mac: Invalid to specify MAC address \'52:54:00:00:00:01\' in network \'n\' IPv6 static host definition'])
  assert.is(one({ id: '00:'.repeat(200) + '0' }).length, 1)
  refused({ name: 'n', ip: { address: '2001:db8::1', prefix: 60, dhcp: { host: [{ name: 'a', ip: '2001:db8::2' }] } } }, 'ip.dhcp: DHCPv6 needs a prefix of at least 64, network \'n\' has 2001:db8::1/60')
})

test('check: each family has one dhcp section', () => {
  const dhcp = { host: [{ name: 'a', ip: '10.0.0.9' }] }
  const other = { host: [{ name: 'a', ip: '10.0.1.9' }] }
  refused({ name: 'n', ip: [{ address: '10.0.0.1', prefix: 24, dhcp }, { address: '10.0.1.1', prefix: 24, dhcp: other }] },
    'ip[1].dhcp: Multiple IPv4 dhcp sections found -- dhcp is supported only for a single IPv4 address on each network')
})

test('check: no value can become another option of dnsmasq', () => {
  const hostile = ['x\ndhcp-script=/tmp/p', 'x,set:y', 'a" #', 'a b', '/evil/#', 'x@eth0', 'a,b', 'a'.repeat(1024) + 'log-queries', 'ä.example', '.a', 'a..b', '-a']
  for (const bad of hostile) {
    assert.is(complaints({ name: 'n', domain: { name: bad } }).length, 1, `domain ${bad}`)
    assert.is(complaints(host({ mac: '52:54:00:00:00:01', name: bad, ip: '192.168.122.5' })).length, 1, `host ${bad}`)
    assert.is(complaints(dns({ host: [{ ip: '10.0.0.1', hostname: [bad] }] })).length, 1, `dns host ${bad}`)
    assert.is(complaints(dns({ forwarder: [{ domain: bad }] })).length, 1, `forwarder domain ${bad}`)
    assert.is(complaints(dns({ forwarder: [{ addr: bad }] })).length, 1, `forwarder addr ${bad}`)
    assert.is(complaints(dns({ srv: [{ service: 's', protocol: 'tcp', target: bad }] })).length, 1, `srv target ${bad}`)
    assert.is(complaints(dns({ srv: [{ service: 's', protocol: 'tcp', domain: bad }] })).length, 1, `srv domain ${bad}`)
  }
  for (const bad of ['a b', 'a,b', 'a\nb', 'a"', '#', '']) {
    assert.is(complaints(dns({ txt: [{ name: bad, value: '' }] })).length, 1, `txt name ${bad}`)
    assert.is(complaints(dns({ srv: [{ service: bad, protocol: 'tcp' }] })).length, 1, `srv service ${bad}`)
    assert.is(complaints(dns({ srv: [{ service: 's', protocol: bad }] })).length, 1, `srv protocol ${bad}`)
  }
  for (const bad of ['a\nb', 'a\tb', '☃', 'x'.repeat(256)]) assert.is(complaints(dns({ txt: [{ name: 'a', value: bad }] })).length, 1, `txt value ${bad}`)
  assert.equal(complaints(dns({ txt: [{ name: 'a', value: 'v=spf1 "x", all #' }] })), [])
})

test('check: dns is judged with libvirt\'s sentences', () => {
  refused(dns({ forwarder: [{}] }), 'dns.forwarder[0]: Invalid forwarder element, must contain at least one of addr or domain')
  refused(dns({ forwarder: [{ addr: '1.2.3' }] }), 'dns.forwarder[0].addr: Invalid forwarder IP address \'1.2.3\' in network \'n\'')
  refused(dns({ txt: [{ name: 'a b', value: '' }] }), 'dns.txt[0].name: prohibited character in DNS TXT record name \'a b\' of network n')
  refused(dns({ enable: false, txt: [{ name: 'a', value: '' }] }), 'dns: Extra data in disabled network \'n\'')
  refused(dns({ srv: [{ service: 's', protocol: 'tcp', port: 5 }] }), 'dns.srv[0].port: DNS SRV port attribute not permitted without target for service \'s\' in network \'n\'')
})

test('check: a route leads through a guest to a network elsewhere', () => {
  const route = (more: Data): readonly string[] => complaints({ ...ip({}), route: [{ address: '10.1.0.0', prefix: 16, gateway: '192.168.122.5', ...more }] })
  assert.equal(route({}), [])
  assert.equal(route({ address: '10.1.2.0' }), ['route[0].address: n: Address \'10.1.2.0\' in route definition is not a network address'])
  assert.equal(route({ gateway: '10.0.0.1' }), ['route[0].gateway: unreachable static route gateway \'10.0.0.1\' specified for network \'n\''])
  assert.equal(route({ gateway: '192.168.122.1' }), ['route[0].gateway: route gateway \'192.168.122.1\' of network \'n\' is the network\'s own address'])
  assert.equal(route({ address: '0.0.0.0', prefix: 0 }), ['route[0]: a route to 0.0.0.0/0 in network \'n\' would take over the host\'s default route'])
  assert.equal(route({ address: '192.168.122.0', prefix: 25 }), ['route[0].address: Route address \'192.168.122.0/25\' conflicts with IP address for \'n\''])
  assert.is(route({ address: '127.0.0.0', prefix: 8 }).length, 1)
  assert.is(route({ metric: 2 ** 32 }).length, 1)
  assert.is(route({ address: '2001:db8::', prefix: 32 }).length, 1)
})

test('check: IPv6 needs an mtu of 1280', () => {
  refused({ ...six({}), mtu: 1000 }, 'mtu: IPv6 needs an mtu of at least 1280, not 1000 (network \'n\')')
  assert.equal(complaints({ ...ip({}), mtu: 1000 }), [])
  for (const mtu of [0, 67, 65536, 1e9, 1.5]) assert.is(complaints({ name: 'n', mtu }).length >= 1, true, String(mtu))
})

test('check: metadata is XML of its own', () => {
  const fault = (metadata: string): readonly string[] => complaints({ name: 'n', metadata })
  assert.equal(fault('<a:x xmlns:a="urn:a">1 &lt; 2<!-- kept --></a:x>'), [])
  for (const bad of ['<a>', '</metadata><metadata>', '<a:x/>', '<!DOCTYPE a>', '&nbsp;', '<?php ?>']) assert.is(fault(bad).length, 1, bad)
})

test('check: complaints quote little of what they complain about', () => {
  const long = 'x'.repeat(100_000)
  for (const input of [{ name: long }, { name: 'n', forward: long }, { name: 'n', bridge: long }, { name: 'n', [long]: 1 }, { name: 'n', domain: { name: long } }, { name: 'n', ip: { address: long } }]) {
    for (const complaint of complaints(input)) assert.ok(complaint.length < 400, complaint.slice(0, 80))
  }
  assert.not.match(complaints({ name: 'n', forward: '\u001b[31m' }).join(''), /\p{Cc}/u)
})

test.run()
