import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDesired, desiredOf, type Desired } from '../../../src/engine/desired.js'
import { InputError } from '../../../src/errors.js'
import { readDocument, type Document } from '../../../src/network/document.js'

async function complaints (documents: readonly (() => Document)[]): Promise<string[]> {
  try { await checkDesired(documents.map((read) => read())) } catch (error) {
    if (error instanceof InputError) return error.message.split('\n')
    throw error
  }
  return []
}
const names = async (text: string): Promise<string[]> => (await checkDesired([readDocument(text)])).networks.map(({ spec }) => spec.name)

test('desired: one network, a list, or networks and ports; JSON or XML', async () => {
  assert.equal(await names('{"name":"a"}'), ['a'])
  assert.equal(await names('[{"name":"a"},{"name":"b"},"<network><name>c</name></network>"]'), ['a', 'b', 'c'])
  assert.equal(await names('{"networks":[{"name":"a"}]}'), ['a'])
  assert.equal(await names('{"ports":[]}'), [])
  assert.equal(await names('<network><name>a</name></network>'), ['a'])
  assert.equal(await names('<networks>\n<network><name>a</name></network><!-- and --><network><name>b</name></network>\n</networks>'), ['a', 'b'])
  assert.equal(await names('\ufeff<?xml version="1.0"?>\n<network><name>a</name></network>\n<?xml version="1.0" encoding="UTF-8"?>\n<network><name>b</name></network>\n'), ['a', 'b'])
  assert.equal((await desiredOf('<network><name>a</name></network><network><name>b</name></network>')).networks.length, 2)
})

test('desired: a network runs and is stored unless it says otherwise; STP is on in XML only', async () => {
  const { networks } = await desiredOf([{ name: 'a' }, { name: 'b', active: false, autostart: true }, { name: 'c', persistent: false }, '<network><name>d</name></network>'])
  assert.equal(networks.map(({ spec, active, persistent, autostart }) => [spec.name, active, persistent, autostart, spec.bridge.stp]), [['a', true, true, undefined, false], ['b', false, true, true, false], ['c', true, false, undefined, false], ['d', true, true, undefined, true]])
})

test('desired: ports have names of their own, the same each time', async () => {
  const file: Desired = {
    networks: [{ name: 'a', ports: [{ kind: 'tap' }, { kind: 'tap', hostname: 'vm' }, { kind: 'tap', mac: '52:54:00:00:00:09' }, { kind: 'veth', netns: 'g' }, { kind: 'veth', netns: 4711, dev: 'eth1', hostDev: 'side' }, { kind: 'tap', dev: 'mine', fds: false }] }],
    ports: [{ network: 'a', kind: 'tap', hostname: 'late' }, { network: 'elsewhere', kind: 'tap' }],
  }
  const { networks: [a], ports } = await desiredOf(file)
  const devs = a?.ports.map(({ dev }) => dev) ?? []
  assert.is(new Set(devs).size, 7)
  assert.ok(devs.every((dev) => /^(?:nwp[0-9a-f]{10}|side|mine)$/.test(dev)), devs.join())
  assert.equal(a?.ports.filter(({ kind }) => kind === 'veth').map(({ netns, peer, defaultRoute }) => [netns, peer, defaultRoute]), [['/run/netns/g', 'eth0', false], ['/proc/4711/ns/net', 'eth1', false]])
  assert.equal(ports.map(({ network }) => network), ['elsewhere'])
  const [first] = file.networks ?? []
  const turned = await desiredOf({ networks: typeof first === 'object' && 'ports' in first ? [{ ...first, ports: [...first.ports ?? []].reverse() }] : [] })
  assert.equal((turned.networks[0]?.ports ?? []).map(({ dev }) => dev).filter((dev) => devs.includes(dev)).length, 5, 'what tells them apart counts, not their order')
})

