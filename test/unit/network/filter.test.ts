import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkNetwork, InputError, networkXml, parseDefinition, readRuleLine, ruleWords, type NetworkInput, type NetworkSpec } from '../../../src/index.js'
import { filterChains, filterMembers } from '../../../src/network/filtered.js'
import { judge } from '../../../src/network/verdict.js'
import { liveDiff } from '../../../src/engine/live.js'

const base: NetworkInput = { name: 'red', forward: 'nat', bridge: 'br0', uuid: 'c2a7c0b6-8d68-4f0c-a2e5-cf6b0e1ad5b7', mac: '52:54:00:00:00:01', ip: [{ address: '10.1.1.1', prefix: 24 }, { address: 'fd00:1::1', prefix: 64 }] }
const spec = (more: Partial<NetworkInput>): NetworkSpec => checkNetwork({ ...base, ...more })
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** Every complaint, `path: message`. */
function faults (more: object): string[] {
  try { checkNetwork({ ...base, ...more }) } catch (error) {
    if (error instanceof InputError) return error.issues.map(({ path, message }) => `${path ?? ''}: ${message}`)
    throw error
  }
  return []
}

/** A definition with everything chosen. */
function definition (more: Partial<NetworkInput>): Parameters<typeof filterChains>[0] & Parameters<typeof judge>[0] {
  const { uuid = '', mac = '', bridge, forwards: _, ...rest } = spec(more)
  return { ...rest, uuid, mac, bridge: { ...bridge, name: 'br0' } }
}

test('rules: a line is read as it is written, and said again', () => {
  assert.equal(readRuleLine('allow in tcp/22,80-90 from 10.0.0.0/8,@admins to 10.1.1.5 log'), { action: 'allow', direction: 'in', protocol: 'tcp', ports: ['22', '80-90'], from: ['10.0.0.0/8', '@admins'], to: ['10.1.1.5'], log: true })
  assert.equal(readRuleLine(' drop  out '), { action: 'drop', direction: 'out' })
  for (const line of ['allow in tcp/22,80-90 from 10.0.0.0/8,@admins to 10.1.1.5', 'deny out', 'drop in icmp to fd00::5']) assert.is(ruleWords(readRuleLine(line) ?? { action: '', direction: '' }), line)
  for (const bad of ['', 'allow', 'permit in', 'allow up', 'allow in tcp udp', 'allow in from', 'allow in from a from b', 'allow in log log', 'allow in tcp/a', 'allow in TCP']) assert.is(readRuleLine(bad), undefined, bad)
})

test('rules: short forms become lists in canonical text, and JSON and XML say the same', () => {
  const found = spec({
    peers: ['blue', { network: 'green', direction: 'out' }], addressSets: [{ name: 'a', addresses: ['10.0.0.0/8', '2001:DB8:0::1/128'] }],
    rules: ['allow in tcp/22 from @a log', { action: 'deny', direction: 'out', protocol: 'udp', ports: 53, to: '10.9.9.9, FD00:0::9' }, { action: 'drop', direction: 'in', protocol: 'tcp', ports: [443, '80-90'], log: 'gone: ', comment: 'x & y' }],
    host: { access: 'deny', allow: ['tcp/22', 'esp'] },
  })
  assert.equal(plain([found.peers, found.addressSets, found.rules, found.host]), [
    [{ network: 'blue', direction: 'both' }, { network: 'green', direction: 'out' }], [{ name: 'a', addresses: ['10.0.0.0/8', '2001:db8::1'] }],
    [
      { action: 'allow', direction: 'in', protocol: 'tcp', ports: ['22'], from: ['@a'], log: true }, { action: 'deny', direction: 'out', protocol: 'udp', ports: ['53'], to: ['10.9.9.9', 'fd00::9'] },
      { action: 'drop', direction: 'in', protocol: 'tcp', ports: ['80-90', '443'], log: 'gone: ', comment: 'x & y' },
    ],
    { access: 'deny', allow: [{ protocol: 'tcp', ports: ['22'] }, { protocol: 'esp' }] },
  ])
  const again = parseDefinition(networkXml(found))
  for (const field of ['peers', 'addressSets', 'rules', 'host'] as const) assert.equal(again[field], found[field], field)
  assert.is(spec({ host: 'allow', rules: [], peers: [], addressSets: [] }).host, undefined)
  assert.equal(plain(spec({ host: 'deny' }).host), { access: 'deny' })
})

