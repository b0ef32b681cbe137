/** Rules and the host's services in packets: allowed, refused, dropped; answers; both families; live; counted and logged. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host, Network, NetworkInput, RuleInput } from '../../src/index.js'
import { dhcp, dig, guest as plugged, ping } from '../harness/guest.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { gateway, HOST, host, nameServer, OUTSIDE, UPSTREAM } from './bed.js'
import { answers, askAll, asked, definition, guest, plainRefusals, plainUplink, streaming, type Call } from './forwards-bed.js'

const needs = { needs: ['nft'] }
const REFUSED = 'ECONNREFUSED'
const LATE = 'ETIMEDOUT'

interface Stand { readonly h: Host, readonly net: Network, readonly inside: Namespace, readonly outside: Namespace }

/** One network with a guest; guest and outside answer on ports 80 and 81, and outside knows the way to the guest. */
async function stand (bed: KernelTest, more: Partial<NetworkInput>): Promise<Stand> {
  const outside = await plainUplink(bed)
  await plainRefusals(bed)
  await gateway(outside, HOST.four, HOST.six)
  const h = await host(bed)
  const net = await h.create(definition(1, more))
  const inside = await guest(bed, net, 1, 10)
  for (const port of [80, 81]) for (const one of [inside, outside]) await answers(one, port)
  return { h, net, inside, outside }
}

async function leave ({ h, net }: Stand): Promise<void> {
  await net.destroy()
  await h.close()
}

async function rules (net: Network, list: readonly RuleInput[], more: Partial<NetworkInput> = {}): Promise<void> {
  await net.update({ ...await net.spec(), ...more, rules: list })
}

/** What becomes of calls by TCP and UDP to ports 80 and 81, and of a ping, in both families: `in` by outside, `out` by the guest. */
async function table ({ inside, outside }: Stand): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  await Promise.all((['in', 'out'] as const).map(async (direction) => {
    const from = direction === 'in' ? outside : inside
    const to = direction === 'in' ? { four: '10.60.1.10', six: 'fd00:60:1::10' } : OUTSIDE
    const calls = (['tcp', 'udp'] as const).flatMap((proto) => [80, 81].flatMap((port) => [[proto, to.four, port], [proto, to.six, port]] as const))
    const saw = await askAll(from, calls)
    const word = (text: string | undefined): string => text === REFUSED ? 'refused' : text === LATE ? 'dropped' : 'open'
    calls.forEach(([proto, , port], i) => { if (i % 2 === 0) found[`${direction} ${proto} ${String(port)}`] = word(saw[i]) === word(saw[i + 1]) ? word(saw[i]) : `${word(saw[i])}/${word(saw[i + 1])}` })
    const pings = await Promise.all([to.four, to.six].map(async (address) => await ping(from, address, 10)))
    found[`${direction} ping`] = pings[0] === pings[1] ? pings[0] === true ? 'open' : 'closed' : `${String(pings[0])}/${String(pings[1])}`
  }))
  return found
}

const every = (direction: 'in' | 'out', word: string): Record<string, string> => ({ ...Object.fromEntries(['tcp 80', 'tcp 81', 'udp 80', 'udp 81'].map((what) => [`${direction} ${what}`, word])), [`${direction} ping`]: word === 'open' ? 'open' : 'closed' })
const isolated = { ...every('in', 'refused'), ...every('out', 'refused') }
const nat = { ...every('in', 'refused'), ...every('out', 'open') }

kernelTest(test, 'rules: what they allow comes in to an isolated network and goes out of it, and answers come back', async (bed) => {
  const of = await stand(bed, { forward: 'none' })
  const nothing = async (when: string): Promise<void> => { assert.not(Object.values(await table(of)).some((word) => word.includes('open')), when) }
  await nothing('without rules')
  await rules(of.net, ['allow in tcp/80'])
  assert.equal(await table(of), { ...isolated, 'in tcp 80': 'open' })
  await rules(of.net, ['allow in udp/81', 'allow out tcp/80', `allow out icmp to ${OUTSIDE.four}`, `allow out icmpv6 to ${OUTSIDE.six}`])
  assert.equal(await table(of), { ...isolated, 'in udp 81': 'open', 'out tcp 80': 'open', 'out ping': 'open' })
  await rules(of.net, [])
  await nothing('without rules again')
  assert.not.match(await bed.ns.must('nft', ['list', 'table', 'inet', 'netwright']), /nwf1-|-nwf1/)
  await leave(of)
}, needs)

