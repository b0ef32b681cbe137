import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mapSlowly, pacer } from '../../../src/netlink/breathe.js'

/** Keeps the processor busy. */
function burn (milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until) { /* nothing else */ }
}

test('mapSlowly: every result in its place, each item once', async () => {
  assert.equal(await mapSlowly(['a', 'b', undefined], (item, index) => `${index}${String(item)}`), ['0a', '1b', '2undefined'])
  assert.equal(await mapSlowly([], () => 1), [])
})

test('mapSlowly: others have their turn while it works', async () => {
  let turns = 0
  let on = true
  const other = (): void => { turns++; if (on) setImmediate(other) }
  setImmediate(other)
  await mapSlowly(Array.from({ length: 12 }), () => { burn(1) })
  on = false
  assert.ok(turns >= 3, String(turns))
})

test('mapSlowly: what the work throws is thrown', async () => {
  let calls = 0
  await mapSlowly([1, 2, 3], () => { if (++calls === 2) throw new RangeError('two') }).then(() => { assert.unreachable() }, (error: unknown) => { assert.instance(error, RangeError) })
  assert.is(calls, 2)
})

test('pacer: nothing to wait for within its time', async () => {
  const pace = pacer(1000)
  assert.is(pace(), undefined)
  const eager = pacer(1)
  burn(1.5)
  assert.instance(eager(), Promise)
  await Promise.resolve()
})

test.run()
