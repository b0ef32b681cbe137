/** IPv6 on the bridge: addresses by advertisement and by DHCPv6, a default route, names, and what gets through. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NetworkInput } from '../../src/network/spec.js'
import { dig, guest, ping, sniff, tcpAsk, tcpEcho, udpAsk, udpEcho } from '../harness/guest.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { eventually, gateway, give, host, HOST, nameServer, OUTSIDE, uplink, UPSTREAM } from './bed.js'

const range = { range: [{ start: 'fd00:7::100', end: 'fd00:7::1ff', lease: { expiry: 10 } }] }
const six = { address: 'fd00:7::1', prefix: 64 } as const
const red = (parts: Partial<NetworkInput>): NetworkInput => ({ name: 'red', bridge: 'br7', domain: { name: 'red.test', localOnly: true }, dns: { host: [{ ip: 'fd00:7::99', hostname: ['printer'] }] }, ...parts })

interface Address { readonly local: string, readonly prefixlen: number, readonly scope: string, readonly tentative?: boolean, readonly dynamic?: boolean }
async function globals (ns: Namespace): Promise<readonly Address[]> {
  const [shown] = await ns.json<[{ addr_info: readonly Address[] } | undefined]>('ip', ['-j', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global'])
  // Filtered by scope, iproute2 prints an empty object for what it leaves out.
  return (shown?.addr_info ?? []).filter((address) => 'local' in address)
}
interface Route { readonly gateway?: string, readonly protocol: string }
const defaults = async (ns: Namespace): Promise<readonly Route[]> => await ns.json('ip', ['-j', '-6', 'route', 'show', 'default'])

/** A guest that configures itself, without waiting for duplicates. Its link goes down and up so that it asks for a router at once. */
async function listener (context: KernelTest, bridge = 'br7'): Promise<Namespace> {
  const inside = await guest(context.ns, bridge)
  await inside.must('ip', ['link', 'set', 'eth0', 'down'])
  await inside.must('sysctl', ['-q', '-w', 'net.ipv6.conf.eth0.accept_dad=0', 'net.ipv6.conf.eth0.accept_ra=2', 'net.ipv6.conf.eth0.router_solicitation_delay=0'])
  await inside.must('ip', ['link', 'set', 'eth0', 'up'])
  return inside
}
const configured = async (ns: Namespace): Promise<string> => await eventually('an address', async () => (await globals(ns)).find(({ tentative }) => tentative !== true)?.local)
const router = async (ns: Namespace): Promise<Route> => await eventually('a default route', async () => (await defaults(ns))[0])

const seen = async (from: Namespace, address: string, port: number): Promise<string> => { const reply = await tcpAsk(from, address, port, { timeoutMs: 30_000 }); return 'error' in reply ? reply.error : reply.from }

for (const masquerade of [true, false]) {
  kernelTest(test, `ipv6: a nat network ${masquerade ? 'with' : 'without'} nat ipv6='yes' lets its guests out, and replies in`, async (context) => {
    const { ns, tmp } = context
    const outside = await uplink(ns)
    if (!masquerade) await gateway(outside, HOST.six)
    await using open = await host(context, { resolvConf: await nameServer(outside, tmp) })
    await using _network = await open.create(red({ forward: { mode: 'nat', nat: { ipv6: masquerade } }, ip: [{ address: '10.7.0.1', prefix: 24 }, six] }))
    const inside = await listener(context)
    const address = await configured(inside)
    assert.match(address, /^fd00:7::?/)
    const { gateway: via, protocol } = await router(inside)
    assert.match(String(via), /^fe80::/)
    assert.is(protocol, 'ra')

    const [tcp, udp] = [await tcpEcho(outside, '::'), await udpEcho(outside, '::')]
    assert.is(await seen(inside, OUTSIDE.six, tcp.port), masquerade ? HOST.six : address)
    const reply = await udpAsk(inside, OUTSIDE.six, udp.port, { timeoutMs: 30_000 })
    assert.is('error' in reply ? reply.error : reply.from, masquerade ? HOST.six : address)
    assert.is(await ping(inside, OUTSIDE.six, 10), true)

    // Not even with a route there is anything new from outside; libvirt would let it in where it does not masquerade.
    await gateway(outside, HOST.six)
    const service = await tcpEcho(inside, '::')
    assert.equal(await tcpAsk(outside, address, service.port, { timeoutMs: 30_000 }), { error: 'ECONNREFUSED' })
    assert.is(await ping(outside, address, 1), false)

    // Names over IPv6, the host's and the upstream's.
    assert.equal((await dig(inside, six.address, 'printer.red.test', 'AAAA'))?.answers, ['fd00:7::99'])
    assert.equal((await dig(inside, six.address, UPSTREAM.name, 'AAAA'))?.answers, [UPSTREAM.six])
  }, { needs: ['dnsmasq', 'nft', 'dig'] })
}

kernelTest(test, 'ipv6: a route network is reached from outside at the addresses that its guests chose', async (context) => {
  const { ns } = context
  const outside = await uplink(ns)
  await gateway(outside, HOST.six)
  await using open = await host(context)
  await using network = await open.create(red({ forward: { mode: 'route' }, ip: [six] }))
  assert.equal((await network.info()).addresses, ['fd00:7::1/64'])
  const inside = await listener(context)
  const address = await configured(inside)
  await router(inside)
  const [there, here] = [await tcpEcho(outside, '::'), await tcpEcho(inside, '::')]
  assert.is(await seen(inside, OUTSIDE.six, there.port), address)
  assert.is(await seen(outside, address, here.port), OUTSIDE.six)
  assert.is((await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])).trim(), '0\n1')
}, { needs: ['dnsmasq', 'nft'] })

