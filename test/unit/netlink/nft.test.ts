import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chain, commentOf, elements, packFields, register, rule, set, setCommentType, table, typeLength, typeNumber, unpackFields, type Fields } from '../../../src/netlink/nft/index.js'
import { decode, fixture } from './nft-fixture.js'

/** Every attribute that no table names, wherever it is. */
function unnamed (value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  return Object.entries(value).flatMap(([key, item]) => key === 'rest' ? [path] : unnamed(item, `${path}.${key}`))
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

test('nft: names every attribute that nft sends for sets, chains and rules', async () => {
  for (const name of ['nft-ruleset.hex', 'nft-sets.hex']) {
    const found = await fixture(name)
    assert.ok(found.length > 10)
    for (const message of found) assert.equal(unnamed(decode(message)), [], `${name} ${message.verb}`)
  }
})

test('nft: reads a base chain with hook, priority and policy as nft wrote them', async () => {
  const [, , found] = await fixture('nft-sets.hex')
  assert.equal(found === undefined ? undefined : decode(found), { family: 'inet', table: 't', name: 'f', type: 'filter', policy: 'drop', hook: { number: 2, priority: 0 } })
  const chains = (await fixture('nft-ruleset.hex')).filter(({ verb }) => verb === 'NEWCHAIN').map(chain.decode)
  assert.equal(chains.flatMap(({ name, hook }) => hook === undefined ? [] : [[name, hook.number, hook.priority]]), [['forward', 2, 0], ['postrouting', 4, 100], ['input', 1, 0], ['prerouting', 0, -100], ['output', 3, -100]])
  assert.equal(chains.flatMap(({ name, hook }) => hook === undefined ? [name] : []), ['leave', 'bymode', 'tohost'])
})

test('nft: reads comments of tables, sets, elements and rules', async () => {
  const found = await fixture('nft-sets.hex')
  const comments = found.flatMap((message) => {
    const { verb } = message
    if (verb === 'NEWTABLE') return [commentOf(table.decode(message).userdata)]
    if (verb === 'NEWSET') return [commentOf(set.decode(message).userdata, setCommentType)]
    if (verb === 'NEWRULE') return [commentOf(rule.decode(message).userdata)]
    if (verb === 'NEWCHAIN') return []
    return (elements.decode(message).elements ?? []).map((item) => commentOf(item.userdata))
  }).filter((text) => text !== undefined)
  assert.equal(comments, ['hello', 'x', 'c1', 'hi'])
})

test('nft: reads intervals as two elements, and of a concatenation as one with an end', async () => {
  const found = (await fixture('nft-sets.hex')).filter(({ verb }) => verb === 'NEWSETELEM').map(elements.decode)
  const plain = found.find((message) => message.set === 'iv')?.elements
  assert.equal(plain?.map((item) => [hex(item.key?.value), item.flags]), [['00000000', 1], ['0a000000', undefined], ['0b000000', 1], ['c0a80001', undefined], ['c0a8000a', 1]])
  const joined = found.find((message) => message.set === 'ci')?.elements
  assert.equal(joined?.map((item) => [hex(item.key?.value), hex(item.keyEnd?.value)]), [['0a00000000010000', '0affffff00050000']])
})

test('nft: reads verdicts, jumps and timeouts of a verdict map', async () => {
  const found = (await fixture('nft-sets.hex')).map((message) => message.verb === 'NEWSETELEM' ? elements.decode(message) : undefined).find((message) => message?.set === 'vm')?.elements
  assert.equal(found?.map((item) => item.data), [{ verdict: { code: 'accept' } }, { verdict: { code: 'jump', chain: 'c' } }])
  assert.equal(found?.map((item) => item.timeoutMs), [undefined, 10_000n])
})

test('nft: numbers types and lengths as nft does', async () => {
  const sets = (await fixture('nft-ruleset.hex')).filter(({ verb }) => verb === 'NEWSET').map(set.decode)
  const of = (name: string): unknown[] => { const found = sets.find((item) => item.name === name); return [found?.keyType, found?.keyLength, found?.dataType, found?.dataLength] }
  const ours = (key: Fields, value?: Fields): unknown[] => [typeNumber(key), typeLength(key), ...(value === undefined ? [undefined, undefined] : [typeNumber(value), typeLength(value)])]
  assert.equal(ours(['ifname']), of('ours'))
  assert.equal(ours(['ifname', 'ifname']), of('same'))
  assert.equal(ours(['ifname', 'ipv6_addr']), of('gate6'))
  assert.equal(ours(['nf_proto', 'inet_proto', 'inet_service']), of('services'))
  assert.equal(ours(['ifname'], ['ipv4_addr']), of('snat4'))
  assert.equal(ours(['ipv6_addr', 'inet_proto', 'inet_service'], ['ipv6_addr', 'inet_service']), of('dnat6'))
})

test('nft: packs the fields of a key one to a register, and refuses what is not of its type', () => {
  assert.is(packFields(['ifname'], ['virbr0']).toString('hex'), '76697262723000000000000000000000')
  assert.is(packFields(['ipv4_addr', 'inet_proto', 'inet_service'], ['192.0.2.1', 'tcp', 8080]).toString('hex'), 'c0000201060000001f900000')
  assert.equal(unpackFields(['ipv4_addr', 'inet_proto', 'inet_service'], Buffer.from('c0000201060000001f900000', 'hex')), ['192.0.2.1', 6, 8080])
  assert.is(packFields(['nf_proto'], ['ipv6']).toString('hex'), '0a')
  for (const [fields, values] of [
    [['ifname'], ['']], [['ifname'], ['sixteen-bytes-xx']], [['ipv4_addr'], ['::1']], [['ipv6_addr'], ['192.0.2.1']], [['ipv4_addr'], ['192.0.2']],
    [['inet_service'], [65536]], [['inet_service'], ['80']], [['inet_proto'], ['nix']], [['ifname', 'ifname'], ['a']], [['nf_proto'], [256]],
  ] as const) assert.throws(() => packFields(fields, values), (error: unknown) => error instanceof RangeError)
  assert.throws(() => unpackFields(['ifname'], Buffer.alloc(4)), /needs 16 bytes, has 4/)
})

test('nft: names registers as the kernel does', () => {
  assert.equal([0, 4, 8, 16, 20, 32, 48, 60].map(register), [1, 9, 10, 2, 13, 3, 4, 23])
  assert.throws(() => register(2), /no register/)
  assert.throws(() => register(64), /no register/)
})

test('nft: broken bytes are an error with the path of the attribute', async () => {
  const found = (await fixture('nft-ruleset.hex')).find(({ verb }) => verb === 'NEWRULE')
  assert.ok(found)
  const cut = Buffer.from(found.payload)
  // The length of the first expression's name, which then reaches beyond its element.
  cut.writeUInt16LE(0x7fff, cut.indexOf('meta') - 4)
  assert.throws(() => rule.decode({ type: found.type, payload: cut }), /NFT_MSG_NEWRULE\.NFTA_RULE_EXPRESSIONS\.NFTA_LIST_ELEM\[0\]\.attribute 1: length 32767/)
})

test.run()
