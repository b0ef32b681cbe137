/** host.topology() against a real host: three networks, guests with leases, a stranger's port, another's ruleset; and the drawings of it. */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topologySvg } from '../../src/cli/topology/svg.js'
import type { Host, Port, Topology } from '../../src/index.js'
import { commandLine } from '../cli/command-line.js'
import { dhcp, guest } from '../harness/guest.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { eventually, gateway, host, HOST, OUTSIDE, uplink } from './bed.js'

const mac = (last: string): string => `52:54:00:5d:c7:${last}`

/** A host as in the README: nat with two guests, routed, isolated. */
async function three (nw: Host, { ns, tmp }: KernelTest): Promise<readonly Port[]> {
  const nat = await nw.create({
    name: 'red_nat', forward: 'nat', bridge: 'virbr1', domain: { name: 'lab.test' }, forwards: ['8080/tcp 192.168.123.57:80'],
    ip: { address: '192.168.123.1', prefix: 24, dhcp: { range: [{ start: '192.168.123.100', end: '192.168.123.199' }], host: [{ mac: mac('01'), name: 'web01', ip: '192.168.123.57' }, { mac: mac('02'), name: 'db01', ip: '192.168.123.58' }] } },
  })
  await nw.create({ name: 'lab', forward: 'route', bridge: 'virbr2', ip: [{ address: '10.7.0.1', prefix: 24 }, { address: '2001:db8:7::1', prefix: 64 }] })
  await nw.create({ name: 'red_muy_aislada', bridge: 'virbr3' })
  const inside: Namespace[] = []
  for (const last of ['01', '02']) {
    const one = await ns.add()
    await nat.attach({ kind: 'veth', netns: one.path, mac: mac(last), hostDev: `vnet${String(inside.length)}` })
    inside.push(one)
  }
  for (const one of inside) assert.ok(await dhcp(one, tmp))
  const build = await ns.add()
  await (await nw.network('lab')).attach({ kind: 'veth', netns: build.path, hostDev: 'vnet2', mac: mac('11'), address: '10.7.0.20', hostname: 'build' })
  const alone = await nw.network('red_muy_aislada')
  // We hold the descriptors: somebody has plugged in.
  return [await alone.attach({ kind: 'tap', dev: 'vnet3', mac: mac('21') }), await alone.attach({ kind: 'tap', dev: 'vnet4', mac: mac('22') })]
}

const file = fileURLToPath(new URL('../../../docs/topology.svg', import.meta.url))

