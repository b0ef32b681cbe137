/** Forwarded ports in packets: from outside, from the host, from the guest itself, its neighbours and other networks; both families, TCP and UDP; before, during and after live changes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, type Host, type Network, type NetworkInput } from '../../src/index.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { HOST, host, OUTSIDE } from './bed.js'
import { answers, askAll, asked, definition, guest, plainUplink } from './forwards-bed.js'

const needs = { needs: ['nft'] }
const PORT = 8080

interface Stand { readonly h: Host, readonly net: Network, readonly outside: Namespace, readonly inside: Namespace, readonly mate: Namespace, readonly others: readonly Network[], readonly other: Namespace, readonly routed: Namespace, readonly isolated: Namespace }

/** Network 1 with two guests, of which the first answers on port 80; and a guest on each of a nat, a routed and an isolated network. */
async function stand (bed: KernelTest, first: Partial<NetworkInput> = {}): Promise<Stand> {
  const outside = await plainUplink(bed)
  const h = await host(bed)
  const net = await h.create(definition(1, first))
  const others = await h.create([definition(2), definition(3, { forward: 'route' }), definition(4, { forward: 'none' })])
  const inside = await guest(bed, net, 1, 10)
  await answers(inside, 80)
  const guests: Namespace[] = []
  for (const [i, one] of others.entries()) guests.push(await guest(bed, one, i + 2, 10))
  const [other = inside, routed = inside, isolated = inside] = guests
  return { h, net, outside, inside, mate: await guest(bed, net, 1, 11), others, other, routed, isolated }
}

async function leave ({ ns }: KernelTest, { h, net, others }: Stand): Promise<void> {
  for (const one of [net, ...others]) await one.destroy()
  await h.close()
  // What the host called of its own is remembered as a neighbour on lo.
  for (const family of ['-4', '-6']) await ns.exec('ip', [family, 'neigh', 'flush', 'dev', 'lo', 'nud', 'noarp'])
}

/** Who is asked from where, by TCP and UDP, and as whom the guest sees him. */
async function matrix (bed: KernelTest, { outside, inside, mate, other, routed, isolated }: Stand): Promise<Record<string, string>> {
  const rows: Readonly<Record<string, readonly [Namespace, Readonly<Record<string, string>>]>> = {
    outside: [outside, { four: HOST.four, six: HOST.six }], host: [bed.ns, { four: HOST.four, six: HOST.six, localhost: '127.0.0.1', localhost6: '::1', gateway: '10.60.1.1' }],
    itself: [inside, { four: HOST.four, six: HOST.six, gateway: '10.60.1.1' }], mate: [mate, { four: HOST.four, six: HOST.six }],
    other: [other, { four: HOST.four, six: HOST.six }], routed: [routed, { four: HOST.four }], isolated: [isolated, { four: '10.60.4.1' }],
  }
  const found: Record<string, string> = {}
  await Promise.all(Object.entries(rows).map(async ([who, [from, addresses]]) => {
    const calls = (['tcp', 'udp'] as const).flatMap((proto) => Object.entries(addresses).map(([how, address]) => ({ name: `${who} ${how}`, call: [proto, address, PORT] as const })))
    const answered = await askAll(from, calls.map(({ call }) => call))
    // TCP and UDP agree, or both are shown.
    for (const [i, { name }] of calls.entries()) { const saw = answered[i] ?? ''; found[name] = found[name] === undefined || found[name] === saw ? saw : `${found[name]}, ${saw}` }
  }))
  return found
}

const REFUSED = 'ECONNREFUSED'
const open = {
  'outside four': OUTSIDE.four, 'outside six': OUTSIDE.six, 'host four': HOST.four, 'host six': HOST.six, 'host localhost': '10.60.1.1', 'host localhost6': REFUSED, 'host gateway': '10.60.1.1',
  'itself four': '10.60.1.1', 'itself six': 'fd00:60:1::1', 'itself gateway': '10.60.1.1', 'mate four': '10.60.1.1', 'mate six': 'fd00:60:1::1',
  'other four': REFUSED, 'other six': REFUSED, 'routed four': REFUSED, 'isolated four': REFUSED,
}
const closed = Object.fromEntries(Object.keys(open).map((key) => [key, REFUSED]))
const shared = { ...open, 'other four': '10.60.2.10', 'other six': 'fd00:60:2::10', 'routed four': '10.60.3.10' }

kernelTest(test, 'forwards: the guest is reached from everywhere, with its caller\'s address, before, during and after live changes', async (bed) => {
  const of = await stand(bed)
  const { net } = of
  assert.equal(await matrix(bed, of), closed, 'before')
  for (const proto of ['tcp', 'udp'] as const) {
    await net.forwards.add(`${String(PORT)}/${proto} 10.60.1.10:80`)
    await net.forwards.add({ proto, host: PORT, guest: '[fd00:60:1::10]:80' })
  }
  assert.equal(await matrix(bed, of), open, 'with the forward')
  assert.is(await bed.ns.must('sysctl', ['-n', 'net.ipv4.conf.nwf1.route_localnet']), '1\n')
  const spec = await net.spec()
  await net.update({ ...spec, forwards: spec.forwards?.map((one) => ({ ...one, networks: true })) })
  assert.equal(await matrix(bed, of), shared, 'for other networks too')
  for (const { proto, guest: to } of await net.forwards.list()) await net.forwards.remove({ proto, host: PORT, guest: to, guestPort: 80 })
  assert.equal(await matrix(bed, of), closed, 'after')
  assert.is(await bed.ns.must('sysctl', ['-n', 'net.ipv4.conf.nwf1.route_localnet']), '0\n')
  await leave(bed, of)
}, needs)

