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

test('pacer: all that is under way at once takes one portion of a turn, and everybody gets on', async () => {
  const order: number[] = []
  let turns = 0
  let on = true
  const other = (): void => { turns++; if (on) setImmediate(other) }
  setImmediate(other)
  await Promise.all([0, 1, 2, 3].map(async (who) => await mapSlowly(Array.from({ length: 3 }), () => { order.push(who); burn(2.5) })))
  on = false
  assert.ok(turns >= 9, String(turns)) // each item fills a turn; the first and the last may come before `other` has its own
  assert.equal(order.toSorted(), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
  assert.equal(new Set(order.slice(4, 8)).size, 4, 'the second round comes before the third')
})

test.run()
