/** Peers in packets: who may begin to talk with whom, both families, TCP, UDP and ICMP; in either order of starting, live, and after somebody else took over. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host, Network, NetworkInput } from '../../src/index.js'
import { ping } from '../harness/guest.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { HOST, host } from './bed.js'
import { answers, askAll, definition, guest, plainRefusals, plainUplink, streaming } from './forwards-bed.js'

const needs = { needs: ['nft'] }
const REFUSED = 'ECONNREFUSED'

interface Stand { readonly h: Host, readonly networks: readonly Network[], readonly guests: readonly Namespace[] }

/** Networks 1, 2, …, each with a guest that answers on port 80. */
async function stand (bed: KernelTest, definitions: readonly Partial<NetworkInput>[]): Promise<Stand> {
  await plainUplink(bed)
  await plainRefusals(bed)
  const h = await host(bed)
  const networks = await h.create(definitions.map((more, i) => definition(i + 1, more)))
  const guests: Namespace[] = []
  for (const [i, network] of networks.entries()) {
    const inside = await guest(bed, network, i + 1, 10)
    await answers(inside, 80)
    guests.push(inside)
  }
  return { h, networks, guests }
}

/** What the guest of network `to` sees of a call by the guest of network `from`: one word where TCP, UDP and ping agree in both families. */
async function way ({ guests }: Stand, from: number, to: number): Promise<string> {
  const caller = guests[from - 1]
  if (caller === undefined) throw new Error('no such guest')
  const [four, six] = [`10.60.${String(to)}.10`, `fd00:60:${String(to)}::10`]
  const own = new Set([`10.60.${String(from)}.10`, `fd00:60:${String(from)}::10`])
  const found = new Set((await askAll(caller, [['tcp', four, 80], ['udp', four, 80], ['tcp', six, 80], ['udp', six, 80]])).map((saw) => own.has(saw) ? 'open' : saw === REFUSED || saw === 'EHOSTUNREACH' || saw === 'EACCES' || saw === 'ENETUNREACH' ? 'closed' : saw))
  for (const address of [four, six]) found.add(await ping(caller, address, found.has('open') ? 15 : 2) ? 'open' : 'closed')
  return [...found].join(', ')
}

async function both (of: Stand, one: number, other: number): Promise<string> {
  const [out, back] = await Promise.all([way(of, one, other), way(of, other, one)])
  return `${out} / ${back}`
}

async function elements ({ ns }: KernelTest): Promise<number> {
  const text = await ns.exec('nft', ['list', 'set', 'inet', 'netwright', 'peers'])
  const all = await ns.exec('nft', ['list', 'set', 'inet', 'netwright', 'answers'])
  return [...text.stdout.matchAll(/" \. "/g), ...all.stdout.matchAll(/" \. "/g)].length
}

kernelTest(test, 'peers: networks of every mode talk both ways with their own addresses, and no network talks that is not named', async (bed) => {
  const of = await stand(bed, [{ peers: ['net2', 'net3'] }, {}, { forward: 'none' }, { forward: 'none', peers: [{ network: 'net3' }, 'net9'] }])
  assert.is(await both(of, 1, 2), 'open / open', 'nat and nat')
  assert.is(await both(of, 1, 3), 'open / open', 'nat and isolated')
  assert.is(await both(of, 3, 4), 'open / open', 'isolated and isolated')
  assert.is(await both(of, 1, 4), 'closed / closed')
  assert.is(await both(of, 2, 3), 'closed / closed')
  assert.is(await elements(bed), 12)
  const [first, second, third] = of.networks
  await second?.destroy()
  assert.is(await elements(bed), 8, 'the other network names it still, and no element does')
  await third?.destroy()
  assert.is(await elements(bed), 0)
  await first?.destroy()
  await of.networks[3]?.destroy()
  await of.h.close()
}, needs)

