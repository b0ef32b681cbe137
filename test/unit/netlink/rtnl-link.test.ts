import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DecodeError, NetwrightError } from '../../../src/errors.js'
import { addr } from '../../../src/netlink/rtnl/addr.js'
import { link, removeGroup } from '../../../src/netlink/rtnl/link.js'
import { route } from '../../../src/netlink/rtnl/route.js'

function refused (make: () => unknown): void {
  assert.throws(make, (error: unknown) => error instanceof NetwrightError && error.code === 'NETWRIGHT_INVALID')
}

test('link: a link is never replaced', () => {
  refused(() => link.replace({ ifname: 'br0', linkinfo: { kind: 'bridge' } }, 'br0'))
})

test('link: nothing is changed or removed without index or name', () => {
  refused(() => link.change({ mtu: 1300 }, 'x'))
  refused(() => link.change({ index: 0, mtu: 1300 }, 'x'))
  refused(() => link.change({ index: -1, mtu: 1300 }, 'x'))
  refused(() => link.remove({}, 'x'))
  refused(() => link.get({}, 'x'))
})

test('link: a group never stands where it could mean every link of it', () => {
  refused(() => link.change({ group: 7, mtu: 1300 }, 'x'))
  refused(() => link.change({ ifname: 'br0', group: 7 }, 'br0'))
  refused(() => link.change({ ifname: 'br0', rest: [{ type: 27, data: Uint8Array.of(7, 0, 0, 0) }] }, 'br0'))
  refused(() => link.change({ ifname: 'br0', rest: [{ type: 0x8000 | 27, data: Uint8Array.of(7, 0, 0, 0) }] }, 'br0'))
  refused(() => link.remove({ index: 3, group: 7 }, 'br0'))
  assert.is(link.change({ index: 3, group: 7 }, 'br0').flags, 0)
})

test('link: a new link has a name and a kind, and the name is one', () => {
  refused(() => link.create({ linkinfo: { kind: 'bridge' } }, 'x'))
  refused(() => link.create({ ifname: 'br0' }, 'br0'))
  refused(() => link.create({ ifname: 'virbr%d', linkinfo: { kind: 'bridge' } }, 'x'))
  refused(() => link.change({ index: 3, ifname: '' }, 'x'))
})

test('link: deleting by group is a function of its own and refuses the default group', () => {
  const request = removeGroup(0x4e57)
  assert.equal([request.type, request.flags, request.name, request.object], [17, 0, 'RTM_DELLINK', 'group 20055'])
  // ifinfomsg all zero, then IFLA_GROUP (27).
  assert.is(request.body.toString('hex'), `${'00'.repeat(16)}08001b00574e0000`)
  for (const group of [0, -1, 1.5, 2 ** 32, Number.NaN]) refused(() => removeGroup(group))
})

test('addr: removing without an address, and making one without a link, is refused', () => {
  refused(() => addr.remove({ index: 3 }, 'x'))
  refused(() => addr.create({ local: '10.0.0.1' }, 'x'))
})

test('route: removing needs family and table', () => {
  refused(() => route.remove({}, 'x'))
  refused(() => route.remove({ family: 2, dst: '10.0.0.0' }, 'x'))
})

test('link: values that do not fit are refused with the attribute\'s path before anything is sent', () => {
  assert.throws(() => link.change({ index: 3, mtu: -1 }, 'x'), /^IFLA_MTU: -1 is not a u32/)
  assert.throws(() => link.create({ ifname: 'br0', linkinfo: { kind: 'bridge', data: { priority: 70000 } } }, 'br0'), /IFLA_LINKINFO: IFLA_INFO_DATA: IFLA_BR_PRIORITY: 70000 is not a u16/)
  assert.throws(() => link.change({ index: 3, address: 'nonsense' }, 'x'), /^IFLA_ADDRESS: "nonsense"/)
})

/** ifinfomsg with a family, then attributes as hexadecimal. */
const newlink = (family: number, attributes: string): { type: number, payload: Buffer } =>
  ({ type: 16, payload: Buffer.concat([Buffer.from([family, 0, 1, 0, 3, 0, 0, 0]), Buffer.alloc(8), Buffer.from(attributes, 'hex')]) })

test('link: unknown kinds and attributes stay visible', () => {
  // IFLA_LINKINFO { IFLA_INFO_KIND "dsa", IFLA_INFO_DATA { u32 } }, attribute 999
  const found = link.decode(newlink(0, '180012000800010064736100' + '0c00020008000100' + '07000000' + '0600e7034142' + '0000'))
  assert.is(found.linkinfo?.kind, 'dsa')
  assert.is(Buffer.from(found.linkinfo?.data instanceof Uint8Array ? found.linkinfo.data : []).toString('hex'), '0800010007000000')
  assert.equal(found.rest?.map(({ type, data }) => [type, Buffer.from(data).toString()]), [[999, 'AB']])
})

test('link: what a bridge says about VLANs (family AF_BRIDGE) is not read as settings of IPv4', () => {
  // IFLA_AF_SPEC { IFLA_BRIDGE_VLAN_INFO (2) { flags, vid } }
  const found = link.decode(newlink(7, '0c001a00' + '0800020006000100'))
  assert.is(found.afSpec, undefined)
  assert.equal(found.rest?.map(({ type }) => type), [26])
})

test('link: bytes that make no sense are refused with the path', () => {
  assert.throws(() => link.decode(newlink(0, '06000400ffff0000')), (error: unknown) => error instanceof DecodeError && error.message === 'RTM_NEWLINK.IFLA_MTU: u32 needs 4 bytes, has 2')
  assert.throws(() => link.decode({ type: 16, payload: Buffer.alloc(8) }), /struct ifinfomsg needs 16 bytes, has 8/)
  assert.throws(() => link.decode({ type: 20, payload: Buffer.alloc(16) }), /unexpected message type 20/)
})

test.run()
