import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { width } from '../../../../src/cli/print/escape.js'
import { paint } from '../../../../src/cli/print/strip.js'
import { wished } from '../../../../src/cli/top/run.js'
import { ratesOf, type NetworkCount, type NetworkRate } from '../../../../src/cli/top/sample.js'
import { keysIn } from '../../../../src/cli/top/screen.js'
import { frame, short, sorted, type Wishes } from '../../../../src/cli/top/view.js'

const zero = { rxPackets: 0, rxBytes: 0, rxErrors: 0, rxDropped: 0, multicast: 0, txPackets: 0, txBytes: 0, txErrors: 0, txDropped: 0 }
const count = (network: string, more: Partial<typeof zero>, ports: NetworkCount['ports'] = []): NetworkCount => ({ network, dev: `br-${network}`, state: 'active', leases: 0, counters: { ...zero, ...more }, ports })

test('top: rates are of the time between two samples, as the guest sees them; new links and links made anew have none', () => {
  const before = { at: 1_000, networks: [count('a', { rxBytes: 100, txBytes: 1_000, txPackets: 10, rxDropped: 1 }, [{ dev: 'vnet0', counters: zero }])] }
  const after = { at: 3_000, networks: [count('a', { rxBytes: 300, txBytes: 2_000, txPackets: 30, rxDropped: 4, txDropped: 2 }, [{ dev: 'vnet0', counters: { ...zero, rxPackets: 8 } }, { dev: 'vnet1', counters: { ...zero, rxBytes: 500 } }]), count('b', { rxBytes: 9 })] }
  const [a, b] = ratesOf(before, after)
  assert.equal([a?.inBits, a?.outBits, a?.inPackets, a?.outPackets, a?.drops], [4_000, 800, 10, 0, 5])
  assert.equal(a?.ports.map(({ outPackets, outBits }) => [outPackets, outBits]), [[4, 0], [0, 0]])
  assert.is(b?.outBits, 0)
  assert.equal(ratesOf(undefined, after).map(({ inBits }) => inBits), [0, 0])
  assert.is(ratesOf(after, { ...before, at: 4_000 })[0]?.inBits, 0) // counted from nothing again
})

test('top: numbers have three digits and a unit', () => {
  assert.equal([0, 0.4, 7.6, 950, 999.4, 999.6, 1_234, 12_345, 999_499, 1e6, 9.87e8, 4e12].map(short), ['0', '0', '8', '950', '999', '1.00k', '1.23k', '12.3k', '999k', '1.00M', '987M', '4.00T'])
})

const rate = (network: string, inBits: number, drops: number, ports = 0): NetworkRate => ({
  network, dev: 'virbr1', state: 'active', leases: 1, inBits, outBits: 0, inPackets: 0, outPackets: 0, drops, counters: zero,
  ports: Array.from({ length: ports }, (_, i) => ({ dev: `vnet${i}`, name: 'a_guest_with_a_very_long_name\u001b[2J', inBits: 1, outBits: 1, inPackets: 1, outPackets: 1, drops: 0, counters: zero })),
})
const wishes: Wishes = { order: 'name', ports: true, above: 0 }

test('top: a frame fills the screen exactly, however small it is, and nothing of what it shows is a command to the terminal', () => {
  const networks = Array.from({ length: 30 }, (_, i) => rate(`net-${i}\u001b[31m`, i, 0, 2))
  const notes = Array.from({ length: 40 }, (_, i) => ({ time: '12:00:00', text: `lease of network x: added \u001b]0;${i}` }))
  for (const [wide, high] of [[80, 24], [133, 60], [20, 5], [10, 2], [1, 1], [300, 200]] as const) {
    for (const fancy of [true, false]) {
      const lines = frame({ title: 'rig\u0007', time: '12:00:00', interval: 2, networks, notes, wishes: { ...wishes, above: 7 } }, { wide, high, fancy }).map((strip) => paint(strip, false))
      assert.is(lines.length, high)
      for (const line of lines) {
        assert.ok(width(line) <= wide, line)
        assert.not.match(line, /\p{Cc}/u)
        if (!fancy) assert.match(line, /^[\x20-\x7e]*$/)
      }
    }
  }
})

test('top: keys scroll no further than there is something, hide ports, and change the order', () => {
  const networks = [rate('b', 5, 0, 3), rate('c', 9, 0), rate('a', 0, 7)]
  const press = (from: Wishes, ...keys: readonly string[]): Wishes => keys.reduce((now, key) => wished(now, key, networks, 10), from)
  assert.is(press(wishes, 'up').above, 0)
  assert.is(press(wishes, ...Array.from({ length: 50 }, () => 'down')).above, 3) // six rows, room for three
  assert.is(press(wishes, 'pagedown', 'k').above, 2)
  assert.equal(press(wishes, 'down', 'p'), { order: 'name', ports: false, above: 0 })
  assert.equal([press(wishes, 's').order, press(wishes, 's', 's').order, press(wishes, 's', 's', 's').order], ['traffic', 'drops', 'name'])
  assert.equal(press(wishes, 'x', 'home'), wishes)
  assert.equal([sorted(networks, 'name'), sorted(networks, 'traffic'), sorted(networks, 'drops')].map((list) => list.map(({ network }) => network).join('')), ['bca', 'cba', 'abc'])
})

test('top: keys come as terminals send them, several at once', () => {
  assert.equal(keysIn('q'), ['q'])
  assert.equal(keysIn('\u001b[A\u001b[B\u001bOA\u001b[5~j\u0003'), ['up', 'down', 'up', 'pageup', 'j', '\u0003'])
  assert.equal(keysIn('\u001b[1;5D'), [])
})

test.run()
