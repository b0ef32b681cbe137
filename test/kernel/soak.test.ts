/** The soak of bench/soak.ts in short: networks made and destroyed, eight at a time, leave nothing and grow nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drive, holding, soakLanes } from '../../bench/lanes.js'
import { openHost } from '../../src/index.js'
import { kernelTest } from '../harness/kernel-test.js'
import { eventually } from './bed.js'

const WARM = 32
const CYCLES = 96
const SLACK = 10 << 20

kernelTest(test, 'soak: a hundred networks made and destroyed, eight at a time, leave no link, rule, process, descriptor, thread or file', async ({ ns, tmp }) => {
  const host = await openHost({ netns: ns.path, root: tmp })
  try {
    await drive(host, { ...soakLanes, first: 0, cycles: WARM })
    await host.settled()
    const before = await holding()
    await drive(host, { ...soakLanes, first: WARM, cycles: CYCLES })
    await host.settled()
    const after = await eventually('the end of what is under way', async () => { const now = await holding(); return now.fds <= before.fds && now.threads <= before.threads ? now : undefined }).catch(async () => await holding())
    assert.equal((await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname), ['lo'])
    assert.is((await ns.must('nft', ['list', 'ruleset'])).trim(), '')
    assert.is((await ns.exec('pgrep', ['-x', 'dnsmasq'])).code, 1, 'a dnsmasq is left')
    assert.ok(after.fds <= before.fds, `${String(after.fds)} descriptors, and ${String(before.fds)} before`)
    assert.ok(after.threads <= before.threads, `${String(after.threads)} threads, and ${String(before.threads)} before`)
    assert.ok(after.heap - before.heap < SLACK, `the heap has grown from ${String(before.heap)} to ${String(after.heap)} bytes`)
  } finally { await host.close() }
}, { needs: ['dnsmasq'] })

test.run()
