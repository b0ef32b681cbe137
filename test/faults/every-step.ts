/** The four kinds of faults, at every step of an operation. */
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../src/errors.js'
import { kernelTest } from '../harness/kernel-test.js'
import { settle } from '../harness/snapshot.js'
import { bed, codeOf, lost, same, thrown, withHost, type Bed } from './bed.js'
import type { OperationName } from './operations.js'
import { state } from './state.js'

const fault = (at: string): Error => new Error(`fault at ${at}`)
/** Steps that take something away: of an undo, a recovery, or a stop. */
const isUndo = (step: string): boolean => step.startsWith('remove ') || step === 'dig a grave' || step === 'close the record'
/** Steps behind the scenes, after the names are free: nobody is told, and the next host goes on. On a busy machine they come between others. */
const isLater = (step: string): boolean => step === 'look at links' || step === 'delete buried links' || step === 'close the grave'

interface Failing { readonly hook: (step: string) => void, /** The steps that were taken. */ readonly seen: string[] }
/** Throws at the nth step, and where `alsoUndo` is given at that undo step behind it. */
function failing (at: number, alsoUndo?: string): Failing {
  const seen: string[] = []
  return { seen, hook: (step) => {
    seen.push(step)
    if (seen.length === at || (seen.length > at && step === alsoUndo)) throw fault(step)
  } }
}

async function failAt (at: number, { place, operation, before, steps, open, next, restore }: Bed): Promise<void> {
  const where = `step ${String(at)}, ${steps[at - 1] ?? '?'}`
  const fail = failing(at)
  const host = await open({ hook: (step) => { fail.hook(step) } })
  try {
    const error: unknown = await operation.run(host, place).then(() => undefined, (reason: unknown) => reason)
    if (error === undefined) {
      await host.close()
      assert.ok(isLater(fail.seen[at - 1] ?? steps[at - 1] ?? ''), `${where}: nothing was thrown`)
      assert.is(await next('host'), 'after', where)
      await restore('after')
      return
    }
    if (operation.onward === true && isUndo(fail.seen[at - 1] ?? '')) {
      assert.is(codeOf(error), 'NETWRIGHT_UNDO_INCOMPLETE', where)
      assert.is(await next('host'), 'after', where)
      await restore('after')
      return
    }
    assert.match(error instanceof Error ? error.message : '', 'fault at', where)
    await host.settled()
    same(`what stands after a failure at ${where}`, lost(operation, await settle(before, async () => await state(place))))
    await operation.run(host, place)
  } finally { await host.close() }
  assert.is(await next('host'), 'after', where)
  await restore('after')
}

async function failUndo (also: string, { place, operation, steps, next, restore }: Bed): Promise<void> {
  const fail = failing(steps.length, also)
  const error = await withHost(place, { hook: fail.hook }, async (host) => await thrown(async () => await operation.run(host, place)))
  assert.is(codeOf(error), 'NETWRIGHT_UNDO_INCOMPLETE', also)
  assert.ok(error instanceof NetwrightError && (error.left ?? []).length > 0, `${also}: nothing is named`)
  assert.match(error.message, steps[steps.length - 1] ?? '?', `${also}: the first reason is named`)
  assert.is(await next('command line'), 'before', also)
  await restore('before')
}

async function killAt (at: number, { steps, killed, next, restore }: Bed): Promise<void> {
  const where = `killed at step ${String(at)}, ${steps[at - 1] ?? '?'}`
  const { code, stderr } = await killed(at)
  assert.is(code, -1, `${where}: ${stderr}`)
  const stands = await next(at % 2 === 0 ? 'host' : 'command line').catch((error: unknown) => { throw new Error(`${where}: ${String(error)}`) })
  await restore(stands)
}

/** Killed at the last step, then in each step of every recovery, until one comes to its end. */
async function killRecovery ({ steps, killed, next, restore }: Bed): Promise<number> {
  assert.is((await killed(steps.length)).code, -1)
  for (let step = 1; ; step++) {
    const { code, stderr } = await killed(step, { recover: true })
    if (code === 0) { await restore(await next('host')); return step }
    assert.is(code, -1, stderr)
    assert.ok(step < 20, 'recovery does not come to its end')
  }
}

/** Fails at the last step, then is killed in each step of the undo, until one undo comes to its end. */
async function killUndo ({ steps, killed, next, restore }: Bed): Promise<void> {
  for (let step = steps.length + 1; ; step++) {
    const { code, stderr } = await killed(step, { fail: steps.length })
    const stands = await next('host')
    assert.is(stands, 'before', `killed at step ${String(step)} of the undo`)
    await restore(stands)
    if (code === 3) return
    assert.is(code, -1, stderr)
    assert.ok(step < 40, 'the undo does not come to its end')
  }
}

/** Registers the tests of one operation. */
export function everyStep (test: Test, name: OperationName): void {
  const needs = { needs: ['dnsmasq', 'nft', 'tun'] }
  kernelTest(test, `${name}: fails at every step, is undone, and then succeeds`, async (context) => {
    await bed(name, context, async (stand) => { for (let at = 1; at <= stand.steps.length; at++) await failAt(at, stand) })
  }, needs)
  kernelTest(test, `${name}: is killed at every step, and the next command leaves it complete or gone`, async (context) => {
    await bed(name, context, async (stand) => {
      for (let at = 1; at <= stand.steps.length; at++) await killAt(at, stand)
      console.log(`${name}: ${String(stand.steps.length)} steps: ${stand.steps.join(', ')}`)
    })
  }, needs)
}

/** Registers the tests of faults within faults. */
export function doubleFaults (test: Test, name: OperationName, undo: readonly string[]): void {
  const needs = { needs: ['dnsmasq', 'nft', 'tun'] }
  if (undo.length > 0) {
    kernelTest(test, `${name}: what an undo that fails too leaves is named, and removed by the next command`, async (context) => {
      await bed(name, context, async (stand) => { for (const step of undo) await failUndo(step, stand) })
    }, needs)
    kernelTest(test, `${name}: an undo that is killed at any step is finished by the next command`, async (context) => { await bed(name, context, killUndo) }, needs)
  }
  kernelTest(test, `${name}: a recovery that is killed again and again comes to its end`, async (context) => {
    await bed(name, context, async (stand) => { await killRecovery(stand) })
  }, needs)
}
