/** Each mode as others see it: ip and nft show it, a DHCP client gets its address and options, dig gets its names. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NetworkInput } from '../../src/network/spec.js'
import { dhcp, dig, guest, ping, sniff } from '../harness/guest.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'
import { eventually, host, nameServer, OUTSIDE, uplink, UPSTREAM } from './bed.js'

const seed = async (name: string): Promise<string> => await readFile(fileURLToPath(new URL(`../../../test/seeds/${name}.xml`, import.meta.url)), 'utf8')

interface Shown {
  readonly operstate: string
  readonly address: string
  readonly mtu: number
  readonly flags: readonly string[]
  readonly inet6_addr_gen_mode: string
  readonly linkinfo: { readonly info_kind: string, readonly info_data: { readonly stp_state: number, readonly forward_delay: number }, readonly info_slave_data?: { readonly state: string } }
}
async function link (ns: Namespace, dev: string): Promise<Shown> {
  const [shown] = await ns.json<[Shown]>('ip', ['-j', '-d', 'link', 'show', dev])
  return shown
}

/** All addresses of a device, link-local ones included: `192.0.2.1/24`. */
async function addresses (ns: Namespace, dev: string): Promise<string[]> {
  const [{ addr_info: found }] = await ns.json<[{ addr_info: readonly { local: string, prefixlen: number, broadcast?: string }[] }]>('ip', ['-j', 'addr', 'show', dev])
  return found.map(({ local, prefixlen, broadcast }) => `${local}/${String(prefixlen)}${broadcast === undefined ? '' : ` brd ${broadcast}`}`)
}

type Element = string | { readonly concat?: readonly string[] }
/** Sets of our table that have elements, without the constant one. */
async function members (ns: Namespace): Promise<Record<string, readonly string[]>> {
  const { nftables } = await ns.json<{ nftables: readonly { set?: { name: string, elem?: readonly Element[] } }[] }>('nft', ['-j', 'list', 'table', 'inet', 'netwright'])
  return Object.fromEntries(nftables.flatMap(({ set }) => set?.elem === undefined || set.name === 'services' ? [] : [[set.name, set.elem.map((element) => typeof element === 'string' ? element : (element.concat ?? []).join(' ')).sort()]]))
}

