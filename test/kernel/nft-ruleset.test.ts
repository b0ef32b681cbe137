import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addMembers, createRuleset, deleteRuleset, readMembers, readRulesetShape, removeMembers, setNames, type Membership } from '../../src/kernel/ruleset.js'
import { openChannel, type Channel } from '../../src/netlink/channel.js'
import { isErrno } from '../../src/netlink/errno.js'
import { NETLINK_NETFILTER } from '../../src/netlink/header.js'
import { nftBatch } from '../../src/netlink/nft/index.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

const name = 'netwright'
const text = fileURLToPath(new URL('../../../test/fixtures/nft-ruleset.nft', import.meta.url))

async function withChannel (ns: Namespace, body: (channel: Channel) => Promise<void>): Promise<void> {
  const channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: ns.fd })
  try { await body(channel) } finally { await channel.close() }
}

/** One of each kind, as nft writes it. */
const members: readonly (readonly [Membership, string])[] = [
  [{ set: 'same', key: ['virbr1', 'virbr1'] }, '"virbr1" . "virbr1"'],
  [{ set: 'ours', key: ['virbr1'] }, '"virbr1"'],
  [{ set: 'ours', key: ['fifteen-bytes-x'] }, '"fifteen-bytes-x"'],
  [{ set: 'estdev', key: ['eth0', 'virbr1'] }, '"eth0" . "virbr1"'],
  [{ set: 'snat4', key: ['virbr1'], data: ['192.0.2.9'] }, '"virbr1" : 192.0.2.9'],
  [{ set: 'dnat4', key: ['192.0.2.1', 6, 8080], data: ['192.168.123.7', 80] }, '192.0.2.1 . tcp . 8080 : 192.168.123.7 . 80'],
  [{ set: 'dnat6', key: ['2001:db8::1', 17, 53], data: ['fd00::7', 5353] }, '2001:db8::1 . udp . 53 : fd00::7 . 5353'],
  [{ set: 'gate4', key: ['virbr1', '192.168.123.1'] }, '"virbr1" . 192.168.123.1'],
  [{ set: 'gate6', key: ['virbr1', 'fd00::1'] }, '"virbr1" . fd00::1'],
  [{ set: 'gw4', key: ['192.168.123.1'] }, '192.168.123.1'],
  [{ set: 'gw6', key: ['fd00::1'] }, 'fd00::1'],
]
const ours = members.map(([member]) => member)

/** `nft list ruleset` with the elements of each set in order: the kernel's hash has none. */
async function listing (ns: Namespace): Promise<string> {
  const found = await ns.must('nft', ['list', 'ruleset'])
  return found.replace(/elements = \{([^}]*)\}/g, (_, inside: string) => `elements = { ${inside.split(',').map((item) => item.trim()).sort().join(', ')} }`)
}

kernelTest(test, 'ruleset: the table with members is listed as the same text loaded by nft', async ({ ns }) => {
  const other = await ns.add()
  await other.must('nft', ['-f', text])
  await withChannel(ns, async (channel) => {
    await nftBatch(channel, createRuleset(name))
    assert.is(await listing(ns), await listing(other))
    await nftBatch(channel, addMembers(name, ours))
  })
  for (const [member, element] of members) await other.must('nft', [`add element inet ${name} ${member.set} { ${element} }`])
  assert.is(await listing(ns), await listing(other))
  await ns.must('nft', ['flush', 'ruleset'])
}, { needs: ['nft'] })

kernelTest(test, 'ruleset: nft loads its own listing of our table again', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await nftBatch(channel, [...createRuleset(name), ...addMembers(name, ours)])
    const before = await listing(ns)
    await ns.must('nft', ['flush', 'ruleset'])
    await ns.must('nft', ['-f', '-'], { input: before })
    assert.is(await listing(ns), before)
    assert.equal(await readRulesetShape(channel, name), { exists: true, faults: [] })
    await nftBatch(channel, deleteRuleset(name))
  })
  assert.is(await listing(ns), '')
}, { needs: ['nft'] })