kernelTest(test, 'rules: the first that matches decides, denied is answered and dropped is not', async (bed) => {
  const of = await stand(bed, { forward: 'nat', rules: ['allow out tcp/80,443', 'deny out tcp', 'drop out udp/81'] })
  const before = { ...nat, 'out tcp 81': 'refused', 'out udp 81': 'dropped' }
  assert.equal(await table(of), before)
  await rules(of.net, [`allow in tcp from @friends`, 'drop in udp/80'], { addressSets: [{ name: 'friends', addresses: [`${OUTSIDE.four}/32`, '203.0.113.0/24', '2001:db8::/64'] }] })
  assert.equal(await table(of), { ...nat, 'in tcp 80': 'open', 'in tcp 81': 'open', 'in udp 80': 'dropped' })
  await rules(of.net, ['allow in tcp from @friends'], { addressSets: [{ name: 'friends', addresses: ['203.0.113.0/24', '2001:db8::/64'] }] })
  assert.equal(await table(of), { ...nat, 'in tcp 80': 'refused/open', 'in tcp 81': 'refused/open' })
  await leave(of)
}, needs)

kernelTest(test, 'rules: a routed network is closed but for what is allowed, and an open one too; its peers and forwards are bound by them', async (bed) => {
  const of = await stand(bed, { forward: 'route', rules: ['allow in tcp/80-81 to 10.60.1.10', 'allow in icmp', 'allow in icmpv6', 'deny in', 'deny out udp'] })
  const routed = { ...every('in', 'refused'), ...every('out', 'open'), 'in tcp 80': 'open/refused', 'in tcp 81': 'open/refused', 'in ping': 'open', 'out udp 80': 'refused', 'out udp 81': 'refused' }
  assert.equal(await table(of), routed)
  const other = await of.h.create(definition(2, { forward: 'none', peers: ['net1'] }))
  const peer = await guest(bed, other, 2, 10)
  await answers(peer, 80)
  const calls = (from: '1' | '2'): Call[] => { const to = from === '1' ? '2' : '1'; return [['tcp', `10.60.${to}.10`, 80], ['udp', `10.60.${to}.10`, 80]] }
  assert.equal(await askAll(peer, calls('2')), ['10.60.2.10', REFUSED], 'what the peer begins')
  assert.equal(await askAll(of.inside, calls('1')), ['10.60.1.10', REFUSED], 'what is begun towards the peer')
  await of.net.forwards.add('9000/tcp 10.60.1.10:80')
  await of.net.forwards.add('9000/udp 10.60.1.10:80')
  assert.equal(await askAll(of.outside, [['tcp', HOST.four, 9000], ['udp', HOST.four, 9000]]), [OUTSIDE.four, REFUSED])
  await rules(of.net, ['deny in'], { forward: { mode: 'open' } })
  assert.equal(await table(of), { ...every('in', 'refused'), ...every('out', 'open') })
  await other.destroy()
  await leave(of)
}, needs)

kernelTest(test, 'rules: a live deny ends what it forbids, also where only the other side goes on sending, and nothing else', async (bed) => {
  const of = await stand(bed, { forward: 'nat' })
  const { inside, outside, net } = of
  const stream = await streaming(inside, outside, OUTSIDE.four)
  await rules(net, ['deny out tcp'])
  await stream.goesOn('what is not forbidden')
  await rules(net, ['deny out udp/7000'])
  await of.h.settled()
  await stream.ends('what is forbidden')
  await stream.stop()
  await leave(of)
}, needs)

interface Statement { readonly counter?: { readonly packets: number, readonly bytes: number }, readonly log?: { readonly prefix: string }, readonly limit?: { readonly rate: number } }

async function chain ({ ns }: KernelTest, name: string): Promise<Statement[]> {
  const { nftables } = await ns.json<{ nftables: { rule?: { expr: Statement[] } }[] }>('nft', ['-j', 'list', 'chain', 'inet', 'netwright', name])
  return nftables.flatMap(({ rule }) => rule === undefined ? [] : [Object.assign({}, ...rule.expr) as Statement])
}

kernelTest(test, 'rules: they count, go on counting over changes and another host, and log', async (bed) => {
  const of = await stand(bed, { forward: 'nat', rules: [{ action: 'deny', direction: 'out', protocol: 'udp', ports: 81, log: 'no udp: ' }, 'allow out tcp/80'] })
  assert.is(await asked(of.inside, 'tcp', OUTSIDE.four, 80), HOST.four)
  assert.is(await asked(of.inside, 'udp', OUTSIDE.four, 81), REFUSED)
  const [, , logged, denied, allowed] = await chain(bed, 'out-nwf1')
  assert.equal([logged?.log?.prefix, logged?.limit?.rate], ['no udp: ', 10])
  assert.ok((denied?.counter?.packets ?? 0) >= 1) // it asks again where the refusal is late
  assert.ok((allowed?.counter?.packets ?? 0) >= 4, 'SYN, ACK, data, FIN')
  const listed = await of.net.rules.list()
  assert.equal(listed.map(({ words, packets, bytes, live, config, number }) => [number, words, packets, bytes, live, config]), [
    [1, 'deny out udp/81', denied?.counter?.packets, denied?.counter?.bytes, true, false], [2, 'allow out tcp/80', allowed?.counter?.packets, allowed?.counter?.bytes, true, false],
  ])
  await of.net.rules.add('allow in tcp/80')
  await of.net.rules.add('deny out tcp/81', { at: 1 })
  assert.is(await asked(of.inside, 'tcp', OUTSIDE.four, 81), REFUSED)
  const other = await host(bed)
  assert.equal((await (await other.network('net1')).rules.list()).map(({ words, packets }) => [words, packets]), [
    ['deny out tcp/81', 1], ['deny out udp/81', denied?.counter?.packets], ['allow out tcp/80', allowed?.counter?.packets], ['allow in tcp/80', 0],
  ])
  await (await other.network('net1')).rules.remove(2)
  await (await other.network('net1')).rules.remove('deny out tcp/81')
  await other.close()
  assert.equal((await of.net.rules.list()).map(({ words }) => words), ['allow out tcp/80', 'allow in tcp/80'])
  await leave(of)
}, needs)

