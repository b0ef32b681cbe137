import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../src/errors.js'
import { isErrno } from '../../src/netlink/errno.js'
import { openChannel, type Channel } from '../../src/netlink/channel.js'
import { NETLINK_NETFILTER } from '../../src/netlink/header.js'
import {
  chain, comment, counter, elements, foreignBaseChains, getTable, listElements, listRules, listSets, nftBatch, packFields, readGeneration, rule, set, setCommentType, setFlags, table,
  typeLength, typeNumber, typeUserdata, verdict, verdictDataType,
} from '../../src/netlink/nft/index.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

async function withChannel (ns: Namespace, body: (channel: Channel) => Promise<void>): Promise<void> {
  const channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: ns.fd })
  try { await body(channel) } finally { await channel.close() }
}

const family = 'inet'

async function message (promise: Promise<unknown>): Promise<string> {
  return promise.then(() => 'no error', (error: unknown) => error instanceof NetwrightError ? error.message : String(error))
}

kernelTest(test, 'nft: makes a verdict map with comments, timeouts and jumps that nft prints', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    await nftBatch(channel, [
      table.create({ family, name: 't', userdata: [comment('a table')] }),
      chain.create({ family, table: 't', name: 'c' }),
      set.create({ family, table: 't', name: 'v', flags: setFlags.map | setFlags.timeout, keyType: typeNumber(['ifname']), keyLength: typeLength(['ifname']), dataType: verdictDataType, dataLength: 16, id: 1, userdata: [...typeUserdata(['ifname']), comment('a map', setCommentType)] }),
      elements.create({ family, table: 't', set: 'v', elements: [
        { key: { value: packFields(['ifname'], ['eth0']) }, data: { verdict: { code: 'accept' } }, userdata: [comment('an element')] },
        { key: { value: packFields(['ifname'], ['eth1']) }, data: { verdict: { code: 'jump', chain: 'c' } }, timeoutMs: 3_600_000n },
      ] }),
      rule.add({ family, table: 't', chain: 'c', expressions: [counter(), verdict('drop')], userdata: [comment('a rule')] }),
    ])
    const text = await ns.must('nft', ['list', 'table', 'inet', 't'])
    for (const line of ['comment "a table"', 'comment "a map"', 'type ifname : verdict', '"eth0" comment "an element" : accept', 'counter packets 0 bytes 0 drop comment "a rule"']) assert.ok(text.includes(line), `${line} in\n${text}`)
    assert.match(text, /"eth1" timeout 1h expires \S+ : jump c/)
    const [first] = (await listElements(channel, { family, table: 't', set: 'v' })).filter((item) => item.userdata !== undefined)
    assert.equal(first?.data, { verdict: { code: 'accept' } })
    await ns.must('nft', ['delete', 'table', 'inet', 't'])
    assert.is(await getTable(channel, { family, table: 't' }), undefined)
  })
}, { needs: ['nft'] })

kernelTest(test, 'nft: makes intervals and interval concatenations that nft prints, and reads those that nft makes', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    const key = ['ipv4_addr', 'inet_service'] as const
    const end = { flags: 1 }
    const at = (address: string): { key: { value: Buffer } } => ({ key: { value: packFields(['ipv4_addr'], [address]) } })
    await nftBatch(channel, [
      table.create({ family, name: 't' }),
      set.create({ family, table: 't', name: 'i', flags: setFlags.interval, keyType: typeNumber(['ipv4_addr']), keyLength: 4, id: 1 }),
      set.create({ family, table: 't', name: 'k', flags: setFlags.interval | setFlags.concat, keyType: typeNumber(key), keyLength: typeLength(key), description: { concat: [{ length: 4 }, { length: 2 }] }, id: 2 }),
      elements.create({ family, table: 't', set: 'i', elements: [{ ...at('0.0.0.0'), ...end }, at('10.0.0.0'), { ...at('11.0.0.0'), ...end }, at('192.0.2.1'), { ...at('192.0.2.10'), ...end }] }),
      elements.create({ family, table: 't', set: 'k', elements: [{ key: { value: packFields(key, ['10.0.0.0', 1]) }, keyEnd: { value: packFields(key, ['10.255.255.255', 5]) } }] }),
    ])
    const text = await ns.must('nft', ['list', 'table', 'inet', 't'])
    assert.match(text, /elements = \{ 10\.0\.0\.0\/8, 192\.0\.2\.1-192\.0\.2\.9 \}/)
    assert.match(text, /elements = \{ 10\.0\.0\.0\/8 \. 1-5 \}/)
    await ns.must('nft', ['add element inet t i { 198.51.100.0/24 }'])
    const ours = (await listElements(channel, { family, table: 't', set: 'i' })).map((item) => `${Buffer.from(item.key?.value ?? []).toString('hex')}${item.flags === 1 ? ' end' : ''}`)
    assert.ok(ours.includes('c6336400') && ours.includes('c6336500 end'), ours.join())
    assert.equal((await listSets(channel, { family, table: 't' })).map((item) => item.description?.concat), [undefined, [{ length: 4 }, { length: 2 }]])
    await nftBatch(channel, [table.remove({ family, name: 't' })])
  })
}, { needs: ['nft'] })

