/** Host bridges: whoever dies at whatever moment, the connection is back, and everything is as before, byte for byte. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { openHost } from '../../src/index.js'
import { background, exec, type Background } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { networkState, type Snapshot } from '../harness/snapshot.js'
import { eventually } from './bed.js'
import { differs, nic, stateOf, traffic, unplug } from './host-bridge-bed.js'
import type { Order } from './host-bridge-worker.js'
import { filesBelow, pidsOf } from './lifetime-bed.js'

const worker = started(new URL('host-bridge-worker.js', import.meta.url))
const env = { NODE_V8_COVERAGE: '' }
const order = ({ ns, tmp }: KernelTest, wanted: Pick<Order, 'verb'> & Partial<Order>): string => JSON.stringify({ netns: ns.path, root: join(tmp, 'root'), ...wanted } satisfies Order)

const workers = new Set<Background>()
function start (context: KernelTest, wanted: Pick<Order, 'verb'> & Partial<Order>): Background {
  const one = background(process.execPath, [worker, order(context, wanted)], { env })
  workers.add(one)
  return one
}

/** A test whose processes end with it, whatever happens. */
function faults (name: string, body: (context: KernelTest) => Promise<void>): void {
  kernelTest(test, `host bridge: ${name}`, async (context) => {
    try { await body(context) } finally {
      for (const one of workers) await one.stop('SIGKILL')
      workers.clear()
    }
  })
}

/** The steps of one that is kept. */
async function stepsOf (context: KernelTest, verb: 'create' | 'remove'): Promise<string[]> {
  const { code, stdout, stderr } = await exec(process.execPath, [worker, order(context, { verb, confirmWithin: 0 })], { env })
  assert.is(code, 0, stderr)
  return [...stdout.matchAll(/^step \d+ (.*)$/gm)].map(([, step = '']) => step)
}

/** Waits until nobody is at it any more, then looks at everything. */
async function back ({ ns, tmp }: KernelTest, before: Snapshot, what: string, files: readonly string[] = []): Promise<void> {
  let left: readonly string[] = []
  try {
    await eventually('the end of the watcher', async () => (await pidsOf('netwright-reaper')).length + (await pidsOf('take-back.js')).length === 0 ? true : undefined)
    await eventually(what, async () => (left = differs(before, await stateOf(ns))).length === 0 ? true : undefined)
  } catch (error) { throw new Error(`${what}: ${String(error)}\n${left.join('\n')}`) }
  assert.equal([...await filesBelow(join(tmp, 'root')), ...await filesBelow('/run/netwright')], files, what)
}

faults('a creator that is killed at any step leaves nothing, without a next command', async (context) => {
  const router = await nic(context)
  const steps = await stepsOf(context, 'create')
  await using host = await openHost({ netns: context.ns.path, root: join(context.tmp, 'root'), supervise: false })
  await (await host.hostBridge.remove('br0')).outcome
  await host.close()
  const before = await stateOf(context.ns)
  const flow = await traffic(context, router)
  for (let kill = 1; kill <= steps.length; kill++) {
    const what = `killed at step ${String(kill)}, ${steps[kill - 1] ?? ''}`
    assert.is(await start(context, { verb: 'create', kill }).ended(), -1, what)
    await back(context, before, what)
  }
  const { lost, lost6, sent } = await flow.end()
  console.log(`create: ${String(steps.length)} steps: ${steps.join(', ')}; ${String(lost)} and ${String(lost6)} of ${String(sent)} pings lost`)
  assert.ok(lost <= 20 * steps.length && lost6 <= 20 * steps.length, `${String(lost)} and ${String(lost6)} of ${String(sent)} pings were lost in ${String(steps.length)} changes`)
  await unplug(context)
})

faults('a creator that fails at any step has undone everything when it says so', async (context) => {
  await nic(context)
  const steps = await stepsOf(context, 'create')
  await (await openHost({ netns: context.ns.path, root: join(context.tmp, 'root'), supervise: false }).then(async (host) => { await (await host.hostBridge.remove('br0')).outcome; return host })).close()
  const before = await stateOf(context.ns)
  for (let fail = 1; fail <= steps.length; fail++) {
    const what = `fault at step ${String(fail)}, ${steps[fail - 1] ?? ''}`
    const { code, stderr } = await exec(process.execPath, [worker, order(context, { verb: 'create', fail })], { env })
    assert.is(code, 1, what)
    assert.match(stderr, /fault at/, what)
    await back(context, before, what)
  }
  await unplug(context)
})

