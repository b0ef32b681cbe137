import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attributePath, missingPath } from '../../../src/netlink/path.js'
import { link } from '../../../src/netlink/rtnl/link.js'
import { route } from '../../../src/netlink/rtnl/route.js'

// nlmsghdr 16, ifinfomsg 16: attributes begin at 32. IFNAME "br0\0" takes 8, then IFLA_LINKINFO at 40 (in table order).
const bridge = link.create({ ifname: 'br0', linkinfo: { kind: 'bridge', data: { forwardDelay: 1, priority: 3 } } }, 'br0')

test('path: an offset at an attribute names it', () => {
  assert.is(attributePath(bridge, 32), 'IFLA_IFNAME')
  assert.is(attributePath(bridge, 40), 'IFLA_LINKINFO')
})

test('path: an offset inside nests names the innermost attribute, data by kind', () => {
  // 40 LINKINFO, 44 INFO_KIND (4 + 7 + 1), 56 INFO_DATA, 60 BR_FORWARD_DELAY (8), 68 BR_PRIORITY
  assert.is(attributePath(bridge, 44), 'IFLA_LINKINFO.IFLA_INFO_KIND')
  assert.is(attributePath(bridge, 56), 'IFLA_LINKINFO.IFLA_INFO_DATA')
  assert.is(attributePath(bridge, 60), 'IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_FORWARD_DELAY')
  assert.is(attributePath(bridge, 68), 'IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_PRIORITY')
})

test('path: offsets outside of the attributes have none', () => {
  for (const offset of [0, 16, 31, 76, 4096, -1]) assert.is(attributePath(bridge, offset), undefined)
})

test('path: what a struct in front of attributes contains is found behind it', () => {
  const veth = link.create({ ifname: 'v0', linkinfo: { kind: 'veth', data: { peer: { ifname: 'v1', mtu: 9 } } } }, 'v0')
  // 32 IFNAME 8, 40 LINKINFO, 44 KIND (4+5 -> 12), 56 DATA, 60 PEER, 64 ifinfomsg 16, 80 IFNAME 8, 88 MTU
  assert.is(attributePath(veth, 64), 'IFLA_LINKINFO.IFLA_INFO_DATA.VETH_INFO_PEER')
  assert.is(attributePath(veth, 80), 'IFLA_LINKINFO.IFLA_INFO_DATA.VETH_INFO_PEER.IFLA_IFNAME')
  assert.is(attributePath(veth, 88), 'IFLA_LINKINFO.IFLA_INFO_DATA.VETH_INFO_PEER.IFLA_MTU')
})

test('path: items of a list are counted', () => {
  const named = link.change({ index: 3, propList: ['a', 'b', 'c'] }, 'x')
  // 32 PROP_LIST, 36, 44, 52: the names, 8 each
  assert.is(attributePath(named, 44), 'IFLA_PROP_LIST.IFLA_ALT_IFNAME[1]')
})

test('path: an attribute without a row is named by its number', () => {
  const odd = route.create({ family: 2, rest: [{ type: 77, data: new Uint8Array(4) }] }, 'x')
  assert.is(attributePath(odd, 28), 'attribute 77')
})

test('path: a missing attribute is named below its nest', () => {
  assert.is(missingPath(bridge, 1, undefined), 'IFLA_ADDRESS')
  assert.is(missingPath(bridge, 1, 40), 'IFLA_LINKINFO.IFLA_INFO_KIND')
  assert.is(missingPath(bridge, 99, 40), 'IFLA_LINKINFO.attribute 99')
})

test('path: a request without shape, or with malformed bytes, has no path', () => {
  assert.is(attributePath({ body: bridge.body }, 32), undefined)
  const { shape } = bridge
  if (shape === undefined) throw new Error('a link has a shape')
  assert.is(attributePath({ body: Buffer.concat([bridge.body.subarray(0, 16), Buffer.from('ff00030000000000', 'hex')]), shape }, 36), undefined)
})

test.run()