kernelTest(test, 'nft: a refused batch changes nothing and its error names the first refused request and attribute', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    const batch = [
      table.create({ family, name: 't' }), chain.create({ family, table: 't', name: 'a' }),
      chain.create({ family, table: 'other', name: 'b' }), chain.create({ family, table: 'third', name: 'c' }), chain.create({ family, table: 't', name: 'd' }),
    ]
    assert.is(await message(nftBatch(channel, batch)), 'NFT_MSG_NEWCHAIN inet other b: ENOENT (NFTA_CHAIN_TABLE)')
    assert.is(await ns.must('nft', ['list', 'ruleset']), '')
    assert.is(await message(nftBatch(channel, [table.remove({ family, name: 't' })])), 'NFT_MSG_DELTABLE inet t: ENOENT (NFTA_TABLE_NAME)')
    await nftBatch(channel, [])
    assert.is(await ns.must('nft', ['list', 'ruleset']), '')
  })
}, { needs: ['nft'] })

kernelTest(test, 'nft: a batch for an outdated generation is refused with ERESTART', async ({ ns }) => {
  await withChannel(ns, async (channel) => {
    const genid = await readGeneration(channel)
    await ns.must('nft', ['add table inet stranger'])
    const late = await nftBatch(channel, [table.create({ family, name: 't' })], { genid }).catch((error: unknown) => error)
    assert.is(isErrno(late, 'ERESTART'), true)
    await nftBatch(channel, [table.create({ family, name: 't' })], { genid: await readGeneration(channel) })
    assert.is(await ns.must('nft', ['list', 'tables']), 'table inet stranger\ntable inet t\n')
    await ns.must('nft', ['flush', 'ruleset'])
  })
}, { needs: ['nft'] })

kernelTest(test, 'nft: a batch that does not fit the send buffer changes nothing', async ({ ns }) => {
  const channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: ns.fd, sendBuffer: 4096 })
  const many = Array.from({ length: 400 }, (_, i) => table.create({ family, name: `table-${String(i)}` }))
  assert.match(await message(nftBatch(channel, many)), /EMSGSIZE/)
  await channel.close()
  assert.is(await ns.must('nft', ['list', 'ruleset']), '')
}, { needs: ['nft'] })

const docker = `
table ip filter {
  chain DOCKER { iifname "docker0" accept; }
  chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER; }
  chain INPUT { type filter hook input priority filter; policy accept; }
}
table inet firewalld {
  chain zone { ct state established accept; }
  chain last { log prefix "x" counter reject with icmpx admin-prohibited; }
  chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept; jump zone; ip daddr 192.0.2.0/24 drop; jump last; accept; }
  chain filter_INPUT { type filter hook input priority 10; policy accept; limit rate 5/second drop; tcp dport 22 accept; }
  chain open { type filter hook forward priority 20; policy drop; goto done; }
  chain done { accept; }
}
table bridge b { chain c { type filter hook forward priority -200; policy drop; }; }
`

kernelTest(test, 'nft: tells which foreign base chains drop what nobody accepts', async ({ ns }) => {
  await ns.must('nft', ['-f', '-'], { input: docker })
  await withChannel(ns, async (channel) => {
    const found = await foreignBaseChains(channel)
    assert.equal(found.map((item) => [item.family, item.table, item.name, item.hook, item.priority, item.policy, item.drops].join(' ').trim()).sort(), [
      'bridge b c forward -200 drop policy',
      'inet firewalld filter_FORWARD forward 10 accept rule',
      'inet firewalld filter_INPUT input 10 accept',
      'inet firewalld open forward 20 drop',
      'ip filter FORWARD forward 0 drop policy',
      'ip filter INPUT input 0 accept',
    ])
    assert.is(found.find(({ name }) => name === 'filter_FORWARD')?.rules.length, 4)
    assert.equal((await foreignBaseChains(channel, ({ table: name }) => name === 'firewalld')).length, 3)
    assert.is((await listRules(channel, { family: 'ip', table: 'filter', chain: 'DOCKER' })).length, 1)
  })
  await ns.must('nft', ['flush', 'ruleset'])
}, { needs: ['nft'] })

test.run()