test('desired: every complaint of every file is named, with line, column and path', async () => {
  const json = `{
  "networks": [
    { "name": "a", "subnet": "10.0.0.0/24", "forwrd": "nat" },
    { "name": "b", "active": "no", "ports": [{ "kind": "tip" }, { "kind": "tap", "queues": 0, "fds": true }] },
    { "name": "b" }
  ],
  "prots": [],
  "ports": [{ "kind": "tap" }, 7]
}`
  const xml = '<networks x="1">\n  <network><name>c</name><ip address="300.1.1.1"/></network>\n  <net/>\n</networks>'
  assert.equal(await complaints([() => readDocument(json, 'a.json'), () => readDocument(xml, 'b.xml')]), [
    'a.json: line 7, column 12: unknown key \'prots\'', 'a.json: line 3, column 55: unknown key \'forwrd\'', 'a.json: line 4, column 30: expected true or false, not \'no\'',
    'a.json: line 4, column 56: expected \'tap\', \'veth\', not \'tip\'', 'a.json: line 4, column 92: expected >=1, not 0', 'a.json: line 4, column 102: expected false, not true',
    'a.json: line 5, column 15: network \'b\' is named twice',
    'b.xml: line 1, column 11: unknown attribute \'x\' in <networks>', 'b.xml: line 3, column 3: unknown element <net> in <networks>', 'b.xml: line 2, column 30: Invalid address \'300.1.1.1\' in network \'c\'',
    'a.json: line 8, column 13: expected the name of a network', 'a.json: line 8, column 32: a port is an object',
  ])
  const data = { networks: [{ name: 'a', ip: [{ address: 'x' }] }, { name: 'b', active: false, persistent: false, ports: [{ kind: 'tap' }] }, 7] }
  assert.equal(await complaints([() => ({ data })]), [
    'networks[0].ip[0].address: Invalid address \'x\' in network \'a\'', 'networks[1].active: a network that is neither active nor persistent is none',
    'networks[1].ports: only a network that runs has ports, and active is false', 'networks[2]: a network is XML text or an object',
  ])
})

test('desired: ports that are no ports, or one port twice, are refused', async () => {
  const refused = async (...ports: unknown[]): Promise<string> => (await complaints([() => ({ data: { name: 'a', ports } })])).join('; ')
  assert.match(await refused({ kind: 'tap', hostname: 'vm' }, { kind: 'tap', hostname: 'vm' }), /ports\[1\]: port nwp[0-9a-f]+ is named twice: give it a dev, a hostname or a mac of its own/)
  assert.match(await refused({ kind: 'tap', dev: 'x', address: '10.0.0.2' }, { kind: 'tap', dev: 'y', address: '10.0.0.2' }), /ports\[1\]\.address: 10\.0\.0\.2 is given to two ports/)
  assert.match(await refused({ kind: 'tap', dev: 'a/b' }), /ports\[0\]\.dev: interface name/)
  assert.match(await refused({ kind: 'tap', mac: '01:00:5e:00:00:01' }), /group's address/)
  assert.match(await refused({ kind: 'tap', hostname: '-' }), /not a host name/)
  assert.match(await refused({ kind: 'veth', netns: '..' }), /not a name of a network namespace/)
  assert.match(await refused({ kind: 'veth' }), /ports\[0\]\.netns: /)
})

test('desired: what is neither is refused', async () => {
  assert.throws(() => readDocument('networks: []'), /XML, which begins with <, or JSON/)
  assert.throws(() => readDocument('<network><name>a</name></network> text', 'f.xml'), /^f\.xml: line 1, column 35: text outside of the document$/)
  assert.throws(() => readDocument('<a><network>'), /unclosed tag/)
  assert.match((await complaints([() => readDocument('<domain/>')])).join(), /<domain> is neither <network> nor <networks>/)
  for (const data of [7, true, 'x']) assert.ok((await complaints([() => ({ data })])).length > 0, String(data))
})

test('desired: whatever is passed is checked or refused with InputError', async () => {
  const only = async (work: () => Promise<unknown>): Promise<void> => {
    try { await work() } catch (error) { assert.ok(error instanceof InputError, String(error)) }
  }
  const hostile = fc.oneof(fc.anything({ withNullPrototype: true, withDate: true, withMap: true, withBigInt: true, withSparseArray: true }), fc.record({ networks: fc.anything(), ports: fc.anything() }), fc.array(fc.record({ name: fc.string(), ports: fc.anything(), active: fc.anything() })))
  await fc.assert(fc.asyncProperty(hostile, async (data) => { await only(async () => await checkDesired([{ data }])) }), { numRuns: 500 })
  const text = fc.oneof(fc.string(), fc.json(), fc.array(fc.constantFrom('<network>', '</network>', '<name>a</name>', '<networks>', '</networks>', '<?xml version="1.0"?>', '<!--', '-->', '<![CDATA[', ']]>', '&', ' ', 'x')).map((parts) => parts.join('')))
  await fc.assert(fc.asyncProperty(text, async (source) => { await only(async () => await checkDesired([readDocument(source, 'f')])) }), { numRuns: 1000 })
})

test.run()
