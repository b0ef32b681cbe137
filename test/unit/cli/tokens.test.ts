import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tokens } from '../../../src/cli/tokens.js'

const cases: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  ['', []],
  ['   # a comment', []],
  ['net-list --all', [['net-list', '--all']]],
  ['net-start a; net-info a ;', [['net-start', 'a'], ['net-info', 'a']]],
  ["net-start 'my net'", [['net-start', 'my net']]],
  ['net-start "my \\"net\\""', [['net-start', 'my "net"']]],
  ["net-start 'a;b' # why", [['net-start', 'a;b']]],
  ['net-start a\\ b', [['net-start', 'a b']]],
  ["x ''", [['x', '']]],
  ['a#b', [['a#b']]],
  ["it''s", [['its']]],
]

for (const [line, expected] of cases) test(`tokens: ${JSON.stringify(line)} is ${JSON.stringify(expected)}`, () => { assert.equal(tokens(line), expected) })

test('tokens: an open quote and a dangling backslash are errors in virsh\'s words', () => {
  assert.throws(() => tokens('net-start "a'), /missing "/)
  assert.throws(() => tokens('net-start a\\'), /dangling \\/)
})

test.run()