kernelTest(test, 'rules: somebody who takes a chain\'s rules away is noticed at the next start, and they are made again', async (bed) => {
  const of = await stand(bed, { forward: 'nat', rules: ['deny out tcp/81'] })
  await bed.ns.must('nft', ['flush', 'chain', 'inet', 'netwright', 'out-nwf1'])
  const other = await of.h.create(definition(2, { peers: ['net1'] }))
  assert.is(await asked(of.inside, 'tcp', OUTSIDE.four, 81), REFUSED)
  assert.match(await bed.ns.must('nft', ['list', 'set', 'inet', 'netwright', 'peers']), /"nwf1" \. "nwf2"/)
  await bed.ns.must('nft', ['delete', 'table', 'inet', 'netwright'])
  const third = await of.h.create(definition(3))
  assert.is(await asked(of.inside, 'tcp', OUTSIDE.four, 81), REFUSED)
  assert.match(await bed.ns.must('nft', ['list', 'set', 'inet', 'netwright', 'peers']), /"nwf1" \. "nwf2"/)
  await third.destroy()
  await other.destroy()
  await leave(of)
}, needs)

kernelTest(test, 'host: its services are closed to guests but for DHCP, DNS and what is listed, and open to everybody else', async (bed) => {
  const outside = await plainUplink(bed)
  await plainRefusals(bed)
  const resolvConf = await nameServer(outside, bed.tmp)
  const h = await host(bed, { resolvConf })
  const net = await h.create({ ...definition(1), ip: [{ address: '10.60.1.1', prefix: 24, dhcp: { range: [{ start: '10.60.1.100', end: '10.60.1.120' }] } }, { address: 'fd00:60:1::1', prefix: 64 }], host: { access: 'deny', allow: ['tcp/22'] } })
  const inside = await guest(bed, net, 1, 10)
  const second = await plugged(bed.ns, 'nwf1')
  for (const port of [22, 81]) { await answers(bed.ns, port); await answers(inside, port) }
  await answers(outside, 81)
  const calls: Call[] = [['tcp', '10.60.1.1', 22], ['udp', '10.60.1.1', 22], ['tcp', '10.60.1.1', 81], ['tcp', 'fd00:60:1::1', 22], ['udp', 'fd00:60:1::1', 81], ['tcp', HOST.four, 81], ['tcp', OUTSIDE.four, 81]]
  const closed = ['10.60.1.10', REFUSED, REFUSED, 'fd00:60:1::10', REFUSED, REFUSED, HOST.four]
  assert.equal(await askAll(inside, calls), closed)
  assert.not(await ping(inside, '10.60.1.1', 1))
  assert.is((await dhcp(second, bed.tmp))?.router, '10.60.1.1')
  for (const server of ['10.60.1.1', 'fd00:60:1::1']) assert.equal((await dig(inside, server, UPSTREAM.name))?.answers, [UPSTREAM.four], server)
  assert.is(await asked(outside, 'tcp', HOST.four, 81), OUTSIDE.four, 'somebody else')
  assert.is(await asked(bed.ns, 'tcp', '10.60.1.10', 81), '10.60.1.1', 'the host itself, and the answer')
  assert.ok(await ping(bed.ns, '10.60.1.10'))
  await net.update({ ...await net.spec(), host: { access: 'deny', icmp: true, allow: [{ protocol: 'udp' }] } })
  assert.equal(await askAll(inside, calls), [REFUSED, '10.60.1.10', REFUSED, REFUSED, 'fd00:60:1::10', REFUSED, HOST.four])
  for (const address of ['10.60.1.1', 'fd00:60:1::1']) assert.ok(await ping(inside, address), address)
  const { host: policy, ...rest } = await net.spec()
  assert.is(policy?.access, 'deny')
  await net.update(rest)
  assert.equal(await askAll(inside, calls), ['10.60.1.10', '10.60.1.10', '10.60.1.10', 'fd00:60:1::10', 'fd00:60:1::10', '10.60.1.10', HOST.four])
  await net.destroy()
  await h.close()
}, { needs: ['nft', 'dnsmasq', 'udhcpc', 'dig'] })

test.run()