const definition = (mode: 'nat' | 'route' | 'open' | 'none'): NetworkInput => ({
  name: mode, bridge: 'br7', forward: { mode }, mtu: 1400, domain: { name: 'red.test', localOnly: true }, dns: { host: [{ ip: '10.7.0.99', hostname: ['printer'] }] },
  ip: { address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.50', end: '10.7.0.59', lease: { expiry: 10 } }] } },
})
const always = { same: ['br7 br7'], ours: ['br7'], gate4: ['br7 10.7.0.1'], gw4: ['10.7.0.1'] }
const sets = {
  nat: { ...always, rpf: ['br7'], out: ['br7'], est: ['br7'], masq4: ['br7'] },
  route: { ...always, rpf: ['br7'], out: ['br7'], inall: ['br7'] },
  open: { ...always, out: ['br7'], inall: ['br7'] },
  none: { ...always, rpf: ['br7'] },
}

for (const mode of ['nat', 'route', 'open', 'none'] as const) {
  kernelTest(test, `modes: ${mode === 'none' ? 'isolated' : mode} as ip, nft, a DHCP client and dig see it`, async (context) => {
    const { ns, tmp } = context
    const outside = await uplink(ns)
    if (mode !== 'nat') await outside.must('ip', ['route', 'add', '10.7.0.0/24', 'via', '198.51.100.1'])
    await using open = await host(context, { resolvConf: await nameServer(outside, tmp) })
    await using network = await open.create(definition(mode))

    await eventually('the news that it has no carrier', async () => (await link(ns, 'br7')).operstate === 'DOWN' ? true : undefined)
    const { operstate, mtu, flags, linkinfo: { info_kind: kind, info_data: { stp_state: stp } } } = await link(ns, 'br7')
    assert.equal({ kind, mtu, stp, operstate, up: flags.includes('UP') }, { kind: 'bridge', mtu: 1400, stp: 0, operstate: 'DOWN', up: true }, 'no port yet')
    assert.equal(await addresses(ns, 'br7'), ['10.7.0.1/24 brd 10.7.0.255'], 'no link-local address either')
    assert.equal(await members(ns), sets[mode])

    const inside = await guest(ns, 'br7')
    const lease = await dhcp(inside, tmp, { args: ['-x', 'hostname:vm1', '-O', 'mtu'] })
    if (lease === undefined) throw new Error('no lease')
    const { ip, prefix, router, dns, domain, mtu: told, lease: seconds, server } = lease
    assert.match(ip, /^10\.7\.0\.5\d$/)
    assert.equal({ prefix, router, dns, domain, told, seconds, server }, { prefix: 24, router: mode === 'none' ? undefined : '10.7.0.1', dns: ['10.7.0.1'], domain: 'red.test', told: 1400, seconds: 600, server: '10.7.0.1' })
    assert.equal((await network.leases.list()).map(({ mac: _, expires: __, ...rest }) => ({ ip: rest.ip, hostname: rest.hostname, prefix: rest.prefix })), [{ ip, hostname: 'vm1', prefix: 24 }])

    const asks = async (name: string): Promise<readonly string[]> => (await dig(inside, '10.7.0.1', name))?.answers ?? ['nobody']
    assert.equal(await asks('vm1.red.test'), [ip], 'a guest by its name')
    assert.equal(await asks('printer.red.test'), ['10.7.0.99'])
    assert.equal((await dig(inside, '10.7.0.1', 'nobody.red.test'))?.status, 'NXDOMAIN')
    assert.equal(await asks(UPSTREAM.name), mode === 'none' ? [] : [UPSTREAM.four], 'upstream')
    assert.is(await ping(inside, OUTSIDE.four, mode === 'none' ? 1 : 10), mode !== 'none')
    assert.is(await ping(outside, ip, mode === 'route' || mode === 'open' ? 10 : 1), mode === 'route' || mode === 'open')
  }, { needs: ['dnsmasq', 'nft', 'udhcpc', 'dig'] })
}

kernelTest(test, 'modes: a very isolated network has no address at all, whatever its guests say', async (context) => {
  const { ns } = context
  await using open = await host(context)
  await using network = await open.create(await seed('red-muy-aislada'))
  const { bridge } = await network.info()
  assert.is((await link(ns, bridge)).inet6_addr_gen_mode, 'none')
  assert.equal(await addresses(ns, bridge), [])
  assert.equal(await members(ns), { same: [`${bridge} ${bridge}`], ours: [bridge], rpf: [bridge] })
  assert.is((await ns.must('ss', ['-Hlntup'])).trim(), '', 'nobody listens')
  // With STP the port would hear nothing yet.
  await ns.must('ip', ['link', 'set', bridge, 'type', 'bridge', 'stp_state', '0'])
  const [rogue, victim] = [await guest(ns, bridge), await guest(ns, bridge)]
  await rogue.must('ip', ['addr', 'add', '2001:db8:77::1/64', 'dev', 'eth0', 'nodad'])
  await rogue.must('ip', ['addr', 'add', '10.66.0.1/24', 'dev', 'eth0'])
  await victim.must('ip', ['addr', 'add', '10.66.0.2/24', 'dev', 'eth0'])
  assert.is(await ping(victim, '10.66.0.1', 10), true, 'guests reach each other')
  const heard = await sniff(ns, bridge, 'icmp6 and ip6[40] == 134')
  rogue.spawn('dnsmasq', ['-k', '-C', '/dev/null', '--port=0', '--interface=eth0', '--enable-ra', '--dhcp-range=2001:db8:77::,ra-only,64', '--leasefile-ro', '--user=root', '--pid-file='])
  await heard.until(/router advertisement/, 60_000)
  // Another guest that heard the same has an address of it.
  await eventually('an address', async () => (await addresses(victim, 'eth0')).find((address) => address.startsWith('2001:db8:77:')))
  assert.equal(await addresses(ns, bridge), [])
  assert.is((await ns.must('ip', ['-6', 'route', 'show', 'dev', bridge])).trim(), '')
  assert.is((await ns.must('ip', ['route', 'show', 'default'])).trim() + (await ns.must('ip', ['-6', 'route', 'show', 'default'])).trim(), '')
}, { needs: ['dnsmasq', 'nft', 'tcpdump'] })

kernelTest(test, 'modes: a gateway that is the network\'s own address serves its guests', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  await using network = await open.create(await seed('mynet1'))
  const { bridge } = await network.info()
  const gateway = '203.0.113.88'
  assert.equal(await addresses(ns, bridge), [`${gateway}/29 brd 203.0.113.95`])
  const inside = await guest(ns, bridge)
  const lease = await dhcp(inside, tmp, { tries: 15, args: ['-x', 'hostname:vm1'] })
  assert.equal({ router: lease?.router, dns: lease?.dns, server: lease?.server }, { router: gateway, dns: [gateway], server: gateway })
  assert.is(await ping(inside, gateway, 10), true)
  assert.equal((await dig(inside, gateway, 'vm1'))?.answers, [lease?.ip])
}, { needs: ['dnsmasq', 'udhcpc', 'dig'] })