kernelTest(test, 'topology: three networks with their guests, uplink and relations, as the kernel has them; the picture in docs is of this host', async (bed) => {
  const { ns } = bed
  await uplink(ns)
  await gateway(ns, OUTSIDE.four)
  const nw = await host(bed)
  try {
    const taps = await three(nw, bed)
    // A bridge hears of a carrier a moment later.
    const found = await eventually('a port that forwards', async () => {
      const topology = await nw.topology()
      return topology.networks.every(({ ports }) => ports.every(({ state }) => state === 'forwarding')) ? topology : undefined
    })
    const named = new Map(found.networks.map((network) => [network.name, network]))
    assert.equal([...named.keys()], ['lab', 'red_muy_aislada', 'red_nat'])
    assert.equal(found.uplinks, [{ dev: 'up0', kind: 'veth', state: 'up', addresses: [`${HOST.four}/24`, `${HOST.six}/64`], gateways: [OUTSIDE.four], defaults: ['ipv4'], ports: [], direct: [] }])
    const nat = named.get('red_nat')
    assert.ok(nat)
    assert.equal([nat.bridge, nat.mode, nat.state, nat.addresses, nat.dhcp, nat.dns, nat.domain, nat.guests], ['virbr1', 'nat', 'active', ['192.168.123.1/24'], true, true, 'lab.test', []])
    assert.equal(nat.ports.map(({ dev, kind, own, state, guests }) => [dev, kind, own, state, guests.map((one) => [one.name, one.mac, one.addresses, one.leased])]), [
      ['vnet0', 'veth', true, 'forwarding', [['web01', mac('01'), ['192.168.123.57'], true]]], ['vnet1', 'veth', true, 'forwarding', [['db01', mac('02'), ['192.168.123.58'], true]]],
    ])
    assert.ok((nat.ports[0]?.guests[0]?.expires?.getTime() ?? 0) > Date.now())
    // The kernel's own view of the same ports.
    const links = await ns.json<{ ifname: string, master?: string }[]>('ip', ['-j', 'link', 'show'])
    for (const network of found.networks) assert.equal(network.ports.map(({ dev }) => dev), links.filter(({ master }) => master === network.bridge).map(({ ifname }) => ifname).sort())
    assert.equal(named.get('red_muy_aislada')?.ports.map(({ dev, kind, state, guests }) => [dev, kind, state, guests]), [
      ['vnet3', 'tap', 'forwarding', [{ mac: mac('21'), addresses: [], leased: false }]], ['vnet4', 'tap', 'forwarding', [{ mac: mac('22'), addresses: [], leased: false }]],
    ])
    assert.equal(found.edges, [
      { kind: 'uplink', network: 'lab', dev: 'up0', mode: 'route', families: ['ipv4'], masquerade: [] },
      { kind: 'uplink', network: 'red_nat', dev: 'up0', mode: 'nat', families: ['ipv4'], masquerade: ['ipv4'] },
      { kind: 'forward', network: 'red_nat', proto: 'tcp', port: 8080, guest: '192.168.123.57', to: '192.168.123.57', guestPort: 80, networks: false },
    ])
    assert.equal(found.filters, [])
    // The namespace has another name each time; so has the machine.
    const picture = topologySvg({ ...found, host: { name: 'host', owner: 'system' } })
    if (process.env['NETWRIGHT_UPDATE_GOLDEN'] === '1') await writeFile(file, picture)
    assert.fixture(picture, await readFile(file, 'utf8'))
    for (const tap of taps) await tap[Symbol.asyncDispose]()
    for (const { name } of found.networks) await (await nw.network(name)).destroy()
    assert.equal((await nw.topology()).networks, [])
  } finally { await nw.close() }
}, { needs: ['nft', 'dnsmasq', 'udhcpc', 'tun'], leaves: true })

kernelTest(test, 'topology: a guest behind a stranger\'s port is found by what the bridge has learned; one that has gone is a guest without a port', async (bed) => {
  const { ns, tmp } = bed
  const nw = await host(bed)
  try {
    const net = await nw.create({ name: 'red', bridge: 'virbr1', subnet: '10.9.0.0/24', dhcp: true })
    const vm = await guest(ns, 'virbr1', { mac: mac('31') })
    assert.ok(await dhcp(vm, tmp, { args: ['-x', 'hostname:visitor'] }))
    const look = async (): Promise<Topology['networks'][number] | undefined> => (await nw.topology()).networks[0]
    const before = await look()
    assert.equal(before?.ports.map(({ dev, kind, own, state, guests }) => [dev, kind, own, state, guests.map(({ name, leased }) => [name, leased])]), [[vm.port, 'veth', false, 'forwarding', [['visitor', true]]]])
    assert.equal(before?.guests, [])
    await ns.must('ip', ['link', 'del', vm.port])
    const after = await look()
    assert.equal([after?.ports, after?.guests.map(({ name }) => name)], [[], ['visitor']])
    await net.destroy()
  } finally { await nw.close() }
}, { needs: ['nft', 'dnsmasq', 'udhcpc'] })

