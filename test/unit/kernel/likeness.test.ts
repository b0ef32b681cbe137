import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DecodeError } from '../../../src/errors.js'
import { since } from '../../../src/kernel/counters.js'
import { glance } from '../../../src/kernel/glance.js'
import { likeness } from '../../../src/kernel/likeness.js'
import { likenRequests } from '../../../src/kernel/unlike.js'
import { common, ifinfomsg } from '../../../src/netlink/rtnl/ifinfo.js'
import { link } from '../../../src/netlink/rtnl/link.js'
import { attributeAt } from '../../../src/netlink/scan.js'
import { fixture } from '../netlink/rtnl-fixture.js'

interface Shown { readonly ifname: string, readonly ifindex: number, readonly linkinfo?: { readonly info_kind?: string } }
const { output, messages: all } = await fixture<Shown>('links')
const messages = all.filter(({ type }) => type === link.types.new)
const bridge = messages.map(({ payload }) => payload).find((payload) => glance(payload).kind === 'bridge') ?? Buffer.alloc(0)

/** The same message with another value of one attribute. */
function changed (number: number, value: number): Buffer {
  const copy = Buffer.from(bridge)
  attributeAt(copy, ifinfomsg.size, number)?.writeUInt8(value)
  return copy
}

test('glance: sees what ip shows', () => {
  assert.equal(messages.map(({ payload }) => glance(payload)).map(({ index, name, kind }) => [index, name, kind]), output.map(({ ifindex, ifname, linkinfo }) => [ifindex, ifname, linkinfo?.info_kind]))
})

test('likeness: does not see name, index, group and MAC, and sees an MTU, a queue length and an option', () => {
  const own = likeness(bridge, 'bridge')
  for (const row of [common.ifname, common.address, common.group, common.tsoMaxSize, common.carrierChanges]) assert.ok(likeness(changed(row.number, 7), 'bridge').equals(own), row.attribute)
  const other = Buffer.from(bridge)
  other.writeInt32LE(4711, 4) // ifi_index
  assert.ok(likeness(other, 'bridge').equals(own))
  for (const row of [common.mtu, common.txqlen, common.linkmode, common.broadcast]) assert.not.ok(likeness(changed(row.number, 7), 'bridge').equals(own), row.attribute)
})

test('likeness: refuses a length that is too long', () => {
  const damaged = Buffer.from(bridge)
  damaged.writeUInt16LE(0xfff0, ifinfomsg.size)
  assert.throws(() => likeness(damaged, 'bridge'), (error: unknown) => error instanceof DecodeError)
  assert.is(attributeAt(damaged, ifinfomsg.size, common.mtu.number), undefined)
  assert.is(attributeAt(Buffer.alloc(3), 0, 1), undefined)
})

test('unlike: nothing is sent for a link that is like the other, and one message for what differs', () => {
  const state = link.decode({ type: link.types.new, payload: bridge })
  assert.equal(likenRequests(state, { ...state, index: 9, ifname: 'nwp1', address: '02:00:00:00:00:09', ifalias: '' }).map(({ name, object }) => [name, object]), state.ifalias === undefined ? [] : [['RTM_NEWLINK', state.ifname]])
  const [request] = likenRequests({ ...state, ifalias: '' }, { ...state, mtu: 1400, txqlen: 5 })
  const sent = link.decode({ type: link.types.new, payload: request?.body ?? Buffer.alloc(0) })
  assert.equal([sent.index, sent.mtu, sent.txqlen, sent.ifname], [state.index, 1400, 5, undefined])
})

test('counters: are counted from a baseline, and never below zero', () => {
  const none = since({ rxPackets: 5, rxBytes: 500, rxErrors: 0, rxDropped: 1, multicast: 2, txPackets: 7, txBytes: 700, txErrors: 0, txDropped: 0 }, { rxPackets: 3, rxBytes: 600, rxErrors: 0, rxDropped: 1, multicast: 0, txPackets: 7, txBytes: 1, txErrors: 0, txDropped: 0 })
  assert.equal(none, { rxPackets: 2, rxBytes: 0, rxErrors: 0, rxDropped: 0, multicast: 2, txPackets: 0, txBytes: 699, txErrors: 0, txDropped: 0 })
})

test.run()
