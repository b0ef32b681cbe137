import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { send } from '../../src/netlink/call.js'
import { openChannel, type Channel } from '../../src/netlink/channel.js'
import { NETLINK_ROUTE } from '../../src/netlink/header.js'
import { native } from '../../src/netlink/native.js'
import type { Request } from '../../src/netlink/request.js'
import { attachRequest, detachRequest, indexes, linkRequests, removeRequest } from '../../src/kernel/link.js'
import { isOurs, readLink, readLinks } from '../../src/kernel/link-state.js'
import type { BridgeObject, TapObject, VethObject } from '../../src/kernel/object.js'
import { createTap } from '../../src/kernel/tap.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

const bridge: BridgeObject = { type: 'bridge', name: 'virbr7', index: 0x1234567, group: 4711, mac: '52:54:00:11:22:33', stp: false, forwardDelay: 0, ipv6: false, alias: 'netwright network réd' }
const veth: VethObject = {
  type: 'veth', name: 'vnet3', index: 0x1234568, group: 4711, mac: 'fe:54:00:00:00:01', master: bridge.index,
  peer: { name: 'eth0', mac: '52:54:00:00:00:01', netns: { path: '', inode: '' } },
}
const tap: TapObject = { type: 'tap', name: 'vnet9', index: 0x1234569, group: 4711, mac: 'fe:54:00:00:00:02', queues: 2, vnetHdr: true, persist: true, uid: 107, gid: 108, master: bridge.index }

/** What `ip -j -d link show` says, as far as it is asked. */
interface IpLink {
  ifindex: number, ifname: string, flags: string[], mtu: number, master?: string, operstate: string, group: string, address: string, ifalias?: string, inet6_addr_gen_mode?: string
  link_index?: number, link_netnsid?: number
  linkinfo?: { info_kind: string, info_data?: Record<string, unknown>, info_slave_kind?: string, info_slave_data?: Record<string, unknown> }
}

async function show (ns: Namespace, name: string): Promise<IpLink> {
  const [found] = await ns.json<IpLink[]>('ip', ['-j', '-d', 'link', 'show', 'dev', name])
  if (found === undefined) throw new Error(`no link ${name}`)
  return found
}

/** Link-local addresses of all links but loopback, which has none. */
async function linkLocal (ns: Namespace): Promise<string> { return (await ns.must('ip', ['-6', '-o', 'addr', 'show', 'scope', 'link'])).trim() }

async function withRoute (ns: Namespace, body: (channel: Channel) => Promise<void>): Promise<void> {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  await body(channel)
}

async function must (channel: Channel, requests: readonly Request[]): Promise<void> {
  for (const { error, acknowledged } of await send(channel, requests)) {
    if (error !== undefined) throw error
    assert.ok(acknowledged)
  }
}

async function remove (channel: Channel, ...known: readonly { readonly name: string, readonly index: number }[]): Promise<void> {
  await must(channel, known.map(removeRequest))
}

kernelTest(test, 'link: a bridge has name, index, MAC, group, alias and no IPv6 address, and is up', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await must(channel, linkRequests(bridge).create)
    const seen = await show(ns, bridge.name)
    assert.is(seen.ifindex, bridge.index)
    assert.is(seen.address, bridge.mac)
    assert.is(seen.group, '4711')
    assert.is(seen.ifalias, bridge.alias)
    assert.is(seen.mtu, 1500)
    assert.is(seen.inet6_addr_gen_mode, 'none')
    assert.ok(seen.flags.includes('UP'))
    assert.is(seen.linkinfo?.info_kind, 'bridge')
    assert.is(seen.linkinfo?.info_data?.['stp_state'], 0)
    assert.is(seen.linkinfo?.info_data?.['forward_delay'], 0)
    assert.is((await ns.must('ip', ['-o', 'addr', 'show', 'dev', bridge.name])).trim(), '')
    await remove(channel, bridge)
  })
})

kernelTest(test, 'link: a bridge with STP and delay 0 gets the 2 seconds that the kernel insists on', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await must(channel, linkRequests({ ...bridge, stp: true }).create)
    const { linkinfo } = await show(ns, bridge.name)
    assert.is(linkinfo?.info_data?.['stp_state'], 1)
    assert.is(linkinfo?.info_data?.['forward_delay'], 200)
    assert.is((await readLink(channel, bridge))?.bridge?.forwardDelay, 2)
    await remove(channel, bridge)
  })
})