kernelTest(test, 'forwards: one address of the host, 127.0.0.1 alone, a range, and an isolated network that answers only there', async (bed) => {
  const of = await stand(bed, { forward: 'none', forwards: [`${HOST.four}:8080/tcp 10.60.1.10:80`, '127.0.0.1:8081/tcp 10.60.1.10:80', '8090-8092/tcp 10.60.1.10:79', `[${HOST.six}]:8080/udp [fd00:60:1::10]:80`] })
  const { outside, inside } = of
  const { ns } = bed
  assert.is(await asked(outside, 'tcp', HOST.four, 8080), OUTSIDE.four)
  assert.is(await asked(outside, 'udp', HOST.six, 8080), OUTSIDE.six)
  assert.is(await asked(ns, 'tcp', '127.0.0.1', 8080), REFUSED)
  assert.is(await asked(ns, 'tcp', HOST.four, 8080), HOST.four)
  assert.is(await asked(ns, 'tcp', '127.0.0.1', 8081), '10.60.1.1')
  assert.is(await asked(outside, 'tcp', HOST.four, 8081), REFUSED)
  assert.is(await asked(outside, 'tcp', HOST.four, 8091), OUTSIDE.four, 'the second of the range is port 80 of the guest')
  assert.is(await asked(outside, 'tcp', HOST.four, 8090), REFUSED, 'nobody answers on port 79')
  assert.is(await asked(outside, 'tcp', HOST.four, 8093), REFUSED)
  // The guest still cannot call out, and what listens on the host's 127.0.0.1 is nobody's but the host's.
  await answers(outside, 7)
  assert.is(await asked(inside, 'tcp', OUTSIDE.four, 7), REFUSED)
  await answers(ns, 6000)
  await inside.must('sysctl', ['-q', '-w', 'net.ipv4.conf.eth0.route_localnet=1'])
  await inside.must('ip', ['route', 'flush', 'table', 'local', 'root', '127.0.0.0/8'])
  await inside.must('ip', ['route', 'add', '127.0.0.0/8', 'via', '10.60.1.1', 'src', '10.60.1.10'])
  assert.is(await asked(inside, 'tcp', '127.0.0.1', 6000), 'ETIMEDOUT')
  await leave(bed, of)
}, needs)

kernelTest(test, 'forwards: a guest that is named by its port has the port forwarded while it is attached, over a stop and a start too', async (bed) => {
  const outside = await plainUplink(bed)
  const h = await host(bed)
  const net = await h.define(definition(1, { forwards: ['8080/tcp vm1-10:80', { host: 'auto', guest: 'vm1-10:80' }] }))
  await net.start()
  const [first, second] = await net.forwards.list()
  assert.equal([first?.to, second?.port, second?.live, second?.config], [undefined, 49_152, true, true])
  assert.is(await asked(outside, 'tcp', HOST.four, 8080), REFUSED)
  const inside = await guest(bed, net, 1, 10)
  await answers(inside, 80)
  assert.is((await net.forwards.list())[0]?.to, '10.60.1.10')
  assert.is(await asked(outside, 'tcp', HOST.four, 8080), OUTSIDE.four)
  assert.is(await asked(outside, 'tcp', HOST.four, 49_152), OUTSIDE.four)
  await net.stop()
  assert.not((await bed.ns.must('nft', ['list', 'ruleset'])).includes('netwright'))
  await net.start()
  assert.is(await asked(outside, 'tcp', HOST.four, 8080), OUTSIDE.four)
  await net.detach('vm1-10')
  assert.is(await asked(outside, 'tcp', HOST.four, 8080), REFUSED)
  assert.not((await bed.ns.must('nft', ['list', 'map', 'inet', 'netwright', 'dnatall4'])).includes('8080'))
  await net.destroy()
  await net.undefine()
  await h.close()
}, needs)