kernelTest(test, 'topology: peers that run are one edge, whoever names whom; rules and a closed host are facts of their network', async (bed) => {
  const nw = await host(bed)
  try {
    await nw.create([
      { name: 'red', bridge: 'virbr1', subnet: '10.9.1.0/24', peers: [{ network: 'blue', direction: 'in' }, 'green', 'missing'], rules: ['allow in tcp/22', 'deny in'], host: 'deny' },
      { name: 'blue', bridge: 'virbr2', subnet: '10.9.2.0/24' },
      { name: 'green', bridge: 'virbr3', subnet: '10.9.3.0/24', peers: [{ network: 'red', direction: 'out' }] },
    ])
    const { edges, networks } = await nw.topology()
    assert.equal(edges, [{ kind: 'peer', network: 'blue', peer: 'red', direction: 'out' }, { kind: 'peer', network: 'green', peer: 'red', direction: 'both' }])
    assert.equal(networks.map(({ name, rules, host: access }) => [name, rules, access]), [['blue', undefined, undefined], ['green', undefined, undefined], ['red', 2, 'deny']])
    // The pairs that the kernel has.
    const { nftables } = await bed.ns.json<{ nftables: { set?: { elem?: { concat: string[] }[] } }[] }>('nft', ['-j', 'list', 'set', 'inet', 'netwright', 'peers'])
    assert.equal(nftables.flatMap(({ set }) => set?.elem ?? []).map(({ concat }) => concat.join(' ')).sort(), ['virbr1 virbr3', 'virbr2 virbr1', 'virbr3 virbr1'])
    await (await nw.network('green')).destroy()
    assert.equal((await nw.topology()).edges.map((edge) => edge.network), ['blue'])
    for (const name of ['red', 'blue']) await (await nw.network(name)).destroy()
  } finally { await nw.close() }
}, { needs: ['nft'] })

kernelTest(test, 'topology: others\' rulesets that drop what networks need are named with the networks; forward dev, ports of a bridged uplink and stopped networks are there', async (bed) => {
  const { ns } = bed
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  await ns.must('ip', ['link', 'add', 'nic0', 'type', 'veth', 'peer', 'name', 'nic1'])
  await ns.must('ip', ['link', 'set', 'nic0', 'master', 'br0'])
  for (const dev of ['nic0', 'nic1', 'br0']) await ns.must('ip', ['link', 'set', dev, 'up'])
  await ns.must('ip', ['addr', 'add', `${HOST.four}/24`, 'dev', 'br0'])
  await gateway(ns, OUTSIDE.four)
  await ns.must('nft', ['add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'])
  const nw = await host(bed)
  try {
    const there = await nw.create({ name: 'there', forward: { mode: 'nat', dev: 'nowhere0' }, subnet: '10.9.1.0/24' })
    const shut = await nw.create({ name: 'shut', subnet: '10.9.2.0/24' })
    const stopped = await nw.define({ name: 'stopped', forward: 'nat', subnet: '10.9.3.0/24' })
    const { uplinks, edges, filters, networks } = await nw.topology()
    assert.equal(uplinks.map(({ dev, kind, state, ports, gateways }) => [dev, kind, state, ports, gateways]), [['br0', 'bridge', 'up', ['nic0'], [OUTSIDE.four]], ['nowhere0', undefined, 'missing', [], []]])
    assert.equal(edges, [{ kind: 'uplink', network: 'there', dev: 'nowhere0', mode: 'nat', families: ['ipv4'], masquerade: ['ipv4'] }])
    assert.equal(filters, [{ family: 'ip', table: 'filter', chain: 'FORWARD', hook: 'forward', by: 'policy', networks: ['there'] }])
    assert.equal(networks.map(({ name, state }) => [name, state]), [['shut', 'active'], ['stopped', 'inactive'], ['there', 'active']])
    for (const net of [there, shut]) await net.destroy()
    await stopped.undefine()
  } finally { await nw.close() }
}, { needs: ['nft'], leaves: true })