kernelTest(test, 'ipv6: an isolated network gives addresses but no default route', async (context) => {
  const { ns } = context
  const outside = await uplink(ns)
  await gateway(outside, HOST.six)
  await using open = await host(context)
  await using _network = await open.create(red({ ip: [six] }))
  const inside = await listener(context)
  await configured(inside)
  // The advertisement that brought the address is the one that could have brought the route.
  assert.equal(await defaults(inside), [])
  assert.is(await ping(inside, six.address, 10), true)
  await gateway(inside, six.address)
  assert.is(await ping(inside, OUTSIDE.six, 1), false)
}, { needs: ['dnsmasq', 'nft'] })

kernelTest(test, 'ipv6: DHCPv6 gives addresses of its range, the name server and a lease that is listed', async (context) => {
  const { ns, tmp } = context
  const outside = await uplink(ns)
  await using open = await host(context)
  await using network = await open.create(red({ forward: { mode: 'nat', nat: { ipv6: true } }, ip: [{ ...six, dhcp: { ...range, host: [{ name: 'fixed', ip: 'fd00:7::77' }] } }] }))
  const heard = await sniff(ns, 'br7', 'icmp6 and ip6[40] == 134')
  const inside = await listener(context)
  await router(inside)
  await heard.until(/router advertisement/)
  const { ip, dns } = await dhclient6(inside, tmp, 'vm6')
  assert.match(ip, /^fd00:7::1[0-9a-f]{2}$/)
  assert.equal(dns, [six.address])
  const [lease] = await network.leases.list()
  assert.equal({ ip: lease?.ip, hostname: lease?.hostname, prefix: lease?.prefix, family: lease?.family }, { ip, hostname: 'vm6', prefix: 64, family: 'ipv6' })
  assert.equal((await dig(inside, six.address, 'vm6.red.test', 'AAAA'))?.answers, [ip])
  assert.is(await ping(inside, OUTSIDE.six, 10), true)
  // Stateful only: nobody makes an address of its own from the prefix.
  assert.equal((await globals(inside)).map(({ local }) => local), [ip])
  const fixed = await listener(context)
  await router(fixed)
  assert.is((await dhclient6(fixed, tmp, 'fixed')).ip, 'fd00:7::77')
  assert.is(await ping(outside, ip, 1), false)
}, { needs: ['dnsmasq', 'dhclient', 'dig', 'tcpdump'] })

kernelTest(test, 'ipv6: names and leases of a gateway are for its own network', async (context) => {
  const { ns } = context
  const outside = await uplink(ns)
  await gateway(outside, HOST.six)
  await using open = await host(context)
  await using _red = await open.create(red({ forward: { mode: 'route' }, ip: [six] }))
  await using _blue = await open.create({ name: 'blue', bridge: 'br8', forward: 'route', ip: { address: 'fd00:8::1', prefix: 64 } })
  const inside = await guest(ns, 'br7')
  await give(inside, 'eth0', 'fd00:7::2')
  await gateway(inside, six.address)
  assert.is((await dig(inside, six.address, 'printer.red.test', 'AAAA'))?.status, 'NOERROR')
  assert.is(await dig(inside, 'fd00:8::1', 'printer', 'AAAA'), undefined)
  assert.is(await dig(outside, six.address, 'printer', 'AAAA'), undefined)
  assert.is(await ping(outside, six.address, 10), true)
}, { needs: ['dnsmasq', 'dig'] })

/** `dhclient -6 -1`: sets the address and ends; needs 'dhclient'. Its link-local address must be good. */
async function dhclient6 (ns: Namespace, tmp: string, name: string): Promise<{ readonly ip: string, readonly dns: readonly string[] }> {
  const directory = await mkdtemp(join(tmp, 'dhclient-'))
  const [config, script, out] = [join(directory, 'conf'), join(directory, 'script'), join(directory, 'env')]
  await writeFile(config, `send fqdn.fqdn "${name}";\nsend fqdn.encoded on;\nsend fqdn.server-update on;\nrequest dhcp6.name-servers;\n`)
  await writeFile(script, `#!/bin/sh\n[ "$reason" = BOUND6 ] && { ip -6 addr add "$new_ip6_address/$new_ip6_prefixlen" dev "$interface" nodad; env > ${out}; echo script is done; }\nexit 0\n`, { mode: 0o755 })
  // In the foreground it goes on after it is bound; its script tells.
  const client = ns.spawn('dhclient', ['-6', '-1', '-d', '-D', 'LL', '-cf', config, '-sf', script, '-lf', join(directory, 'leases'), '-pf', join(directory, 'pid'), '--no-pid', 'eth0'])
  await client.until(/script is done/)
  await client.stop()
  const env = await readFile(out, 'utf8')
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(env)?.[1] ?? ''
  return { ip: value('new_ip6_address'), dns: value('new_dhcp6_name_servers').split(' ').filter((one) => one !== '') }
}

test.run()
