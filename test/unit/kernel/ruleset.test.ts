import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addMembers, createRuleset, deleteRuleset, memberKey, removeMembers, setNames, tableName } from '../../../src/kernel/ruleset.js'
import { elements } from '../../../src/netlink/nft/index.js'
import { decode, fixture, type Sent } from '../netlink/nft-fixture.js'

type Message = Pick<Sent, 'type' | 'payload'>

/** Without what only numbers things inside one batch, and without the hints that nft keeps for itself. */
function plain (value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => !['id', 'setId', 'description', 'userdata'].includes(key)).sort(([a], [b]) => a < b ? -1 : 1)
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]))
}

const byText = (a: unknown, b: unknown): number => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1

test('ruleset: says in messages what nft says for the same text', async () => {
  const ours = createRuleset('netwright').map(({ type, body }) => ({ type, payload: body }))
  const theirs = await fixture('nft-ruleset.hex')
  for (const [type, name] of [[0xa00, 'tables'], [0xa03, 'chains'], [0xa09, 'sets'], [0xa06, 'rules']] as const) {
    const of = (messages: readonly Message[]): unknown[] => messages.filter((message) => message.type === type).map((message) => plain(decode(message)))
    assert.equal(of(ours), of(theirs), name)
  }
  const services = (messages: readonly Message[]): unknown => messages.filter(({ type }) => type === 0xa0c).map((message) => (elements.decode(message).elements ?? []).map(plain).sort(byText))
  assert.equal(services(ours), services(theirs))
})

test('ruleset: each owner has a table of its own', () => {
  assert.is(tableName('system'), 'netwright')
  assert.is(tableName('rig'), 'netwright-rig')
  assert.equal(deleteRuleset('netwright-rig').map(({ name, object }) => `${name} ${object}`), ['NFT_MSG_DELTABLE inet netwright-rig'])
})

test('ruleset: members of a set travel in one message, a large number in several', () => {
  const members = [{ set: 'ours', key: ['b'] }, { set: 'same', key: ['a', 'a'] }, { set: 'ours', key: ['a'] }]
  assert.equal(addMembers('t', members).map(({ name, object }) => `${name} ${object}`), ['NFT_MSG_NEWSETELEM inet t same', 'NFT_MSG_NEWSETELEM inet t ours'])
  assert.equal(removeMembers('t', members).map(({ name }) => name), ['NFT_MSG_DELSETELEM', 'NFT_MSG_DELSETELEM'])
  const many = Array.from({ length: 1000 }, (_, i) => ({ set: 'ours', key: [`virbr${String(i)}`] }))
  assert.is(addMembers('t', many).length, 3)
  assert.equal(addMembers('t', []), [])
})

test('ruleset: refuses members of sets that are not there and keys that do not fit', () => {
  assert.throws(() => addMembers('t', [{ set: 'services', key: ['ipv4', 'tcp', 80] }]), /services is no set/)
  assert.throws(() => addMembers('t', [{ set: 'toString', key: ['a'] }]), /toString is no set/)
  assert.throws(() => addMembers('t', [{ set: 'ours', key: ['a', 'b'] }]), /1 fields, not 2/)
  assert.throws(() => addMembers('t', [{ set: 'ours', key: ['a'], data: ['b'] }]), /no data/)
  assert.throws(() => addMembers('t', [{ set: 'snat4', key: ['a'] }]), /needs data/)
})

test('ruleset: knows a member however its key is spelled', () => {
  assert.is(memberKey({ set: 'dnat4', key: ['192.0.2.1', 'tcp', 80] }), memberKey({ set: 'dnat4', key: ['192.0.2.1', 6, 80] }))
  assert.is(memberKey({ set: 'gw6', key: ['fd00:0::1'] }), memberKey({ set: 'gw6', key: ['fd00::1'] }))
  assert.is.not(memberKey({ set: 'ours', key: ['a'] }), memberKey({ set: 'out', key: ['a'] }))
  assert.is(new Set(setNames).size, 30)
})

test.run()