test('rules: what makes no sense is named with its place', () => {
  assert.equal(faults({ peers: ['red', 'blue', 'blue', 'a/b'] }), ['peers[0].network: network \'red\' is no peer of itself: its guests reach each other anyway', 'peers[2].network: the same network as peers[1]', 'peers[3].network: \'a/b\' cannot be a network\'s name'])
  assert.equal(faults({ peers: [{ network: 'x', way: 'out' }] }), ['peers[0].way: unknown key \'way\''])
  assert.match(faults({ rules: ['permit in'] })[0] ?? '', /^rules\[0\]: 'permit in' is not a rule: allow\|deny\|drop in\|out/)
  assert.equal(faults({ rules: [{ action: 'allow', direction: 'in', ports: 22 }, { action: 'allow', direction: 'in', protocol: 'icmp', ports: 22 }] }), ['rules[0].ports: ports need a protocol: tcp, udp, sctp', 'rules[1].ports: icmp has no ports'])
  assert.equal(faults({ rules: ['allow in tcp/0', 'allow in tcp/70000', 'allow in tcp/90-80', 'allow in tcp/80-90,85', 'allow in tcp/1-'] }), [
    'rules[0].ports[0]: \'0\' is neither a port from 1 to 65535 nor a range of them', 'rules[1].ports[0]: \'70000\' is neither a port from 1 to 65535 nor a range of them',
    'rules[2].ports[0]: the range of ports 90-80 is reversed', 'rules[3].ports[1]: port 85 is said twice', 'rules[4].ports[0]: \'1-\' is neither a port from 1 to 65535 nor a range of them',
  ])
  assert.equal(faults({ rules: ['allow in from 10.0.0.0/8 to fd00:1::5', 'allow in icmp from fd00::/8', 'allow in from 10.0.0.1/8', 'allow in from 10.0.0.0/33', 'allow in from home', 'allow in from @nobody'] }), [
    'rules[0].to: no packet has an IPv4 source and an IPv6 destination', 'rules[1].protocol: icmp is of IPv4, and the addresses are of IPv6', 'rules[2].from[0]: 10.0.0.1/8 has bits behind its prefix: write 10.0.0.0/8, or 10.0.0.1',
    'rules[3].from[0]: \'10.0.0.0/33\' has no prefix length between 0 and 32', 'rules[4].from[0]: \'home\' is not an address, a prefix such as 10.7.0.0/24, or the name of an address set, @NAME', 'rules[5].from[0]: there is no address set \'nobody\'',
  ])
  assert.equal(faults({ rules: ['allow in tcp/22', 'deny in', 'drop in tcp/22'] }), ['rules[2]: it matches what rules[0] matches, which comes before it'])
  assert.equal(faults({ addressSets: [{ name: 'a b', addresses: ['10.0.0.1'] }, { name: 'a', addresses: ['@a'] }, { name: 'a', addresses: [] }] }), ['addressSets[2].addresses: needs at least one entry'])
  assert.equal(faults({ addressSets: [{ name: 'a b', addresses: ['10.0.0.1'] }, { name: 'a', addresses: ['@a'] }, { name: 'a', addresses: ['10.0.0.1'] }] }), [
    'addressSets[0].name: \'a b\' cannot be the name of an address set: letters, digits, \'_\', \'.\' and \'-\', at most 63', 'addressSets[1].addresses[0]: an address set holds addresses, not \'@a\'', 'addressSets[2].name: there are two address sets \'a\'',
  ])
  assert.equal(faults({ rules: [{ action: 'deny', direction: 'in', log: 'a"b', comment: 'a\nb' }] }), ['rules[0].log: what log lines begin with has at most 127 printable ASCII characters and no "', 'rules[0].comment: a comment has at most 200 bytes in one line, and no "'])
  assert.equal(faults({ host: { access: 'allow', icmp: true } }), ['host.icmp: icmp says what is left where access is deny, and access is allow'])
  assert.equal(faults({ host: { access: 'deny', allow: ['tcp/22', 'tcp/22', 'x y', 'icmp/5'] } }), ['host.allow[2]: \'x y\' is no service of the host: tcp/22, udp/5000-5010, esp'])
  assert.equal(faults({ host: { access: 'deny', allow: ['tcp/22', 'tcp/22', 'icmp/5'] } }), ['host.allow[1]: the same service as host.allow[0]', 'host.allow[2].ports: icmp has no ports'])
  assert.equal(faults({ forward: 'none', ip: [], rules: ['deny in'], peers: ['blue'] }), ['peers: nothing is routed to or from network \'red\', which has no address', 'rules: nothing is routed to or from network \'red\', which has no address'])
})

