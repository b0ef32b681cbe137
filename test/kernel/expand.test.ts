import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { send } from '../../src/netlink/call.js'
import { openChannel } from '../../src/netlink/channel.js'
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../../src/netlink/header.js'
import { nftBatch } from '../../src/netlink/nft/batch.js'
import { addressRequest } from '../../src/kernel/addr.js'
import { linkRequests, removeRequest } from '../../src/kernel/link.js'
import { routeRequest } from '../../src/kernel/route.js'
import { createChain } from '../../src/kernel/filter-chain.js'
import { addMembers, createRuleset, deleteRuleset } from '../../src/kernel/ruleset.js'
import { writeSysctls } from '../../src/kernel/sysctl.js'
import { expand, type Expansion } from '../../src/network/expand.js'
import { renderNft } from '../../src/network/render.js'
import type { NetworkSpec } from '../../src/network/spec.js'
import { readNetworkXml } from '../../src/network/xml/read.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

const golden = fileURLToPath(new URL('../../../test/golden/', import.meta.url))
const cases = (await readdir(golden, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort()

const INDEX = 0x1000_0001

async function load (name: string): Promise<{ spec: NetworkSpec, expansion: Expansion }> {
  const spec = readNetworkXml(await readFile(`${golden}${name}/network.xml`, 'utf8'))
  const { forwards, ...rest } = spec
  const definition = { ...rest, ...forwards === undefined ? {} : { forwards: forwards.flatMap(({ port, ...one }) => port === 'auto' ? [] : [{ port, ...one }]) }, uuid: 'c2a7c0b6-8d68-4f0c-a2e5-cf6b0e1ad5b7', mac: spec.mac ?? '52:54:00:00:00:01', bridge: { ...spec.bridge, name: spec.bridge.name ?? 'virbr0' } }
  return { spec: definition, expansion: expand(definition, { index: INDEX, group: 42 }) }
}

async function addresses (ns: Namespace, dev: string): Promise<string[]> {
  const [link] = await ns.json<{ addr_info: { local: string, prefixlen: number, scope: string }[] }[]>('ip', ['-j', 'addr', 'show', 'dev', dev])
  return (link?.addr_info ?? []).filter(({ scope }) => scope !== 'link').map(({ local, prefixlen }) => `${local}/${prefixlen}`)
}

for (const name of cases) {
  kernelTest(test, `expand: ${name} stands after one send, before it has a port, and goes with its bridge`, async ({ ns }) => {
    const { expansion } = await load(name)
    await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
    const requests = [...expansion.links.flatMap((link) => linkRequests(link).create), ...expansion.addresses.map(addressRequest), ...expansion.routes.map(routeRequest)]
    for (const { error } of await send(channel, requests)) if (error !== undefined) throw error
    const [bridge] = expansion.links
    assert.ok(bridge)
    if (bridge === undefined) return
    assert.equal(await addresses(ns, bridge.name), expansion.addresses.map(({ address, prefix }) => `${address}/${prefix}`))
    const routes = [...await ns.json<{ dst: string }[]>('ip', ['-j', 'route', 'show', 'proto', '78']), ...await ns.json<{ dst: string }[]>('ip', ['-j', '-6', 'route', 'show', 'proto', '78'])]
    assert.equal(routes.map(({ dst }) => dst), expansion.routes.map(({ destination }) => destination))
    assert.equal(await writeSysctls(ns.fd, expansion.sysctls), [])
    assert.is((await ns.must('sysctl', ['-n', `net/ipv6/conf/${bridge.name}/accept_ra`])).trim(), '0')
    for (const { error } of await send(channel, [removeRequest(bridge)])) if (error !== undefined) throw error
  })

  kernelTest(test, `render: nft takes the text of ${name}, and shows it as it shows what we commit`, async ({ ns, tmp }) => {
    const { spec, expansion } = await load(name)
    const other = await ns.add()
    const channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: ns.fd })
    await nftBatch(channel, [...createRuleset('netwright'), ...expansion.chains.flatMap((chain) => createChain('netwright', chain)), ...addMembers('netwright', expansion.members)])
    const file = `${tmp}/ruleset.nft`
    await ns.must('tee', [file], { input: renderNft(spec) })
    await other.must('nft', ['-f', file])
    const listing = async (where: Namespace): Promise<string[]> => sorted(await where.must('nft', ['list', 'table', 'inet', 'netwright']))
    assert.equal(await listing(other), await listing(ns))
    await nftBatch(channel, deleteRuleset('netwright'))
    await channel.close()
  }, { needs: ['nft'] })
}

kernelTest(test, 'expand: a guest that advertises a router gives the host no address and no route', async ({ ns }) => {
  const guest = await ns.add()
  const { expansion } = await load('red-nat')
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  // With STP the port would listen only, and hear nothing.
  for (const { error } of await send(channel, expansion.links.flatMap((link) => linkRequests({ ...link, stp: false }).create))) if (error !== undefined) throw error
  await writeSysctls(ns.fd, expansion.sysctls)
  // A bridge of somebody else shows when an advertisement has come: both are behind the one bridge that the guest sends from, and
  // neither has a link-local address to ask for one of its own.
  await ns.must('ip', ['link', 'add', 'witness', 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'witness', 'addrgenmode', 'none'])
  await ns.must('ip', ['link', 'set', 'witness', 'up'])
  await guest.must('ip', ['link', 'add', 'gbr', 'type', 'bridge'])
  await guest.must('ip', ['link', 'set', 'gbr', 'up'])
  for (const bridge of ['virbr1', 'witness']) {
    const [inside, outside] = [`g${bridge}`, `h${bridge}`]
    await guest.must('ip', ['link', 'add', inside, 'type', 'veth', 'peer', 'name', outside, 'netns', ns.name])
    await ns.must('ip', ['link', 'set', outside, 'addrgenmode', 'none', 'master', bridge, 'up'])
    await guest.must('ip', ['link', 'set', inside, 'addrgenmode', 'none', 'master', 'gbr', 'up'])
  }
  await guest.must('ip', ['addr', 'add', '2001:db8:77::1/64', 'dev', 'gbr', 'nodad'])
  guest.spawn('dnsmasq', ['-k', '-C', '/dev/null', '--port=0', '--interface=gbr', '--enable-ra', '--dhcp-range=2001:db8:77::,ra-only,64', '--leasefile-ro', '--user=root', '--pid-file='])
  const deadline = Date.now() + 60_000
  while (!(await addresses(ns, 'witness')).some((address) => address.startsWith('2001:db8:77:'))) {
    assert.ok(Date.now() < deadline, 'no advertisement came')
    await sleep(50)
  }
  assert.equal(await addresses(ns, 'virbr1'), [])
  assert.is((await ns.must('ip', ['-6', 'route', 'show', 'dev', 'virbr1'])).trim(), '')
  for (const name of ['hvirbr1', 'hwitness', 'witness', 'virbr1']) await ns.must('ip', ['link', 'del', name])
}, { needs: ['dnsmasq'] })

/** Elements of a set have no order of their own. */
function sorted (listing: string): string[] {
  return listing.replace(/elements = \{([^}]*)\}/g, (_, inside: string) => `elements = ${inside.split(',').map((item) => item.trim()).sort().join(', ')}`).split('\n')
}

test.run()