kernelTest(test, 'peers: one way, only the one\'s guests begin, and are answered; live changes hold for connections that are open', async (bed) => {
  const of = await stand(bed, [{ peers: [{ network: 'net2', direction: 'out' }] }, { forward: 'none' }])
  const [first, second] = of.networks
  const say = async (peers: NetworkInput['peers'], network = first): Promise<void> => {
    const spec = await network?.spec()
    if (spec !== undefined) await network?.update({ ...spec, peers })
  }
  assert.is(await both(of, 1, 2), 'open / closed')
  await say([{ network: 'net2', direction: 'in' }])
  assert.is(await both(of, 1, 2), 'closed / open')
  await say([{ network: 'net1', direction: 'out' }], second)
  assert.is(await both(of, 1, 2), 'closed / open', 'said from both sides')
  assert.is(await elements(bed), 2)
  await say([])
  assert.is(await both(of, 1, 2), 'closed / open', 'the other side says it still')
  await say(['net1'], second)
  assert.is(await both(of, 1, 2), 'open / open')
  await say(undefined, second)
  assert.is(await both(of, 1, 2), 'closed / closed')
  assert.is(await elements(bed), 0)
  for (const network of of.networks) await network.destroy()
  await of.h.close()
}, needs)

kernelTest(test, 'peers: connections end with the peering, also where both networks take replies, and those that something else permits do not', async (bed) => {
  const of = await stand(bed, [
    { peers: ['net2', 'net3', 'net4', { network: 'net5', direction: 'out' }] }, {}, { forward: 'route' }, { rules: ['allow in udp/7004 from 10.60.1.0/24'] },
    { forwards: [{ proto: 'udp', host: 7005, guest: '10.60.5.10', guestPort: 7005, networks: true }] },
  ])
  const [net1, net2] = of.networks
  const [one, two, three, four, five] = of.guests
  if (net1 === undefined || net2 === undefined || one === undefined || two === undefined || three === undefined || four === undefined || five === undefined) throw new Error('too few')
  const say = async (network: Network, peers: NetworkInput['peers']): Promise<void> => { await network.update({ ...await network.spec(), peers }); await of.h.settled() }
  const parted = [await streaming(one, two, '10.60.2.10', 7000), await streaming(two, one, '10.60.1.10', 7010), await streaming(one, two, 'fd00:60:2::10', 7020), await streaming(one, five, '10.60.5.10', 7030)]
  const permitted = [await streaming(one, three, '10.60.3.10', 7003), await streaming(one, four, '10.60.4.10', 7004), await streaming(one, five, HOST.four, 7005)]
  await say(net2, [{ network: 'net1', direction: 'out' }])
  await say(net1, [{ network: 'net2', direction: 'out' }, 'net3', 'net4', 'net5'])
  for (const [i, stream] of [...parted, ...permitted].entries()) await stream.goesOn(`stream ${String(i)}, which each side permits by now`)
  await say(net1, undefined)
  for (const [i, stream] of permitted.entries()) await stream.goesOn(`stream ${String(i)}, which the mode, a rule or a forward permits`)
  const [, back, , last] = parted
  await back?.goesOn('what the other side permits still')
  await last?.ends('what was begun with a peer that is none')
  await say(net2, undefined)
  for (const [i, stream] of parted.entries()) await stream.ends(`stream ${String(i)} of peers that are parted`)
  for (const [i, stream] of permitted.entries()) await stream.goesOn(`stream ${String(i)}, in the end`)
  for (const stream of [...parted, ...permitted]) await stream.stop()
  for (const network of of.networks) await network.destroy()
  await of.h.close()
}, needs)

kernelTest(test, 'peers: what a peer may do goes on without a rule that allowed it too, and peers on trial are parted when it is taken back', async (bed) => {
  const of = await stand(bed, [{ forward: 'nat' }, { forward: 'none', rules: ['allow in udp/7000'], peers: [{ network: 'net1', direction: 'in' }] }, {}])
  const [, net2, net3] = of.networks
  const [one, two, three] = of.guests
  if (net2 === undefined || net3 === undefined || one === undefined || two === undefined || three === undefined) throw new Error('too few')
  const peers = await streaming(one, two, '10.60.2.10')
  await net2.rules.remove(1)
  await of.h.settled()
  await peers.goesOn('what is the peer\'s still')
  const spec = await net3.spec()
  const trial = await of.h.transaction((tx) => { tx.update({ ...spec, peers: ['net1'] }) }, { confirmWithin: 600, probe: 'none' })
  const tried = await streaming(one, three, '10.60.3.10', 7001)
  await trial.takeBack()
  await of.h.settled()
  await tried.ends('what was on trial')
  await peers.goesOn('what is nobody else\'s')
  for (const stream of [peers, tried]) await stream.stop()
  for (const network of of.networks) await network.destroy()
  await of.h.close()
}, needs)