test('rules: a complaint about XML and JSON text has line and column', () => {
  const xml = networkXml(spec({ rules: ['allow in tcp/22 from 10.0.0.0/8'], peers: ['blue'] }))
  const placed = (text: string): unknown => {
    try { parseDefinition(text) } catch (error) { if (error instanceof InputError) return error.issues.map(({ path, line, column }) => [path, text.split('\n')[(line ?? 0) - 1]?.slice((column ?? 1) - 1, (column ?? 1) + 3)]); throw error }
    return []
  }
  assert.equal(placed(xml.replace('10.0.0.0/8', '10.0.0.0/99')), [['rules[0].from[0]', 'from']])
  assert.equal(placed(xml.replace('\'blue\'', '\'red\'')), [['peers[0].network', 'netw']])
  assert.match(JSON.stringify(placed(JSON.stringify({ ...base, rules: [{ action: 'allow', direction: 'in', ports: ['22'] }] }, null, 1))), /^\[\["rules\[0\]\.ports","\[/)
})

test('rules: a network without rules has no chain, and one with rules has two', () => {
  assert.equal(filterChains(definition({})), [])
  assert.equal(filterMembers(definition({ peers: ['blue'] })), [])
  const ruled = definition({ rules: ['deny in tcp/25 from 10.0.0.0/8,fd00::/8'] })
  assert.equal(filterMembers(ruled).map(({ set, key, data }) => [set, ...key, ...data ?? []]), [['inrules', 'br0', 'jump', 'in-br0'], ['outrules', 'br0', 'goto', 'out-br0']])
  assert.equal(filterChains(ruled).map(({ name, rules }) => [name, rules.map(({ of, family, from }) => [of, family, from])]), [['in-br0', [[0, 4, ['10.0.0.0/8']], [0, 6, ['fd00::/8']]]], ['out-br0', []]])
})

test('host: what is listed becomes elements, a whole protocol instead of its ports', () => {
  const members = (allow: readonly string[]): string[] => filterMembers(definition({ host: { access: 'deny', icmp: true, allow } })).map(({ set, key }) => [set, ...key].join(' '))
  assert.equal(members(['tcp/22,80-81', 'udp', 'udp/53']), ['nohost br0', 'hostproto br0 icmp', 'hostproto br0 ipv6-icmp', 'hostproto br0 udp', 'hostports br0 tcp 22', 'hostports br0 tcp 80', 'hostports br0 tcp 81'])
})

test('rules: what the kernel would say of a packet is known', () => {
  const ask = judge(definition({ addressSets: [{ name: 'a', addresses: ['192.0.2.0/24', '2001:db8::/32'] }], rules: ['allow in tcp/80-90 from @a', 'drop in udp', 'deny out icmp'] }))
  const packet = { from: '192.0.2.7', to: '10.1.1.5', protocol: 6, port: 85 }
  assert.equal([ask('in', packet), ask('in', { ...packet, port: 91 }), ask('in', { ...packet, from: '198.51.100.1' }), ask('in', { ...packet, protocol: 17 }), ask('out', packet), ask('out', { ...packet, protocol: 1, port: undefined })], ['allow', undefined, undefined, 'deny', undefined, 'deny'])
  assert.is(ask('in', { from: '2001:db8:5::1', to: 'fd00:1::5', protocol: 6, port: 80 }), 'allow')
})

test('rules: a live change is told in words, with whom it interrupts', () => {
  const told = (from: Partial<NetworkInput>, to: Partial<NetworkInput>): string[] => liveDiff(definition(from), definition(to)).parts.map(({ what, interrupts }) => `${what} (${interrupts})`)
  assert.equal(told({ peers: ['blue'] }, { peers: [{ network: 'blue', direction: 'out' }, 'green'] }), ['peer blue: both becomes out (outage)', 'peer green (none)'])
  assert.equal(told({ rules: ['allow in tcp/22', 'deny out'] }, { rules: ['deny in udp', 'deny out'] }), ['rule deny in udp (outage)', 'rule allow in tcp/22 (outage)'])
  assert.equal(told({ rules: ['allow in tcp/22', 'deny in'] }, { rules: ['deny in', 'allow in tcp/22'] }), ['order of rules (outage)'])
  assert.equal(told({}, { host: 'deny' }), ['access to the host: allow becomes deny (outage)'])
  assert.equal(told({ host: 'deny' }, { host: { access: 'deny', icmp: true, allow: ['tcp/22'] } }), ['access to the host: deny becomes deny + icmp + tcp/22 (none)'])
})

test.run()