kernelTest(test, 'ruleset: members are read back as they were added, and removing them leaves none', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await nftBatch(channel, createRuleset(name))
    assert.equal(await readMembers(channel, name), [])
    await nftBatch(channel, addMembers(name, ours))
    const sorted = (list: readonly Membership[]): string[] => list.map((member) => JSON.stringify(member)).sort()
    assert.equal(sorted(await readMembers(channel, name)), sorted(ours))
    const twice = await nftBatch(channel, addMembers(name, ours.slice(0, 1))).catch((error: unknown) => error)
    assert.is(isErrno(twice, 'EEXIST'), true)
    await nftBatch(channel, removeMembers(name, ours))
    assert.equal(await readMembers(channel, name), [])
    const gone = await nftBatch(channel, removeMembers(name, ours.slice(0, 1))).catch((error: unknown) => error)
    assert.is(isErrno(gone, 'ENOENT'), true)
    await nftBatch(channel, deleteRuleset(name))
    const missing = await readMembers(channel, name).catch((error: unknown) => error)
    assert.is(isErrno(missing, 'ENOENT'), true)
  })
}, { needs: ['nft'] })

kernelTest(test, 'ruleset: tells what a stranger changed, and one batch repairs it', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    assert.equal(await readRulesetShape(channel, name), { exists: false, faults: [] })
    const tampers: readonly (readonly [string, string])[] = [
      [`flush chain inet ${name} prerouting`, 'rule 1 of chain prerouting'],
      [`insert rule inet ${name} forward drop`, 'rule 1 of chain forward'],
      [`add rule inet ${name} output accept`, 'more rules in chain output'],
      [`add chain inet ${name} input { type filter hook input priority filter; policy drop; }`, 'chain input'],
      [`delete element inet ${name} services { ipv4 . udp . 53 }`, 'elements of set services'],
      [`flush chain inet ${name} postrouting; delete set inet ${name} masq6`, 'set masq6'],
      [`add table inet ${name} { flags dormant; }`, 'table flags'],
    ]
    for (const [tamper, fault] of tampers) {
      await nftBatch(channel, createRuleset(name))
      await ns.must('nft', [tamper])
      const { faults } = await readRulesetShape(channel, name)
      assert.ok(faults.includes(fault), `${tamper}: ${faults.join(', ')}`)
      await nftBatch(channel, [...deleteRuleset(name), ...createRuleset(name), ...addMembers(name, ours)])
      assert.equal(await readRulesetShape(channel, name), { exists: true, faults: [] })
      await nftBatch(channel, deleteRuleset(name))
    }
  })
}, { needs: ['nft'] })

kernelTest(test, 'ruleset: two owners have two tables, and thousands of members fit one batch', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await nftBatch(channel, [...createRuleset(name), ...createRuleset('netwright-rig')])
    const many = Array.from({ length: 3000 }, (_, i): Membership[] => [{ set: 'same', key: [`virbr${String(i)}`, `virbr${String(i)}`] }, { set: 'ours', key: [`virbr${String(i)}`] }]).flat()
    await nftBatch(channel, addMembers('netwright-rig', many))
    assert.is((await readMembers(channel, 'netwright-rig')).length, 6000)
    assert.equal(await readMembers(channel, name), [])
    const json = await ns.json<{ nftables: readonly { set?: { elem?: readonly unknown[] } }[] }>('nft', ['-j', 'list', 'set', 'inet', 'netwright-rig', 'ours'])
    assert.is(json.nftables.find((item) => item.set !== undefined)?.set?.elem?.length, 3000)
    const { nftables } = await ns.json<{ nftables: readonly { set?: { name: string }, map?: { name: string } }[] }>('nft', ['-j', 'list', 'table', 'inet', name])
    assert.equal(nftables.flatMap(({ set, map }) => set?.name ?? map?.name ?? []).sort(), [...setNames, 'services'].sort())
    await nftBatch(channel, [...deleteRuleset('netwright-rig'), ...deleteRuleset(name)])
  })
}, { needs: ['nft'] })

test.run()
