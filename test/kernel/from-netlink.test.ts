import { test } from 'uvu'
import * as assert from 'uvu/assert'
import raw from 'netlink/dist/raw.js'
import { KernelError } from '../../src/errors.js'
import { call, dump, send } from '../../src/netlink/call.js'
import { fromNetlink } from '../../src/netlink/from-netlink.js'
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../../src/netlink/header.js'
import { native } from '../../src/netlink/native.js'
import { table } from '../../src/netlink/nft/index.js'
import { addr, dumpAddrs } from '../../src/netlink/rtnl/addr.js'
import { dumpLinks, IFF_UP, link } from '../../src/netlink/rtnl/link.js'
import { dumpFdb, dumpNeighs } from '../../src/netlink/rtnl/neigh.js'
import { dumpRoutes } from '../../src/netlink/rtnl/route.js'
import type { Transport } from '../../src/netlink/transport.js'
import { kernelTest } from '../harness/kernel-test.js'

async function withSocket (fd: number, protocol: number, body: (transport: Transport) => Promise<void>): Promise<void> {
  const transport = fromNetlink(native().netnsRun(fd, () => new raw.RawNetlinkSocket(protocol)), protocol)
  try { await body(transport) } finally { await transport.close() }
}

const bridge = (name: string, index: number): ReturnType<typeof link.create> => link.create({ ifname: name, index, linkinfo: { kind: 'bridge' } }, name)

kernelTest(test, 'fromNetlink: links and addresses are made over a socket of the npm package', async ({ ns }) => {
  await withSocket(ns.fd, NETLINK_ROUTE, async (transport) => {
    const outcomes = await send(transport, [
      bridge('br0', 500), link.change({ index: 500, flags: IFF_UP, change: IFF_UP }, 'br0'),
      addr.create({ family: 2, prefixlen: 24, index: 500, local: '192.0.2.1', address: '192.0.2.1' }, 'br0'), bridge('br0', 501),
    ])
    assert.equal(outcomes.map(({ acknowledged, error }) => [acknowledged, error?.errnoName]), [[true, undefined], [true, undefined], [true, undefined], [true, 'EEXIST']])
    try { await call(transport, link.remove({ ifname: 'absent' }, 'absent')); assert.unreachable() } catch (error) {
      assert.ok(error instanceof KernelError)
      assert.is(error.errnoName, 'ENODEV')
    }
  })
  const [shown] = await ns.json<{ ifindex: number, addr_info: readonly { local: string }[] }[]>('ip', ['-j', '-4', 'addr', 'show', 'dev', 'br0'])
  assert.equal([shown?.ifindex, shown?.addr_info[0]?.local], [500, '192.0.2.1'])
}, { leaves: true })

kernelTest(test, 'fromNetlink: dumps are those of ip, filtered though the kernel checks less strictly', async ({ ns }) => {
  for (const command of ['link add br0 type bridge', 'link add br1 type bridge', 'link add v0 type veth peer name v1', 'link set v0 master br0', 'link set br0 up', 'addr add 192.0.2.1/24 dev br0']) await ns.must('ip', command.split(' '))
  const links = await ns.json<{ ifindex: number, ifname: string }[]>('ip', ['-j', 'link'])
  const index = links.find(({ ifname }) => ifname === 'br0')?.ifindex ?? 0
  await withSocket(ns.fd, NETLINK_ROUTE, async (transport) => {
    assert.equal((await dumpLinks(transport)).map((found) => found.ifname).sort(), links.map(({ ifname }) => ifname).sort())
    assert.equal((await dumpLinks(transport, { kind: 'bridge' })).map(({ ifname }) => ifname).sort(), ['br0', 'br1'])
    assert.equal((await dumpLinks(transport, { master: index })).map(({ ifname }) => ifname), ['v0'])
    assert.equal((await dumpAddrs(transport, { index, family: 2 })).map(({ local }) => local), ['192.0.2.1'])
    assert.equal((await dumpRoutes(transport, { table: 254, family: 2 })).map(({ dst }) => dst), ['192.0.2.0'])
    const fdb = await dumpFdb(transport, { master: index })
    assert.ok(fdb.length > 0 && fdb.every(({ master }) => master === index))
  })
}, { leaves: true })

kernelTest(test, 'fromNetlink: a dump of many datagrams is whole', async ({ ns }) => {
  const batch = ['link add br0 type bridge', ...Array.from({ length: 250 }, (_, i) => `neigh add 192.0.2.${String(i + 1)} lladdr 52:54:00:00:00:01 dev br0`)]
  await ns.must('sh', ['-c', 'printf "%s\\n" "$1" | ip -batch -', 'sh', batch.join('\n')])
  await withSocket(ns.fd, NETLINK_ROUTE, async (transport) => {
    assert.is((await dumpNeighs(transport, { family: 2 })).filter(({ state }) => state === 0x80).length, 250)
  })
}, { leaves: true })

kernelTest(test, 'fromNetlink: answers that do not fit into the buffer are unknown outcomes, and the process lives', async ({ ns }) => {
  const transport = fromNetlink(native().netnsRun(ns.fd, () => new raw.RawNetlinkSocket(NETLINK_ROUTE, { recvBufferSize: 2304, sendBufferSize: 65_536 })))
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  const [{ index = 0 } = {}] = await dumpLinks(transport, { kind: 'bridge' })
  const outcomes = await send(transport, Array.from({ length: 60 }, (_, i) => link.change({ index, mtu: 1300 + i }, `change ${String(i)}`)))
  const known = outcomes.filter(({ acknowledged }) => acknowledged).length
  assert.ok(known > 0 && known < 60, `${String(known)} of 60 acknowledged`)
  assert.is((await dumpLinks(transport, { kind: 'bridge' }))[0]?.mtu, 1359)
  await transport.close()
}, { leaves: true })

kernelTest(test, 'fromNetlink: nfnetlink works over the same seam', async ({ ns }) => {
  await ns.must('nft', ['add', 'table', 'inet', 'mine'])
  await withSocket(ns.fd, NETLINK_NETFILTER, async (transport) => {
    const tables = (await dump(transport, table.dump({}))).map((message) => table.decode(message))
    assert.equal(tables.map(({ family, name }) => [family, name]), [['inet', 'mine']])
  })
}, { needs: ['nft'], leaves: true })

test.run()
