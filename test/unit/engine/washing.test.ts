/** In which order links of the pool are laundered. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nextToWash, type Washable } from '../../../src/engine/washing.js'

interface One extends Washable { readonly name: string }
const one = (name: string, grave: object, state: Washable['state'] = 'soiled'): One => {
  const kind = name.startsWith('br') ? 'bridge' : 'tun'
  return { name, grave, state, link: { kind }, shape: kind }
}
const next = (links: readonly One[]): string[] => nextToWash(links).map(({ name }) => name)

test('washing: of a grave the ports first, then its bridges, older graves before younger ones', () => {
  const [old, young] = [{}, {}]
  const soiled = [one('br0', old), one('tap0', old), one('tap1', old), one('br1', young), one('tap2', young)]
  const nexts: string[][] = []
  for (let turn = 0; turn < 4; turn++) {
    const now = nextToWash(soiled)
    nexts.push(now.map(({ name }) => name))
    for (const link of now) link.state = 'clean'
  }
  assert.equal(nexts, [['tap0', 'tap1', 'tap2'], ['br0', 'br1'], [], []])
})

test('washing: no bridge while a port of its grave is being laundered, but those of other graves', () => {
  const [old, young] = [{}, {}]
  assert.equal(next([one('br0', old), one('tap0', old, 'washing')]), [])
  assert.equal(next([one('br0', old), one('tap0', old, 'washing'), one('br1', young)]), ['br1'])
  assert.equal(next([one('br0', old), one('tap0', old, 'clean'), one('br1', young), one('tap1', young)]), ['br0'])
  assert.equal(next([one('br0', old), one('tap0', old, 'washing'), one('br1', young), one('tap1', young)]), ['tap1'])
})

test('washing: one shape at a time, and not more than are read with one send', () => {
  const grave = {}
  const many = Array.from({ length: 40 }, (_, i) => one(`tap${String(i)}`, grave))
  assert.is(nextToWash(many).length, 32)
  assert.equal(next([{ ...one('tap0', grave), shape: 'tap of root' }, one('tap1', grave), { ...one('tap2', grave), shape: 'tap of root' }]), ['tap0', 'tap2'])
})

test.run()
