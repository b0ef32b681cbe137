import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { figure, passes, row, table } from '../../../bench/figures.js'

test('figures: the median is the middle one, or the mean of the two in the middle', () => {
  assert.equal(figure([3, 1, 2]), { median: 2, least: 1, most: 3, runs: 3 })
  assert.equal(figure([4, 1, 2, 10]), { median: 3, least: 1, most: 10, runs: 4 })
})

test('figures: with a peer the ratio of the medians, or of the least, is held against the bound', () => {
  const one = row({ row: 'x', unit: 'ms', ours: [9, 10, 90], peer: ['ip', [8, 10, 11]], bound: 1 })
  assert.equal([one.ratio, one.leastRatio], [1, 9 / 8])
  assert.is(passes(one), true)
  assert.is(passes({ ...one, bound: 0.99 }), false)
  assert.is(passes(row({ row: 'x', unit: 'ms', ours: [8, 20, 90], peer: ['ip', [8, 10, 11]], bound: 1 })), true)
})

test('figures: without a peer the median is held against the bound', () => {
  assert.is(passes(row({ row: 'delay', unit: 'ms', ours: [1, 11, 12], bound: 10 })), false)
  assert.is(passes(row({ row: 'delay', unit: 'ms', ours: [1, 2, 90], bound: 10 })), true)
  assert.is(passes(row({ row: 'delay', unit: 'ms', ours: [1000] })), true)
})

test('figures: the table names the row that misses its bound', () => {
  const text = table([row({ row: 'good', unit: 'ms', ours: [1], bound: 2 }), row({ row: 'bad', unit: 'ms', ours: [3], bound: 2 })])
  assert.match(text, /good .* kept/)
  assert.match(text, /bad .* MISSED/)
  assert.is(new Set(text.split('\n').map((line) => line.length)).size, 1, 'its columns are aligned')
})

test.run()
