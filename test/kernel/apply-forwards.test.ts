/** Forwarded ports in files: the smallest difference, and nobody is cut off but by his own port. Real connections and `nft -j` say so. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Change, Plan } from '../../src/index.js'
import { kernelTest, type Namespace, type TestNamespace } from '../harness/kernel-test.js'
import { eventually, HOST, host } from './bed.js'
import { plainUplink } from './forwards-bed.js'

const source = '/lab.yaml'
const words = ({ changes }: Plan): string[] => changes.filter(({ kind }) => kind !== 'source').map(({ what, interrupts }: Change) => `${what}: ${interrupts}`)
const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' }
// A connection that nobody ends keeps its namespace.
const echo = `
const all = []
for (const port of [81, 82]) require('net').createServer((s) => { all.push(s); s.on('error', () => {}); s.on('data', (d) => s.write(port + ' heard ' + d)) }).listen(port, () => console.log('listening on ' + port))
process.on('SIGTERM', () => { for (const s of all) s.resetAndDestroy(); console.log('reset') })`
const talk = `
const [address, port] = process.argv.slice(1)
const socket = require('net').connect({ host: address, port: Number(port) }, () => console.log('connected'))
let said = 0
socket.on('data', (data) => console.log(String(data))).on('close', () => console.log('closed')).on('error', () => {})
process.on('SIGUSR1', () => socket.write('word' + ++said))
setInterval(() => socket.write('.'), 50)`

interface Ruleset { readonly nftables: readonly Readonly<Record<string, { readonly name?: string, readonly handle?: number, readonly elem?: readonly unknown[] }>>[] }
/** Every element of every set and map of ours, and everything else but the counters. */
async function elements (ns: TestNamespace): Promise<string[]> {
  const { nftables } = JSON.parse(await ns.must('nft', ['-j', 'list', 'table', 'inet', 'netwright'])) as Ruleset
  return nftables.flatMap((item) => Object.entries(item).flatMap(([kind, { elem = [], ...rest }]) => [
    ...elem.map((one) => `${rest.name ?? ''} ${JSON.stringify(one)}`), ...kind === 'set' || kind === 'map' ? [] : [JSON.stringify({ [kind]: rest })],
  ])).sort()
}
const changed = (before: readonly string[], now: readonly string[]): string[] => [...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`), ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)]

/** `+ dnatall4 8080 81`: the host's port and the guest's. */
const short = (line: string): string => line.replace(/^(.) (\w+) .*?(\d+)\D+(?:\d+\.){3}\d+\D+(\d+)\D*$/, '$1 $2 $3 $4')
const ask = `
const [address, port] = process.argv.slice(1)
const socket = require('net').connect({ host: address, port: Number(port) }, () => socket.write('hello'))
const done = (text) => { console.log(text); process.exit(0) }
socket.on('data', (data) => { socket.resetAndDestroy(); done(String(data).split(' ')[0]) }).on('error', (error) => done(error.code))
setTimeout(() => done('ETIMEDOUT'), 30000)`
/** Which port of the guest answers. */
const says = async (from: Namespace, port: number): Promise<string> => (await from.must(process.execPath, ['-e', ask, HOST.four, String(port)], { env })).trim()

kernelTest(test, 'apply: a forward that a file adds, changes and names no more is the smallest difference, and cuts nobody else off', async (bed) => {
  const { ns } = bed
  const outside = await plainUplink(bed)
  const guest = await ns.add()
  await using open = await host(bed, { supervise: false })
  const file = (...forwards: readonly string[]): object => ({ networks: [{
    name: 'red', forward: 'nat', subnet: '10.66.0.0/24', bridge: 'nwred', dns: { enable: false }, ...forwards.length === 0 ? {} : { forwards },
    ports: [{ kind: 'veth', netns: guest.path, hostDev: 'nwguest', address: '10.66.0.10', defaultRoute: true }],
  }] })
  const first = file('8080/tcp 10.66.0.10:81', '8081/tcp 10.66.0.10:81')
  await open.apply(first, { source })
  assert.equal(words(await open.plan(first, { source })), [], 'a second time there is nothing to do')
  const server = guest.spawn(process.execPath, ['-e', echo], { env })
  await server.until(/listening on 82/)
  await server.until(/listening on 81/)
  // The kernel notices carriers a moment later.
  await eventually('carriers', async () => { const shown = await ns.must('ip', ['-br', 'link']); return /^nwred +UP /m.test(shown) && /^nwguest\S* +UP /m.test(shown) ? true : undefined })
  const links = await ns.must('ip', ['-d', '-br', 'link'])
  const [stays, ends] = [8080, 8081].map((port) => outside.spawn(process.execPath, ['-e', talk, HOST.four, String(port)], { env }))
  if (stays === undefined || ends === undefined) throw new Error('nobody to talk')
  let word = 0
  const heard = async (): Promise<void> => {
    process.kill(stays.pid, 'SIGUSR1')
    await stays.until(new RegExp(`word${String(++word)}`))
    assert.not.match(stays.output(), /closed/)
  }
  await stays.until(/heard/)
  await ends.until(/heard/)
  /** Each forward by its part of the plan, and by the elements that went and came. */
  const step = async (forwards: readonly string[], parts: readonly string[], elems: readonly string[]): Promise<void> => {
    const before = await elements(ns)
    const plan = await open.plan(file(...forwards), { source })
    assert.equal(words(plan), ['redefine network red: none', `change network red while it runs: ${parts.some((part) => part.endsWith('outage')) ? 'outage' : 'none'}`])
    assert.equal(plan.changes.flatMap((change) => change.parts ?? []).map(({ what, interrupts }) => `${what}: ${interrupts}`), parts)
    await open.apply(plan)
    assert.equal(changed(before, await elements(ns)).map(short).sort(), elems)
    await heard()
    assert.is(await ns.must('ip', ['-d', '-br', 'link']), links, 'no link was touched')
    assert.equal(words(await open.plan(file(...forwards), { source })), [])
  }
  const [one, other, range] = ['8080/tcp 10.66.0.10:81', '8081/tcp 10.66.0.10:81', '9000-9002/tcp 10.66.0.10:81'] as const
  await step([one, other, range], ['forward 9000-9002/tcp: none'], ['+ dnatall4 9000 81', '+ dnatall4 9001 82', '+ dnatall4 9002 83'])
  assert.equal([await says(outside, 9000), await says(outside, 9001)], ['81', '82'])
  await step([one, other, '9000-9001/tcp 10.66.0.10:81'], ['forward 9000-9001/tcp: none', 'forward 9000-9002/tcp: outage'], ['- dnatall4 9002 83'])
  assert.equal([await says(outside, 9001), await says(outside, 9002)], ['82', 'ECONNREFUSED'])
  assert.not.match(ends.output(), /closed/)
  await step([one, '8081/tcp 10.66.0.10:82', '9000-9001/tcp 10.66.0.10:81'], ['forward 8081/tcp: outage'], ['+ dnatall4 8081 82', '- dnatall4 8081 81'])
  await ends.until(/closed/)
  assert.is(await says(outside, 8081), '82')
  await step([one], ['forward 8081/tcp: outage', 'forward 9000-9001/tcp: outage'], ['- dnatall4 8081 82', '- dnatall4 9000 81', '- dnatall4 9001 82'])
  assert.is(await says(outside, 8081), 'ECONNREFUSED')
  await open.apply(await open.plan(file(), { source }))
  await stays.until(/closed/)
  assert.equal((await elements(ns)).filter((line) => line.startsWith('dnat')), [])
  server.child.kill('SIGTERM')
  await server.until(/reset/)
  await open.apply({ networks: [{ name: 'red' }] }, { remove: true })
}, { needs: ['nft'] })

test.run()