faults('nobody confirms, or the probe is not content, or the creator dies on trial: all is as before', async (context) => {
  const router = await nic(context)
  const before = await stateOf(context.ns)
  const flow = await traffic(context, router)
  const late = start(context, { verb: 'create', confirmWithin: 3 })
  await late.until(/^taken back$/m)
  await late.ended()
  await back(context, before, 'not confirmed')
  const refused = await exec(process.execPath, [worker, order(context, { verb: 'create', probe: 'refuses' })], { env })
  assert.match(refused.stderr, /NETWRIGHT_PROBE_FAILED/)
  await back(context, before, 'the probe is not content')
  const dying = start(context, { verb: 'create' })
  await dying.until(/^trial$/m)
  await dying.stop('SIGKILL')
  await back(context, before, 'killed on trial')
  const stopped = start(context, { verb: 'create', confirmWithin: 3 })
  await stopped.until(/^trial$/m)
  stopped.child.kill('SIGSTOP') // one that hangs can take nothing back
  await eventually('the watcher\'s work', async () => differs(before, await stateOf(context.ns)).length === 0 ? true : undefined)
  stopped.child.kill('SIGCONT')
  await stopped.until(/^taken back$/m)
  await stopped.ended()
  await back(context, before, 'the creator hangs')
  const { lost, lost6, sent } = await flow.end()
  assert.ok(lost <= 80 && lost6 <= 80, `${String(lost)} and ${String(lost6)} of ${String(sent)} pings were lost in four changes`)
  await unplug(context)
})

faults('a watcher that is killed is replaced, and when all are killed at once the next command takes everything back', async (context) => {
  await nic(context)
  const before = await stateOf(context.ns)
  const creator = start(context, { verb: 'create' })
  await creator.until(/^trial$/m)
  const [first] = await pidsOf('netwright-reaper')
  if (first === undefined) throw new Error('there is no watcher')
  process.kill(first, 'SIGKILL')
  const next = await eventually('another watcher', async () => (await pidsOf('netwright-reaper')).find((pid) => pid !== first))
  creator.child.kill('SIGSTOP') // so that it starts no third one
  process.kill(next, 'SIGKILL')
  await creator.stop('SIGKILL')
  assert.ok(differs(before, await stateOf(context.ns)).length > 0)
  const { code, stderr } = await exec(process.execPath, [worker, order(context, { verb: 'open' })], { env })
  assert.is(code, 0, stderr)
  await back(context, before, 'the next command')
  await unplug(context)
})

faults('an undo that is killed at any step is finished by the next', async (context) => {
  await nic(context)
  const before = await stateOf(context.ns)
  for (let kill = 1; ; kill++) {
    const creator = start(context, { verb: 'create' })
    await creator.until(/^trial$/m)
    const watchers = await pidsOf('netwright-reaper')
    creator.child.kill('SIGSTOP')
    for (const pid of watchers) process.kill(pid, 'SIGKILL')
    await creator.stop('SIGKILL')
    const { code } = await exec(process.execPath, [worker, order(context, { verb: 'open', kill })], { env })
    if (code !== 0) await exec(process.execPath, [worker, order(context, { verb: 'open' })], { env })
    await back(context, before, `the undo was killed at step ${String(kill)}`)
    if (code === 0) break
    assert.ok(kill < 10, 'the undo does not come to its end')
  }
  await unplug(context)
})

faults('a removal that is killed or fails at any step leaves the bridge as it was', async (context) => {
  const router = await nic(context)
  const steps = await stepsOf(context, 'create').then(async () => {
    const seen = await stepsOf(context, 'remove')
    await stepsOf(context, 'create')
    return seen
  })
  const before = await networkState(context.ns.name)
  const flow = await traffic(context, router)
  for (let kill = 1; kill <= steps.length; kill++) {
    const what = `killed at step ${String(kill)}, ${steps[kill - 1] ?? ''}`
    assert.is(await start(context, { verb: 'remove', kill }).ended(), -1, what)
    let left: readonly string[] = []
    await eventually(what, async () => {
      const busy = (await pidsOf('netwright-reaper')).length + (await pidsOf('take-back.js')).length
      left = differs(before, await networkState(context.ns.name))
      return busy === 0 && left.length === 0 ? true : undefined
    }).catch((error: unknown) => { throw new Error(`${what}: ${String(error)}\n${left.join('\n')}`) })
  }
  const { lost, lost6, sent } = await flow.end()
  console.log(`remove: ${String(steps.length)} steps: ${steps.join(', ')}; ${String(lost)} and ${String(lost6)} of ${String(sent)} pings lost`)
  await stepsOf(context, 'remove')
  await unplug(context)
})

test.run()