kernelTest(test, 'forwards: whoever has a port already is named, and nothing is changed', async (bed) => {
  const { ns } = bed
  const of = await stand(bed)
  const { h, net, others: [second] } = of
  await net.forwards.add('8080-8090/tcp 10.60.1.10:80')
  const refusal = async (work: Promise<unknown> | undefined): Promise<NetwrightError> => {
    const error = await work?.then(() => undefined, (reason: unknown) => reason)
    if (!(error instanceof NetwrightError)) throw new Error(`not refused: ${String(error)}`)
    return error
  }
  const before = await ns.must('nft', ['list', 'ruleset'])
  const theirs = await refusal(second?.forwards.add(`${HOST.four}:8085/tcp 10.60.2.10:80`))
  assert.equal([theirs.code, theirs.network, theirs.holder], ['NETWRIGHT_PORT_IN_USE', 'net2', 'a forward of network net1'])
  const server = ns.spawn(process.execPath, ['-e', 'require(\'net\').createServer().listen(7000, \'127.0.0.1\', () => console.log(\'listening\'))'])
  await server.until(/listening/)
  const socket = await refusal(second?.forwards.add('7000/tcp 10.60.2.10:80'))
  assert.is(socket.code, 'NETWRIGHT_PORT_IN_USE')
  assert.match(socket.message, /network net2: forwards\[0\]: 7000\/tcp is taken by node \(pid \d+\), which listens on 127\.0\.0\.1 port 7000/)
  await second?.forwards.add(`${HOST.four}:7000/tcp 10.60.2.10:80`)
  await second?.forwards.remove(`${HOST.four}:7000/tcp`)
  const rig = await host(bed, { owner: 'rig' })
  const foreign = await refusal(rig.create(definition(9, { forwards: ['8081/tcp 10.60.9.10:80'] })))
  assert.match(foreign.message, /forwards\[0\]: 8081\/tcp is taken by a forward in table netwright, which is another owner's/)
  await rig.close()
  const twins = await refusal(h.create([definition(7, { forwards: ['53/udp 10.60.7.10:53'] }), definition(8, { forwards: ['53/udp 10.60.8.10:53'] })]))
  assert.equal([twins.code, twins.network], ['NETWRIGHT_PORT_IN_USE', 'net8'])
  assert.is((await refusal(second?.forwards.add('9000/tcp 10.60.1.10:80'))).code, 'NETWRIGHT_INVALID')
  assert.is((await refusal(second?.forwards.remove('9000/tcp'))).code, 'NETWRIGHT_NOT_FOUND')
  assert.is((await refusal(second?.forwards.add('9000/tcp 10.60.2.10:80', { config: true }))).code, 'NETWRIGHT_TRANSIENT')
  assert.is((await refusal(net.forwards.add('8080-8090/tcp 10.60.1.10:80'))).code, 'NETWRIGHT_EXISTS')
  const overlap = await refusal(net.forwards.add('8090-8100/tcp 10.60.1.11:80'))
  assert.is(overlap.code, 'NETWRIGHT_INVALID')
  assert.match(overlap.message, /ports 8090 are those of forwards\[\d+\] too/)
  const sorted = (text: string): string => text.split('\n').map((line) => line.trim()).sort().join('\n')
  assert.is(sorted(await ns.must('nft', ['list', 'ruleset'])), sorted(before))
  await server.stop()
  await leave(bed, of)
}, needs)

const talk = `
const s = require('net').connect(Number(process.argv[2]), process.argv[1], () => setInterval(() => s.write('x'), 5))
let n = 0
s.on('data', (d) => { n += d.length; console.log('alive ' + n + ';') }).on('close', () => { console.log('closed'); process.exit(1) }).on('error', (e) => console.log(e.code))`
// A connection that nobody ends keeps its namespace.
const echo = `
const all = []
require('net').createServer((s) => { all.push(s); s.on('error', () => {}); s.pipe(s) }).listen(81, () => console.log('listening'))
process.on('SIGTERM', () => { for (const s of all) s.resetAndDestroy(); console.log('reset') })`
const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' }

kernelTest(test, 'forwards: a connection lives on while other ports come and go, and ends with its own', async (bed) => {
  const outside = await plainUplink(bed)
  const h = await host(bed)
  const net = await h.create(definition(1, { forwards: ['8080/tcp 10.60.1.10:81', '8081/tcp 10.60.1.10:81'] }))
  const inside = await guest(bed, net, 1, 10)
  const server = inside.spawn(process.execPath, ['-e', echo], { env })
  await server.until(/listening/)
  const [first, second] = [8080, 8081].map((port) => outside.spawn(process.execPath, ['-e', talk, HOST.four, String(port)], { env }))
  const heard = (): number => Number([...first?.output().matchAll(/alive (\d+);/g) ?? []].at(-1)?.[1] ?? 0)
  const alive = async (): Promise<void> => {
    for (const from = heard(); heard() < from + 20;) {
      if (first?.output().includes('closed') === true) throw new Error(`closed: ${first.output().slice(-100)}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  await first?.until(/alive/)
  await second?.until(/alive/)
  await net.forwards.add('9000-9100/tcp 10.60.1.10:81')
  await alive()
  await net.forwards.remove('8081/tcp')
  await second?.until(/closed/)
  await alive()
  assert.is(await asked(outside, 'tcp', HOST.four, 8081), REFUSED)
  // The same port leads elsewhere: what was open by it is cut off, too.
  const spec = await net.spec()
  await net.update({ ...spec, forwards: spec.forwards?.map((one) => one.port === 8080 ? { ...one, guestPort: 82 } : one) })
  await first?.until(/closed/)
  server.child.kill('SIGTERM')
  await server.until(/reset/)
  await net.destroy()
  await h.close()
}, needs)

test.run()