kernelTest(test, 'modes: STP is off in JSON, so that a port forwards at once, on in XML, and as asked in both', async (context) => {
  const { ns } = context
  await using open = await host(context)
  const subnet = (n: number): string => `<ip address='10.7.${String(n)}.1' netmask='255.255.255.0'/>`
  const cases: readonly (readonly [NetworkInput | string, number, number])[] = [
    [{ name: 'n0', bridge: 'n0', ip: { address: '10.7.0.1', prefix: 24 } }, 0, 0],
    [`<network><name>n1</name><bridge name='n1'/>${subnet(1)}</network>`, 1, 200],
    [`<network><name>n2</name><bridge name='n2' stp='off' delay='0'/>${subnet(2)}</network>`, 0, 0],
    [`<network><name>n3</name><bridge name='n3' stp='on' delay='15'/>${subnet(3)}</network>`, 1, 1500],
    [{ name: 'n4', bridge: { name: 'n4', stp: true, delay: 4 }, ip: { address: '10.7.4.1', prefix: 24 } }, 1, 400],
  ]
  const networks = await open.create(cases.map(([one]) => one))
  for (const [i, [, stp, delay]] of cases.entries()) {
    const { info_data: data } = (await link(ns, `n${String(i)}`)).linkinfo
    assert.equal({ stp: data.stp_state, delay: data.forward_delay }, { stp, delay }, `n${String(i)}`)
  }
  // What has no carrier yet, as far as the bridge has noticed, is disabled.
  const state = async (n: string): Promise<string> => {
    const { port } = await guest(ns, n)
    return await eventually('a carrier', async () => { const found = (await link(ns, port)).linkinfo.info_slave_data?.state; return found === 'disabled' ? undefined : found })
  }
  assert.is(await state('n0'), 'forwarding')
  assert.is(await state('n2'), 'forwarding')
  assert.is(await state('n3'), 'listening')
  for (const network of networks) await network.destroy()
}, { needs: ['dnsmasq'] })

kernelTest(test, 'modes: a network without names still leases, and one without leases still names', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  await using mute = await open.create({ name: 'mute', bridge: 'br7', forward: 'nat', dns: { enable: false }, ip: { address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.50', end: '10.7.0.59' }] } } })
  await using names = await open.create({ name: 'names', bridge: 'br8', forward: 'nat', dns: { host: [{ ip: '10.8.0.99', hostname: ['printer'] }] }, ip: { address: '10.8.0.1', prefix: 24 } })
  assert.equal([(await mute.info()).state, (await names.info()).state], ['active', 'active'])
  const [one, two] = [await guest(ns, 'br7'), await guest(ns, 'br8')]
  const lease = await dhcp(one, tmp)
  assert.equal({ dns: lease?.dns, router: lease?.router }, { dns: [], router: '10.7.0.1' })
  assert.is(await dig(one, '10.7.0.1', 'printer'), undefined)
  await two.must('ip', ['addr', 'add', '10.8.0.2/24', 'dev', 'eth0'])
  assert.equal((await dig(two, '10.8.0.1', 'printer'))?.answers, ['10.8.0.99'])
  assert.is(await dhcp(two, tmp, { tries: 2 }), undefined)
}, { needs: ['dnsmasq', 'udhcpc', 'dig'] })

test.run()
