import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attachRequest, detachRequest, linkRequests, removeRequest } from '../../../src/kernel/link.js'
import { effectiveDelay } from '../../../src/kernel/link-state.js'
import type { BridgeObject, VethObject } from '../../../src/kernel/object.js'
import { NLM_F_CREATE, NLM_F_EXCL } from '../../../src/netlink/header.js'
import type { Request } from '../../../src/netlink/request.js'
import { link, type LinkMessage } from '../../../src/netlink/rtnl/link.js'

const bridge: BridgeObject = { type: 'bridge', name: 'br0', index: 1000, group: 7, mac: '52:54:00:00:00:01', stp: true, forwardDelay: 0, ipv6: false, alias: 'x' }
const veth: VethObject = { type: 'veth', name: 'vnet0', index: 1001, group: 7, mac: 'fe:54:00:00:00:01', master: 1000, peer: { name: 'eth0', mac: '52:54:00:00:00:02', netns: { path: '/run/netns/x', inode: '1' } } }

function decoded (request: Request): LinkMessage { return link.decode({ type: request.type, payload: request.body }) }

test('link: only the first request may create, and never takes over what is there', () => {
  for (const { create: [first, ...others] } of [linkRequests(bridge), linkRequests(veth, { peerNetns: 3 })]) {
    assert.is((first?.flags ?? 0) & (NLM_F_CREATE | NLM_F_EXCL), NLM_F_CREATE | NLM_F_EXCL)
    for (const request of others) {
      assert.is(request.flags & NLM_F_CREATE, 0)
      assert.ok((decoded(request).index ?? 0) >= 1000)
      assert.is(decoded(request).ifname, undefined)
    }
  }
})

test('link: on a host without IPv6, and below its least MTU, its settings are not touched', () => {
  const asked = (more: Partial<BridgeObject>, ipv6?: boolean): boolean => linkRequests({ ...bridge, ...more }, ipv6 === undefined ? {} : { ipv6 }).create.some((request) => decoded(request).afSpec !== undefined)
  assert.ok(asked({}))
  assert.ok(asked({ mtu: 1280 }))
  assert.not(asked({ mtu: 1279 }))
  assert.not(asked({}, false))
  assert.not(asked({ ipv6: true }))
})

test('link: ports are changed and links removed by index alone', () => {
  assert.equal([decoded(attachRequest(veth, 1000)).index, decoded(attachRequest(veth, 1000)).master, decoded(detachRequest(veth)).master], [1001, 1000, 0])
  const { index, ifname, group } = decoded(removeRequest(veth))
  assert.equal([index, ifname, group], [1001, undefined, undefined])
})

test('link: a veth without its peer\'s namespace is a mistake of the caller', () => {
  assert.throws(() => linkRequests(veth), /veth vnet0: the peer's namespace is not open/)
})

test('link: the delay that a bridge will have is between 2 and 30 seconds with STP, and as asked without', () => {
  assert.equal([effectiveDelay(true, 0), effectiveDelay(true, 15), effectiveDelay(true, 99), effectiveDelay(false, 0), effectiveDelay(false, 0.5)], [2, 15, 30, 0, 0.5])
})

test.run()