kernelTest(test, 'link: a bridge with IPv6 gets its link-local address once a port is up', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await must(channel, linkRequests({ ...bridge, ipv6: true }).create)
    assert.is((await show(ns, bridge.name)).inet6_addr_gen_mode, 'eui64')
    await remove(channel, bridge)
  })
})

for (const mtu of [1500, 9000]) {
  kernelTest(test, `link: a bridge asked for an MTU of ${mtu} keeps it when a port has less`, async ({ ns }) => {
    await withRoute(ns, async (channel) => {
      await must(channel, linkRequests({ ...bridge, mtu }).create)
      assert.is((await show(ns, bridge.name)).mtu, mtu)
      await ns.must('ip', ['link', 'add', 'p0', 'mtu', '1400', 'type', 'veth', 'peer', 'name', 'p1'])
      await ns.must('ip', ['link', 'set', 'p0', 'master', bridge.name])
      assert.is((await show(ns, bridge.name)).mtu, mtu)
      await ns.must('ip', ['link', 'del', 'p0'])
      await remove(channel, bridge)
    })
  })
}

kernelTest(test, 'link: an MTU below the least of IPv6 is taken', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await must(channel, linkRequests({ ...bridge, mtu: 1000 }).create)
    assert.is((await show(ns, bridge.name)).mtu, 1000)
    await remove(channel, bridge)
  })
})

kernelTest(test, 'link: a name that is taken is EEXIST, and the stranger stays as it was', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await ns.must('ip', ['link', 'add', bridge.name, 'type', 'bridge'])
    const before = await ns.must('ip', ['-d', 'link', 'show', 'dev', bridge.name])
    const outcomes = await send(channel, linkRequests(bridge).create)
    assert.equal(outcomes.map(({ error }) => error?.errnoName), ['EEXIST', 'ENODEV', 'ENODEV'])
    assert.is(outcomes[0]?.error?.object, 'bridge virbr7')
    assert.is(await ns.must('ip', ['-d', 'link', 'show', 'dev', bridge.name]), before)
    await ns.must('ip', ['link', 'del', bridge.name])
  })
})

kernelTest(test, 'link: an index that is taken is EEXIST too, and reading tells the two apart', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await ns.must('ip', ['link', 'add', 'other', 'index', String(bridge.index), 'type', 'bridge'])
    const [outcome] = await send(channel, linkRequests(bridge).create.slice(0, 1))
    assert.is(outcome?.error?.errnoName, 'EEXIST')
    assert.is(await readLink(channel, { name: bridge.name }), undefined)
    assert.is((await readLink(channel, { index: bridge.index }))?.name, 'other')
    await ns.must('ip', ['link', 'del', 'other'])
  })
})

kernelTest(test, 'link: a veth pair has one end in the bridge and the other, named and with its MAC, in another namespace', async ({ ns }) => {
  const guest = await ns.add()
  await withRoute(ns, async (channel) => {
    await must(channel, [...linkRequests({ ...bridge, mtu: 1400 }).create, ...linkRequests({ ...veth, mtu: 1400 }, { peerNetns: guest.fd }).create])
    const host = await show(ns, veth.name)
    assert.equal([host.ifindex, host.address, host.group, host.master, host.mtu, host.inet6_addr_gen_mode], [veth.index, veth.mac, '4711', bridge.name, 1400, 'none'])
    assert.ok(host.flags.includes('UP'))
    assert.is(await linkLocal(ns), '')
    const inside = await show(guest, 'eth0')
    assert.equal([inside.address, inside.mtu, inside.linkinfo?.info_kind, inside.group], [veth.peer.mac, 1400, 'veth', 'default'])
    const state = await readLink(channel, { index: veth.index })
    assert.is(state?.peer?.index, inside.ifindex)
    await remove(channel, veth, bridge)
  })
})