kernelTest(test, 'topology: macvtaps hang on the device that they are on, which is drawn for them alone, too', async (bed) => {
  const { ns } = bed
  await uplink(ns)
  await gateway(ns, OUTSIDE.four)
  await ns.must('ip', ['link', 'add', 'idle0', 'type', 'veth', 'peer', 'name', 'idle1'])
  await using nw = await host(bed)
  const taps = [await nw.attach({ kind: 'macvtap', device: 'up0', mode: 'bridge', dev: 'mv10' }), await nw.attach({ kind: 'macvtap', device: 'up0', mode: 'bridge', dev: 'mv2', mac: '52:54:00:00:00:72' }), await nw.attach({ kind: 'macvtap', device: 'idle0', mode: 'vepa', dev: 'mv3' })]
  await ns.must('ip', ['link', 'add', 'link', 'up0', 'name', 'theirs0', 'type', 'macvtap', 'mode', 'bridge'])
  const seen = async (): Promise<unknown> => (await nw.topology()).uplinks.map(({ dev, direct }) => [dev, direct.map((one) => [one.dev, one.mode, one.state])])
  const shown = await ns.json<{ ifname: string, link: string, operstate: string }[]>('ip', ['-j', '-d', 'link', 'show', 'type', 'macvtap'])
  assert.equal(shown.map(({ ifname, link }) => [ifname, link]).sort(), [['mv10', 'up0'], ['mv2', 'up0'], ['mv3', 'idle0'], ['theirs0', 'up0']])
  await eventually('carriers', async () => JSON.stringify(await seen()).split('"up"').length === 3 ? true : undefined) // the kernel notices them a moment later
  assert.equal(await seen(), [['up0', [['mv2', 'bridge', 'up'], ['mv10', 'bridge', 'up']]], ['idle0', [['mv3', 'vepa', 'no carrier']]]])
  assert.is((await nw.topology()).uplinks[0]?.direct[0]?.guest.mac, '52:54:00:00:00:72')
  await ns.must('ip', ['link', 'del', 'mv10'])
  assert.equal(await seen(), [['up0', [['mv2', 'bridge', 'up']]], ['idle0', [['mv3', 'vepa', 'no carrier']]]])
  for (const one of taps) await one[Symbol.asyncDispose]()
  assert.equal(await seen(), [['up0', []]])
}, { needs: ['macvtap', 'nft'], leaves: true })

kernelTest(test, 'topology: the verb draws it in every form; two forms at once, and words, are refused', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  await writeFile(`${tmp}/net.json`, JSON.stringify({ name: 'quick', forward: 'nat', subnet: '10.66.0.0/24', bridge: 'br-quick' }))
  await line.must('net-create', `${tmp}/net.json`)
  const text = await line.must('topology')
  assert.match(text, /^\+- .*namespace .* -+\+\n/)
  assert.match(text, /<-- nat -+\+ br-quick {2}10\.66\.0\.1\/24 +no way out \|\n/)
  assert.match((await line.run(['topology'], { env: { LC_ALL: 'C.UTF-8' } })).stdout, /◀── nat ──────┤ br-quick/)
  assert.is((await line.run(['topology', '--ascii'], { env: { LC_ALL: 'C.UTF-8' } })).stdout, text)
  assert.match(await line.must('topology', '--svg'), /^<svg [^]*>quick<[^]*<\/svg>\n/)
  assert.match(await line.must('topology', '--mermaid'), /^flowchart TB\n[^]*"quick<br\/>br-quick/)
  assert.match(await line.must('topology', '--dot'), /^digraph netwright \{\n[^]*label="quick\\nbr-quick/)
  const data = JSON.parse(await line.must('topology', '--json')) as Topology
  assert.equal([data.networks[0]?.name, data.networks[0]?.bridge, data.uplinks, data.filters], ['quick', 'br-quick', [], []])
  for (const words of [['--svg', '--dot'], ['--json', '--mermaid']]) {
    const { code, stderr } = await line.run(['topology', ...words])
    assert.is(code, 1)
    assert.match(stderr, /Only one of --svg, --mermaid, --dot and --json may be specified/)
  }
  await line.must('net-destroy', 'quick')
}, { needs: ['nft'] })

test.run()
