import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { call } from '../../src/netlink/call.js'
import { openChannel } from '../../src/netlink/channel.js'
import { NETLINK_ROUTE } from '../../src/netlink/header.js'
import { conflicts } from '../../src/kernel/conflict.js'
import type { RouteObject } from '../../src/kernel/object.js'
import { readRoutes, removeRouteRequest, routeRequest } from '../../src/kernel/route.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

interface IpRoute { dst: string, gateway?: string, dev?: string, protocol: string, metric?: number, type?: string, table?: string, nexthops?: { gateway: string, dev: string }[] }

const INDEX = 600

/** br0 with addresses of both families and a port that is up, so that its routes are usable. */
async function bridge (ns: Namespace): Promise<void> {
  await ns.must('ip', ['link', 'add', 'br0', 'index', String(INDEX), 'type', 'bridge'])
  await ns.must('ip', ['link', 'add', 'p0', 'type', 'veth', 'peer', 'name', 'p1'])
  await ns.must('ip', ['link', 'set', 'p0', 'master', 'br0', 'up'])
  await ns.must('ip', ['link', 'set', 'p1', 'up'])
  await ns.must('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'br0'])
  await ns.must('ip', ['addr', 'add', 'fd00::1/64', 'dev', 'br0', 'nodad'])
  await ns.must('ip', ['link', 'set', 'br0', 'up'])
}

async function away (ns: Namespace): Promise<void> {
  await ns.must('ip', ['link', 'del', 'p0'])
  await ns.must('ip', ['link', 'del', 'br0'])
}

const cases: readonly RouteObject[] = [
  { type: 'route', dev: 'br0', index: INDEX, destination: '10.9.0.0/16', gateway: '192.0.2.2', metric: 1 },
  { type: 'route', dev: 'br0', index: INDEX, destination: '198.51.100.7/32', gateway: '192.0.2.2', metric: 4_000_000_000 },
  { type: 'route', dev: 'br0', index: INDEX, destination: '0.0.0.0/0', gateway: '192.0.2.2', metric: 5 },
  { type: 'route', dev: 'br0', index: INDEX, destination: '2001:db8:9::/48', gateway: 'fd00::2', metric: 1 },
  { type: 'route', dev: 'br0', index: INDEX, destination: '::/0', gateway: 'fd00::2', metric: 7 },
]

for (const object of cases) {
  kernelTest(test, `route: ${object.destination} is there with gateway, metric and our protocol, and goes`, async ({ ns }) => {
    await bridge(ns)
    await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
    await call(channel, routeRequest(object))
    const routes = await ns.json<IpRoute[]>('ip', ['-j', object.gateway.includes(':') ? '-6' : '-4', 'route', 'show', 'proto', '78'])
    const [address, prefix] = object.destination.split('/')
    const dst = prefix === '0' ? 'default' : prefix === '32' ? address : object.destination
    assert.equal(routes.map((route) => [route.dst, route.gateway, route.dev, route.metric]), [[dst, object.gateway, 'br0', object.metric]])
    const read = await readRoutes(channel, { local: false })
    assert.equal(read.filter(({ protocol }) => protocol === 78), [{ destination: object.destination, dev: INDEX, gateway: object.gateway, table: 254, type: 'unicast', protocol: 78, metric: object.metric }])
    const again = await call(channel, routeRequest(object)).then(() => undefined, (error: unknown) => error)
    assert.match(String(again), /EEXIST/)
    await call(channel, removeRouteRequest(object))
    assert.equal((await readRoutes(channel)).filter(({ protocol }) => protocol === 78), [])
    await away(ns)
  })
}

kernelTest(test, 'route: a gateway that the link does not reach is refused in the kernel\'s words', async ({ ns }) => {
  await bridge(ns)
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  const error = await call(channel, routeRequest({ type: 'route', dev: 'br0', index: INDEX, destination: '10.9.0.0/16', gateway: '203.0.113.1', metric: 1 })).then(() => undefined, (e: unknown) => e)
  assert.match(String(error), /RTM_NEWROUTE route 10\.9\.0\.0\/16 via 203\.0\.113\.1 on br0: ENETUNREACH: Nexthop has invalid gateway/)
  await away(ns)
})

kernelTest(test, 'route: other tables, several ways, sinks and local addresses are read as ip shows them', async ({ ns }) => {
  await bridge(ns)
  await ns.must('ip', ['route', 'add', '10.1.0.0/16', 'via', '192.0.2.9', 'table', '1000'])
  await ns.must('ip', ['route', 'add', '10.2.0.0/16', 'nexthop', 'via', '192.0.2.3', 'nexthop', 'via', '192.0.2.4'])
  await ns.must('ip', ['route', 'add', 'blackhole', '10.3.0.0/16'])
  await ns.must('ip', ['-6', 'route', 'add', 'unreachable', '2001:db8:3::/48'])
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  const read = await readRoutes(channel)
  const of = (destination: string): unknown[] => read.filter((route) => route.destination === destination).map(({ dev, gateway, table, type }) => [dev, gateway, table, type])
  assert.equal(of('10.1.0.0/16'), [[INDEX, '192.0.2.9', 1000, 'unicast']])
  assert.equal(of('10.2.0.0/16'), [[INDEX, '192.0.2.3', 254, 'unicast'], [INDEX, '192.0.2.4', 254, 'unicast']])
  assert.equal(of('10.3.0.0/16'), [[undefined, undefined, 254, 'blackhole']])
  assert.equal(of('2001:db8:3::/48').map((row) => String(row).split(',').at(-1)), ['unreachable'])
  assert.equal(of('192.0.2.1/32'), [[INDEX, undefined, 255, 'local']])
  assert.not((await readRoutes(channel, { local: false })).some(({ table }) => table === 255))
  const shown = (await ns.must('ip', ['-4', 'route', 'show', 'table', 'all'])).trim().split('\n').filter((line) => !line.startsWith('\t')).length
  assert.is(new Set(read.filter(({ destination }) => !destination.includes(':')).map(({ destination, table, type, metric }) => [destination, table, type, metric].join())).size, shown)
  await ns.must('ip', ['route', 'del', 'blackhole', '10.3.0.0/16'])
  await ns.must('ip', ['-6', 'route', 'del', 'unreachable', '2001:db8:3::/48'])
  await away(ns)
})

kernelTest(test, 'route: a subnet behind a VPN in a table of its own is found to be in use, our own is not', async ({ ns }) => {
  await bridge(ns)
  await ns.must('ip', ['route', 'add', '10.1.0.0/16', 'via', '192.0.2.9', 'table', '1000'])
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  const routes = await readRoutes(channel)
  assert.equal(conflicts(['10.1.2.0/24', '10.2.0.0/24'], routes, new Set()).map(({ wanted, route }) => [wanted, route.destination]), [['10.1.2.0/24', '10.1.0.0/16']])
  assert.equal(conflicts(['192.0.2.0/24'], routes, new Set([INDEX])), [])
  await away(ns)
})

test.run()
