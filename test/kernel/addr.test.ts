import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { call } from '../../src/netlink/call.js'
import { openChannel } from '../../src/netlink/channel.js'
import { NETLINK_ROUTE } from '../../src/netlink/header.js'
import { addressRequest, readAddresses, removeAddressRequest } from '../../src/kernel/addr.js'
import type { AddressObject } from '../../src/kernel/object.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

interface IpAddr { family: string, local: string, prefixlen: number, broadcast?: string, tentative?: boolean, nodad?: boolean, scope: string }

async function shown (ns: Namespace, dev: string): Promise<IpAddr[]> {
  const [link] = await ns.json<{ addr_info: IpAddr[] }[]>('ip', ['-j', 'addr', 'show', 'dev', dev])
  return (link?.addr_info ?? []).filter(({ scope }) => scope !== 'link')
}

async function bridge (ns: Namespace): Promise<number> {
  await ns.must('ip', ['link', 'add', 'br0', 'index', '500', 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'br0', 'up'])
  return 500
}

const cases: readonly { address: string, prefix: number, broadcast?: string, route?: string }[] = [
  { address: '192.168.123.1', prefix: 24, broadcast: '192.168.123.255', route: '192.168.123.0/24' },
  // The address of mynet1.xml equals the network's own.
  { address: '203.0.113.88', prefix: 29, broadcast: '203.0.113.95', route: '203.0.113.88/29' },
  { address: '10.0.0.1', prefix: 31, route: '10.0.0.0/31' },
  { address: '10.0.0.9', prefix: 32 },
  { address: '10.200.0.1', prefix: 8, broadcast: '10.255.255.255', route: '10.0.0.0/8' },
  { address: 'fd00::1', prefix: 64, route: 'fd00::/64' },
  { address: 'fd00:1::', prefix: 127, route: 'fd00:1::/127' },
  { address: '2001:db8::ffff', prefix: 128 },
]

for (const { address, prefix, broadcast, route } of cases) {
  kernelTest(test, `addr: ${address}/${prefix} is there as asked, usable at once, and goes`, async ({ ns }) => {
    const index = await bridge(ns)
    await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
    const object: AddressObject = { type: 'address', dev: 'br0', index, address, prefix }
    await call(channel, addressRequest(object))
    const [seen, ...more] = await shown(ns, 'br0')
    assert.equal(more, [])
    assert.equal([seen?.local, seen?.prefixlen, seen?.broadcast, seen?.tentative], [address, prefix, broadcast, undefined])
    if (address.includes(':')) assert.is(seen?.nodad, true)
    if (route !== undefined) {
      const routes = await ns.json<{ dst: string }[]>('ip', ['-j', address.includes(':') ? '-6' : '-4', 'route', 'show', 'dev', 'br0'])
      assert.ok(routes.some(({ dst }) => dst === route))
    }
    assert.match(await ns.must('ip', ['route', 'get', address]), /^local /)
    const read = (await readAddresses(channel, index)).filter((state) => !state.address.startsWith('fe80:'))
    assert.equal(read, [{ index, address, prefix, tentative: false, duplicate: false, ...broadcast === undefined ? {} : { broadcast } }])
    await call(channel, removeAddressRequest(object))
    assert.equal(await shown(ns, 'br0'), [])
    await ns.must('ip', ['link', 'del', 'br0'])
  })
}

kernelTest(test, 'addr: an address that the link has is EEXIST, with the object named', async ({ ns }) => {
  const index = await bridge(ns)
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  await ns.must('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'br0'])
  const error = await call(channel, addressRequest({ type: 'address', dev: 'br0', index, address: '192.0.2.1', prefix: 24 })).then(() => undefined, (e: unknown) => e)
  assert.match(String(error), /RTM_NEWADDR address 192\.0\.2\.1\/24 on br0: EEXIST/)
  await ns.must('ip', ['link', 'del', 'br0'])
})

kernelTest(test, 'addr: reading all finds both families on every link', async ({ ns }) => {
  const index = await bridge(ns)
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  await ns.must('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'br0'])
  await ns.must('ip', ['addr', 'add', '192.0.2.9', 'peer', '192.0.2.10', 'dev', 'br0'])
  const all = await readAddresses(channel)
  assert.ok(all.some((state) => state.index === 1 && state.address === '127.0.0.1' && state.prefix === 8))
  assert.ok(all.some((state) => state.index === 1 && state.address === '::1' && state.prefix === 128))
  assert.ok(all.some((state) => state.index === index && state.address === '192.0.2.9'))
  await ns.must('ip', ['link', 'del', 'br0'])
})

test.run()