kernelTest(test, 'link: a TAP has its queues, owner, index, MAC and bridge, and is reported as ours', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await must(channel, linkRequests(bridge).create)
    const { fds } = await createTap(ns.fd, tap)
    assert.is(fds.length, 2)
    await must(channel, linkRequests(tap).create)
    const seen = await show(ns, tap.name)
    assert.equal([seen.ifindex, seen.address, seen.group, seen.master], [tap.index, tap.mac, '4711', bridge.name])
    assert.equal([seen.linkinfo?.info_kind, seen.linkinfo?.info_data?.['user'], seen.linkinfo?.info_data?.['group'], seen.linkinfo?.info_data?.['numqueues']], ['tun', 107, 108, 2])
    assert.is(await linkLocal(ns), '')
    const state = await readLink(channel, tap)
    assert.ok(state !== undefined && isOurs(state, tap))
    assert.equal(state?.tap, { queues: 2, vnetHdr: true, persist: true, uid: 107, gid: 108 })
    assert.equal(state?.port, { state: 'forwarding' })
    for (const fd of fds) native().close(fd)
    assert.is((await readLink(channel, tap))?.carrier, false)
    await remove(channel, tap, bridge)
  })
}, { needs: ['tun'] })

kernelTest(test, 'link: a port leaves its bridge down and comes back up', async ({ ns }) => {
  const guest = await ns.add()
  await withRoute(ns, async (channel) => {
    await must(channel, [...linkRequests(bridge).create, ...linkRequests(veth, { peerNetns: guest.fd }).create])
    await must(channel, [detachRequest(veth)])
    const alone = await show(ns, veth.name)
    assert.is(alone.master, undefined)
    assert.not(alone.flags.includes('UP'))
    await must(channel, [attachRequest(veth, bridge.index)])
    const back = await show(ns, veth.name)
    assert.is(back.master, bridge.name)
    assert.ok(back.flags.includes('UP'))
    await remove(channel, veth, bridge)
  })
})

kernelTest(test, 'link: reading finds links by name, index, kind and master, and nothing where there is none', async ({ ns }) => {
  const guest = await ns.add()
  await withRoute(ns, async (channel) => {
    await must(channel, [...linkRequests(bridge).create, ...linkRequests(veth, { peerNetns: guest.fd }).create])
    assert.is((await readLink(channel, { name: bridge.name }))?.index, bridge.index)
    assert.is((await readLink(channel, { index: bridge.index }))?.alias, bridge.alias)
    assert.is(await readLink(channel, { name: 'nobody' }), undefined)
    assert.is(await readLink(channel, { index: 99_999 }), undefined)
    assert.equal((await readLinks(channel, { kind: 'bridge' })).map(({ name }) => name), [bridge.name])
    assert.equal((await readLinks(channel, { master: bridge.index })).map(({ name }) => name), [veth.name])
    const all = await ns.json<{ ifname: string, ifindex: number, mtu: number }[]>('ip', ['-j', 'link', 'show'])
    assert.equal((await readLinks(channel)).map(({ name, index, mtu }) => ({ name, index, mtu })), all.map(({ ifname, ifindex, mtu }) => ({ name: ifname, index: ifindex, mtu })))
    await remove(channel, veth, bridge)
  })
})

kernelTest(test, 'link: one that was renamed, regrouped or made anew is not ours any more', async ({ ns }) => {
  await withRoute(ns, async (channel) => {
    await must(channel, linkRequests(bridge).create)
    const ours = async (): Promise<boolean> => {
      const state = await readLink(channel, { index: bridge.index })
      return state !== undefined && isOurs(state, bridge)
    }
    assert.ok(await ours())
    await ns.must('ip', ['link', 'set', bridge.name, 'group', '5'])
    assert.not(await ours())
    await ns.must('ip', ['link', 'set', bridge.name, 'group', '4711', 'down', 'name', 'other'])
    assert.not(await ours())
    await ns.must('ip', ['link', 'del', 'other'])
    await ns.must('ip', ['link', 'add', bridge.name, 'index', String(bridge.index), 'group', '4711', 'type', 'veth', 'peer', 'name', 'x'])
    assert.not(await ours())
    await ns.must('ip', ['link', 'del', bridge.name])
  })
})

test('link: two sources of indexes do not hand out the same ones, and stay above the kernel\'s own', () => {
  const [a, b] = [indexes(), indexes()]
  const drawn = Array.from({ length: 1000 }, () => [a.next(), b.next()]).flat()
  assert.is(new Set(drawn).size, 2000)
  assert.ok(drawn.every((index) => index >= 0x1000_0000 && index <= 0x7fff_ffff))
})

test.run()
