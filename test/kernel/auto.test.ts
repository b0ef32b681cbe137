/** Subnets that are chosen: never one that somebody else has, however many choose at the same moment. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../src/index.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'
import { host } from './bed.js'

/** Every IPv4 subnet on a bridge: `virbr3 10.128.3.0/24`. */
async function subnets (ns: Namespace): Promise<string[]> {
  const routes = await ns.json<readonly { dst: string, dev: string, protocol: string }[]>('ip', ['-j', '-4', 'route', 'show', 'proto', 'kernel'])
  return routes.map(({ dst }) => dst).sort()
}
const code = async (attempt: Promise<unknown>): Promise<string> => await attempt.then(() => 'done', (error: unknown) => error instanceof NetwrightError ? error.code : String(error))

const program = `
const [index, netns, root, owner, name] = process.argv.slice(1)
const { openHost } = await import(index)
const host = await openHost({ netns, root, owner, supervise: false, lockTimeout: 120000 })
console.log('ready')
await new Promise((go) => process.stdin.once('data', go))
try {
  const network = await host.create({ name, forward: 'nat', subnet: 'auto/24', dns: { enable: false } })
  console.log('made', (await network.info()).addresses[0], (await network.info()).bridge)
} catch (error) { console.log('failed', error.code, error.message) }
await host.close()
process.exit(0)`

kernelTest(test, 'auto: 32 processes of four owners at once take 32 different subnets and bridges', async ({ ns, tmp }) => {
  const { spawn } = await import('node:child_process')
  const owners = ['system', 'rig', 'ci', 'lab']
  const index = new URL('../../src/index.js', import.meta.url).href
  // Half of the owners share a root, half do not.
  const rootOf = (owner: string): string => owner === 'ci' || owner === 'lab' ? `${tmp}/${owner}` : tmp
  const children = Array.from({ length: 32 }, (_, i) => {
    const owner = owners[i % owners.length] ?? ''
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, index, ns.path, rootOf(owner), owner, `n${String(i)}`], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_V8_COVERAGE: '', NODE_OPTIONS: '' } })
    let text = ''
    let wake: () => void = () => undefined
    child.stdout.setEncoding('utf8').on('data', (data: string) => { text += data; wake() })
    const ended = new Promise<void>((resolve) => { child.once('close', () => { resolve(); wake() }) })
    return { child, ended, said: () => text, ready: new Promise<void>((resolve) => { wake = () => { if (text.includes('ready') || child.exitCode !== null) resolve() } }) }
  })
  await Promise.all(children.map(({ ready }) => ready))
  for (const { child } of children) child.stdin.write('go\n')
  await Promise.all(children.map(({ ended }) => ended))
  const said = children.map(({ said: text }) => text().replace('ready\n', '').trim())
  for (const line of said) assert.match(line, /^made \d+\.\d+\.\d+\.1\/24 virbr\d+$/)
  const gateways = said.map((line) => line.split(' ')[1])
  const bridges = said.map((line) => line.split(' ')[2])
  assert.is(new Set(gateways).size, 32, gateways.join(' '))
  assert.is(new Set(bridges).size, 32, bridges.join(' '))
  assert.is(new Set(await subnets(ns)).size, 32)
  for (const owner of owners) {
    await using open = await host({ ns, tmp }, { owner, root: rootOf(owner) })
    const mine = await open.networks()
    assert.is(mine.length, 8)
    await Promise.all(mine.map(async ({ name }) => { await (await open.network(name)).destroy() }))
  }
  assert.equal(await subnets(ns), [])
}, { needs: ['nft'] })

kernelTest(test, 'auto: pools are respected, and so are routes, networks and definitions of every owner', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context, { pools: ['10.99.0.0/22', '10.98.4.0/24'] })
  await using other = await host(context, { owner: 'rig' })
  await ns.must('ip', ['route', 'add', '10.99.0.128/25', 'dev', 'lo'])
  const stored = await other.define({ name: 'stored', subnet: '10.99.2.0/24' })
  const auto = (name: string): { name: string, subnet: string, dns: { enable: false } } => ({ name, subnet: 'auto/24', dns: { enable: false } })
  const made = [await open.create(auto('a')), await open.create(auto('b')), await open.create(auto('c'))]
  assert.equal((await Promise.all(made.map(async (network) => (await network.info()).addresses[0]))), ['10.99.1.1/24', '10.99.3.1/24', '10.98.4.1/24'])
  assert.is(await code(open.create(auto('d'))), 'NETWRIGHT_NO_FREE_SUBNET')
  assert.is(await code(open.create([auto('e'), auto('f')])), 'NETWRIGHT_NO_FREE_SUBNET')
  assert.equal((await open.networks()).map(({ name }) => name), ['a', 'b', 'c'], 'nothing of them is left')
  await made[1]?.destroy()
  assert.is(await code(open.create([auto('e'), auto('f')])), 'NETWRIGHT_NO_FREE_SUBNET', 'one is not enough for two')
  const half = await open.create({ name: 'half', subnet: 'auto/26' })
  assert.is((await half.info()).addresses[0], '10.99.0.1/26', 'what is left beside the route')
  for (const network of [made[0], made[2], half]) await network?.destroy()
  await stored.undefine()
  await ns.must('ip', ['route', 'del', '10.99.0.128/25', 'dev', 'lo'])
  assert.is(await code(host({ ns, tmp }, { pools: ['10.0.0.0/33'] })), 'NETWRIGHT_INVALID')
}, { needs: ['nft'] })

kernelTest(test, 'auto: a subnet is chosen once and kept for life; one that was taken meanwhile is refused by name', async (context) => {
  const { ns } = context
  await using open = await host(context)
  const network = await open.define({ name: 'job', subnet: 'auto/24', dhcp: true })
  const [address = ''] = (await network.info()).addresses
  assert.match(address, /^10\.128\.0\.1\/24$/)
  const { ip: [ip] } = await network.spec()
  assert.equal(ip?.dhcp?.range, [{ start: '10.128.0.2', end: '10.128.0.254' }])
  await open.define({ name: 'job', subnet: 'auto/24', dhcp: true })
  assert.equal((await network.info()).addresses, [address], 'defined again')
  await ns.must('ip', ['link', 'add', 'stranger', 'type', 'bridge'])
  await ns.must('ip', ['addr', 'add', '10.128.0.77/16', 'dev', 'stranger'])
  await ns.must('ip', ['link', 'set', 'stranger', 'up'])
  const error = await network.start().catch((reason: unknown) => reason)
  assert.ok(error instanceof NetwrightError && error.code === 'NETWRIGHT_SUBNET_IN_USE', String(error))
  assert.match(`${error.message} ${JSON.stringify(error.conflict)}`, /stranger/)
  const free = await open.create({ name: 'other', subnet: 'auto/24' })
  assert.is((await free.info()).addresses[0], '10.129.0.1/24', 'beyond the stranger\'s')
  await free.destroy()
  await network.undefine()
  await ns.must('ip', ['link', 'del', 'stranger'])
}, { needs: ['dnsmasq', 'nft'] })

test.run()
