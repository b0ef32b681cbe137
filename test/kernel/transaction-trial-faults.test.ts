/** Transactions on trial: whoever dies at whatever moment, all is kept or as before. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openHost } from '../../src/engine/host.js'
import { exec, type Background } from '../harness/command.js'
import { difference } from '../harness/snapshot.js'
import { pidsOf } from './lifetime-bed.js'
import { env, trial, unwatched } from './transaction-trial-bed.js'
import { before as red, everything, going } from './transaction-trial-work.js'

const stepsOf = (worker: Background): string[] => [...worker.output().matchAll(/^step \d+ (.*)$/gm)].map(([, step = '']) => step)

trial('killed at any step from its watcher on it is all as before, without a next command', async ({ worker, back, other }) => {
  const first = worker({ confirmWithin: 60 })
  await first.until(/^trial$/m, 60_000)
  const steps = stepsOf(first)
  const from = steps.indexOf('start the watcher')
  assert.ok(from > 0 && steps.length > from + 2, steps.join())
  await first.stop('SIGKILL')
  await back('killed on trial')
  for (let kill = from + 1; kill <= steps.length; kill++) { // for those before see test/faults/transaction.test.ts
    const what = `killed at step ${String(kill)}, ${steps[kill - 1] ?? ''}`
    assert.is(await worker({ kill }).ended(), -1, what)
    if (kill === from + 1) await (await other()).close() // there is no watcher yet
    await back(what)
  }
  console.log(`${String(steps.length)} steps: ${steps.join(', ')}`)
})

trial('killed at any step of its confirmation it is kept or as before', async ({ worker, back, host, other }) => {
  const first = worker({ confirm: true })
  await first.until(/^kept$/m, 60_000)
  const steps = stepsOf(first)
  await first.ended()
  const again = async (): Promise<void> => {
    const next = await other()
    await (await next.network('coming')).destroy()
    await (await next.network('red')).detach('nwtap0')
    await (await next.network('red')).update(red)
    await next.create(going)
    await next.close()
  }
  await again()
  await back('the way back')
  for (let kill = steps.lastIndexOf('let the record stand') + 1; kill <= steps.length; kill++) {
    const what = `killed at step ${String(kill)}, ${steps[kill - 1] ?? ''}`
    assert.is(await worker({ confirm: true, kill }).ended(), -1, what)
    await unwatched()
    const names = (await host.networks()).map(({ name }) => name)
    if (names.includes('going')) assert.equal(names, ['going', 'red'], what)
    else {
      assert.equal(names, ['coming', 'red'], what)
      await again()
    }
    await back(what)
  }
})

trial('a watcher that is killed with its process leaves it to the next command, also when that is killed at any step', async ({ worker, back, other, look, before, guest }, { ns, tmp }) => {
  for (let kill = 1; ; kill++) {
    const dying = worker({})
    await dying.until(/^trial$/m, 60_000)
    dying.child.kill('SIGSTOP') // so that it starts no other
    for (const pid of await pidsOf('netwright-reaper')) process.kill(pid, 'SIGKILL')
    await dying.stop('SIGKILL')
    assert.ok(difference(before, await look()).length > 0)
    const { code: ended } = await exec(process.execPath, [fileURLToPath(new URL('../faults/child.js', import.meta.url)), JSON.stringify({ netns: ns.path, guest, root: join(tmp, 'root'), operation: '', step: kill })], { env })
    if (ended !== 0) await (await other()).close()
    await back(`the undo was killed at step ${String(kill)}`)
    if (ended === 0) break
    assert.ok(kill < 30, 'the undo does not come to its end')
  }
})

trial('one that hangs is taken back by its watcher, and the networks of a host that ends with its process stay whose they are', async ({ worker, back }) => {
  const hanging = worker({ confirmWithin: 3 })
  await hanging.until(/^trial$/m, 60_000)
  hanging.child.kill('SIGSTOP')
  await unwatched()
  await back('the watcher took it back')
  hanging.child.kill('SIGCONT')
  await hanging.until(/^taken back$/m)
  await hanging.ended()
  const mortal = worker({ lifetime: 'process' })
  await mortal.until(/^trial$/m, 60_000)
  await mortal.stop('SIGKILL')
  await back('its process has died, and what it had updated was not its own')
})

trial('one that fails at any step from its watcher on is undone when it says so', async ({ back, guest }, { ns, tmp }) => {
  for (const fault of ['start the watcher', 'write the journal of the trial', 'let the record stand', 'probe']) {
    const failing = await openHost({ netns: ns.path, root: join(tmp, 'root'), supervise: false }, { hook: (step) => { if (step === fault) throw new Error('fault') } })
    const message = await failing.transaction(everything({ guest }), { confirmWithin: 60, probe: 'none' }).then(() => 'nothing was thrown', String)
    assert.match(message, /fault/, fault)
    await failing.close()
    await back(`failed at ${fault}`)
  }
  for (const fault of ['write the journal of removals', 'confirm']) {
    let armed = true
    const failing = await openHost({ netns: ns.path, root: join(tmp, 'root'), supervise: false }, { hook: (step) => { if (armed && step === fault) throw new Error('fault') } })
    const pending = await failing.transaction(everything({ guest }), { confirmWithin: 60, probe: 'none' })
    assert.match(await pending.confirm().then(() => 'nothing was thrown', String), /fault/, fault)
    armed = false
    await pending.takeBack() // a confirmation that failed has decided nothing
    await failing.close()
    await back(`its confirmation failed at ${fault}`)
  }
})

test.run()
