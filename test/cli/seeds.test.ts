/** The tutorials S0 and S3, and the table of all rows; see tutorials.ts. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { replay, rows, tutorials } from './tutorials.js'

test('seeds: every row is there, in order, and has a command or a reason', () => {
  assert.equal(rows.map((row) => row.number), Array.from({ length: 54 }, (_, index) => index + 1))
  for (const { number, seed, kind, command, expected } of rows) {
    assert.ok(seed in tutorials, `row ${String(number)}: seed '${seed}'`)
    assert.ok(['run', 'not-ours', 'later'].includes(kind), `row ${String(number)}: kind '${kind}'`)
    assert.is.not(command.trim(), '', `row ${String(number)} has neither command nor reason`)
    if (kind === 'run') {
      assert.match(command, /netwright|^ip |^packets |^cat /, `row ${String(number)} runs nothing of ours`)
      assert.is.not(expected.trim(), '', `row ${String(number)} expects nothing`)
    }
  }
})

replay(test, ['S0', 'S3'])

test.run()
