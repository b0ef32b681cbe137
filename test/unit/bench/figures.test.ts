import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { figure, passes, row, table } from '../../../bench/figures.js'
import { percentile } from '../../../bench/loop.js'

test('figures: the median is the middle one, or the mean of the two in the middle', () => {
  assert.equal(figure([3, 1, 2]), { median: 2, least: 1, most: 3, runs: 3 })
  assert.equal(figure([4, 1, 2, 10]), { median: 3, least: 1, most: 10, runs: 4 })
})

test('figures: with a peer the ratio of the medians is held against the bound, that of the least is told', () => {
  const one = row({ row: 'x', unit: 'ms', ours: [9, 10, 90], peer: ['ip', [8, 10, 11]], atMost: 1 })
  assert.equal([one.ratio, one.leastRatio], [1, 9 / 8])
  assert.is(passes(one), true)
  assert.is(passes({ ...one, atMost: 0.99 }), false)
  assert.is(passes(row({ row: 'x', unit: 'ms', ours: [8, 20, 90], peer: ['ip', [8, 10, 11]], atMost: 1 })), false)
})

test('figures: without a peer the median is held against the bound', () => {
  assert.is(passes(row({ row: 'delay', unit: 'ms', ours: [1, 11, 12], atMost: 10 })), false)
  assert.is(passes(row({ row: 'delay', unit: 'ms', ours: [1, 2, 90], atMost: 10 })), true)
  assert.is(passes(row({ row: 'delay', unit: 'ms', ours: [1000] })), true)
})

test('figures: a bound can be one from below', () => {
  assert.is(passes(row({ row: 'rate', unit: 'networks/s', ours: [299], atLeast: 300 })), false)
  assert.is(passes(row({ row: 'rate', unit: 'networks/s', ours: [301], atLeast: 300 })), true)
  assert.is(passes(row({ row: 'rate', unit: 'packets/s', ours: [89], peer: ['few', [100]], atLeast: 0.9 })), false)
})

test('figures: a bound of which nothing could be measured is missed', () => {
  assert.is(passes({ row: 'x', unit: 'ms', missing: 'no libvirt', atMost: 1 }), false)
  assert.is(passes({ ...row({ row: 'x', unit: 'ms', ours: [1], atMost: 1 / 25 }), missing: 'no libvirt' }), false)
  assert.is(passes({ row: 'x', unit: 'ms', missing: 'no libvirt' }), true)
})

test('figures: the table names the row that misses its bound', () => {
  const text = table([row({ row: 'good', unit: 'ms', ours: [1], atMost: 2 }), row({ row: 'bad', unit: 'ms', ours: [3], atMost: 2 })])
  assert.match(text, /good .* kept/)
  assert.match(text, /bad .* MISSED/)
  assert.is(new Set(text.split('\n').map((line) => line.length)).size, 1, 'its columns are aligned')
})

test('figures: a percentile is over the ticks of all runs together', () => {
  const delay = (late: [number, number][]): { longest: number, held: number, late: [number, number][] } => ({ longest: 0, held: 0, late })
  assert.is(percentile([delay([[0, 90], [10, 9], [50, 1]])], 0.99), 1)
  assert.is(percentile([delay([[0, 99]]), delay([[50, 1]])], 0.99), 0)
  assert.is(percentile([delay([[0, 97]]), delay([[20, 1], [50, 2]])], 0.99), 5)
})

test.run()