kernelTest(test, 'peers: it does not matter which starts first, and another host takes over what runs', async (bed) => {
  await plainUplink(bed)
  const h = await host(bed)
  const [first, second] = [await h.define(definition(1, { peers: ['net2'] })), await h.define(definition(2, { forward: 'none' }))]
  await first.start()
  assert.is(await elements(bed), 0)
  await second.start()
  assert.is(await elements(bed), 4)
  await first.stop()
  assert.is(await elements(bed), 0)
  await first.start()
  assert.is(await elements(bed), 4)
  await h.close()
  const other = await host(bed)
  await (await other.network('net2')).stop()
  assert.is(await elements(bed), 0)
  await (await other.network('net2')).start()
  assert.is(await elements(bed), 4)
  const both = await Promise.all(['net1', 'net2'].map(async (name) => await other.network(name)))
  await other.transaction((tx) => { for (const { name } of both) tx.destroy(name) })
  for (const network of both) await network.undefine()
  assert.not((await bed.ns.must('nft', ['list', 'ruleset'])).includes('netwright'))
  await other.close()
}, needs)

/** How many of each kind the table of ours has. */
async function size ({ ns }: KernelTest): Promise<{ readonly chains: number, readonly rules: number, readonly peers: number }> {
  const { nftables } = await ns.json<{ nftables: readonly { chain?: unknown, rule?: unknown, set?: { name: string, elem?: readonly unknown[] } }[] }>('nft', ['-j', 'list', 'table', 'inet', 'netwright'])
  const count = (kind: 'chain' | 'rule'): number => nftables.filter((item) => item[kind] !== undefined).length
  return { chains: count('chain'), rules: count('rule'), peers: nftables.find(({ set }) => set?.name === 'peers')?.set?.elem?.length ?? 0 }
}

kernelTest(test, 'peers: the table has the same chains and rules whether two networks talk or thirty; only a network with rules adds some, and takes them away', async (bed) => {
  const h = await host(bed)
  const [first] = await h.create([definition(1), definition(2, { peers: ['net1'], host: { access: 'deny', allow: ['tcp/22'] } })])
  const few = await size(bed)
  assert.is(few.peers, 2)
  await h.create(Array.from({ length: 28 }, (_, i) => definition(i + 3, { peers: [`net${String(i + 1)}`, `net${String(i + 2)}`], host: 'deny' })))
  assert.equal(await size(bed), { ...few, peers: 2 + 28 * 4 })
  await first?.rules.add('allow in tcp/22', { live: true })
  assert.is((await size(bed)).chains, few.chains + 2) // one a direction
  await first?.rules.remove(1, { live: true })
  assert.equal(await size(bed), { ...few, peers: 2 + 28 * 4 })
  await h.transaction((tx) => { for (let i = 1; i <= 30; i++) tx.destroy(`net${String(i)}`) })
  await h.close()
}, needs)

kernelTest(test, 'peers: another owner\'s networks are none', async (bed) => {
  await plainUplink(bed)
  const [h, rig] = [await host(bed), await host(bed, { owner: 'rig' })]
  const own = await h.create(definition(1, { peers: ['net2'] }))
  const theirs = await rig.create(definition(2, { peers: ['net1'] }))
  assert.not.match(await bed.ns.must('nft', ['list', 'ruleset']), /"nwf1" \. "nwf2"|"nwf2" \. "nwf1"/)
  await own.destroy()
  await theirs.destroy()
  await h.close()
  await rig.close()
}, needs)

test.run()
