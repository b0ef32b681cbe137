import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buryRequests, graveName, isBuried, plots, type Buried } from '../../../src/kernel/burial.js'
import { parseIfName } from '../../../src/values/ifname.js'

const links = (bridges: number, taps: number): Buried[] => Array.from({ length: bridges + taps }, (_, i) => ({ index: 1000 + i, name: `x${String(i)}`, kind: i < bridges ? 'bridge' : 'tun' }))

test('burial: the name of a grave is a name for a link, and no two are alike', () => {
  const names = [2, 35, 36, 0x1000_0000, 0x7fff_ffff].map(graveName)
  assert.equal(names, ['nwx2', 'nwxz', 'nwx10', 'nwx4fti4g', 'nwxzik0zj'])
  for (const name of names) assert.is(parseIfName(name), name)
})

test('burial: links are divided into plots of a fifth of a second, each once', () => {
  const all = links(100, 200)
  const found = plots(all)
  assert.equal(found.flatMap((plot) => plot.links), all)
  for (const plot of found) assert.ok(plot.links.filter(({ kind }) => kind === 'bridge').length <= 8 && plot.links.length <= 200)
  assert.ok(found.length <= 14, String(found.length))
  assert.equal(plots([]), [])
})

test('burial: each plot has a group of its own, which is neither that of ordinary links nor any owner\'s', () => {
  const groups = plots(links(2000, 0)).map(({ group }) => group)
  assert.is(new Set(groups).size, groups.length)
  for (const group of groups) assert.ok(group > 0xffff && group <= 0x7fff_ffff && group >>> 16 !== 0x6e77)
})

test('burial: a link is proved by index, kind and group, whatever its name', () => {
  const [plot] = plots(links(1, 0))
  if (plot === undefined) throw new Error('no plot')
  const { group } = plot
  assert.ok(isBuried({ index: 1000, kind: 'bridge', group }, plot))
  for (const other of [{ index: 1001, kind: 'bridge', group }, { index: 1000, kind: 'tun', group }, { index: 1000, kind: 'bridge', group: group ^ 1 }, { index: 1000, group }]) assert.not.ok(isBuried(other, plot))
})

test('burial: every request names the link by its index alone', () => {
  const requests = buryRequests({ link: { index: 77, name: 'br0', kind: 'bridge' }, group: 0x1234_5678, addresses: [{ type: 'address', dev: 'br0', index: 77, address: '10.0.0.1', prefix: 24 }], leaves: false })
  assert.equal([...new Set(requests.map(({ name }) => name))], ['RTM_DELADDR', 'RTM_NEWLINK'])
  for (const { body } of requests) assert.is(Buffer.from(body).readUInt32LE(4), 77)
})

test.run()
