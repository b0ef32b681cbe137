import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { definitions, fill, hanging } from '../../../../src/cli/print/fill.js'

test('fill: breaks between words, never beyond the columns; a longer word stands alone', () => {
  assert.equal(fill('one two three', 7), ['one two', 'three'])
  assert.equal(fill('a longest-word-of-all b', 7), ['a', 'longest-word-of-all', 'b'])
  assert.equal(fill('網路 網路', 8), ['網路', '網路'])
})

test('fill: an empty line separates paragraphs, any other break is a space', () => {
  assert.equal(fill('one\ntwo\n\nthree', 20), ['one two', '', 'three'])
  assert.equal(fill('', 20), [''])
})

test('definitions: texts stand in one column; a term that is too wide is followed by its text on the next line', () => {
  assert.equal(definitions([['a', 'x'], ['bbb', 'y']]), ['  a    x', '  bbb  y'])
  assert.equal(definitions([['a', 'x'], ['bbb', 'y']], { most: 2 }), ['  a  x', '  bbb', '     y'])
  const [first, second] = definitions([['a', 'word '.repeat(20)]])
  assert.ok(first !== undefined && first.length <= 80)
  assert.match(second ?? '', /^ {5}word/)
})

test('hanging: what does not fit continues under the first word', () => {
  const lines = hanging('net-list', Array.from({ length: 12 }, () => '[--inactive]'), 4)
  assert.match(lines[0] ?? '', /^ {4}net-list \[/)
  assert.match(lines[1] ?? '', /^ {13}\[/)
  for (const line of lines) assert.ok(line.length <= 80)
})

test.run()
