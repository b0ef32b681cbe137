import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open, stat } from 'node:fs/promises'
import { NetwrightError } from '../../src/errors.js'
import { exec, must } from '../harness/command.js'
import { openChannel } from '../../src/netlink/channel.js'
import { NETLINK_ROUTE } from '../../src/netlink/header.js'
import { hostFacts, knowsKind, missingCapabilities, requireCapabilities } from '../../src/kernel/host.js'
import { createNetns, deleteNetns, openNetns } from '../../src/kernel/netns.js'
import { kernelTest } from '../harness/kernel-test.js'

async function code (promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  return error instanceof NetwrightError ? error.code : String(error)
}

kernelTest(test, 'netns: a namespace is opened by name, path and pid, and known by its inode', async ({ ns }) => {
  const { ino } = await stat(ns.path)
  const program = ns.spawn('sleep', ['60'])
  for (const where of [ns.name, ns.path]) {
    const netns = await openNetns(where)
    assert.equal([netns.inode, netns.path], [String(ino), ns.path])
    netns.close()
    netns.close()
  }
  const own = await openNetns()
  assert.is(own.inode, String((await stat('/proc/self/ns/net')).ino))
  own.close()
  assert.ok(program.pid > 0)
  const byPid = await openNetns(process.pid)
  assert.is(byPid.inode, own.inode)
  byPid.close()
})

kernelTest(test, 'netns: one that is not there is NETWRIGHT_NO_NAMESPACE, as is a file that is none', async ({ tmp }) => {
  const file = `${tmp}/file`
  await (await open(file, 'w')).close()
  for (const where of ['nobody-has-this', '/run/netns/nobody-has-this', 2 ** 30, '', '.', '..', file, '/dev/null', '/proc/self/ns/mnt', -1, 1.5]) {
    assert.is(await code(openNetns(where)), 'NETWRIGHT_NO_NAMESPACE', JSON.stringify(where))
  }
})

kernelTest(test, 'netns: one made here is seen by ip, and one made by ip is deleted here', async () => {
  const [ours, theirs] = [`nw-made-${process.pid}`, `nw-ip-${process.pid}`]
  await createNetns(ours)
  assert.is((await exec('ip', ['netns', 'exec', ours, 'true'])).code, 0)
  assert.match(await must('ip', ['netns', 'list']), new RegExp(`^${ours}`, 'm'))
  assert.match(await code(createNetns(ours)), /NETWRIGHT_KERNEL/)
  await must('ip', ['netns', 'del', ours])
  await must('ip', ['netns', 'add', theirs])
  await deleteNetns(theirs)
  assert.is.not((await exec('ip', ['netns', 'exec', theirs, 'true'])).code, 0)
  assert.is(await code(deleteNetns(theirs)), 'NETWRIGHT_NO_NAMESPACE')
})

test('host: the capabilities that are missing are those that /proc does not list', async () => {
  const status = await must('grep', ['CapEff', `/proc/${process.pid}/status`])
  const held = BigInt(`0x${status.split(/\s+/)[1] ?? ''}`)
  assert.equal(missingCapabilities('network'), (held & 1n << 12n) === 0n ? ['CAP_NET_ADMIN'] : [])
  if ((held & 1n << 12n) !== 0n) requireCapabilities('network')
})

kernelTest(test, 'host: the facts are those of the namespace', async ({ ns }) => {
  const facts = await hostFacts(ns.fd)
  assert.is(facts.kernel, (await must('uname', ['-r'])).trim())
  assert.is(facts.ipv6, (await ns.exec('test', ['-e', '/proc/sys/net/ipv6'])).code === 0)
  assert.is(facts.brNetfilter, (await ns.exec('test', ['-e', '/proc/sys/net/bridge/bridge-nf-call-iptables'])).code === 0)
})

kernelTest(test, 'host: a probe for a kind of link agrees with ip, and makes none', async ({ ns }) => {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  for (const kind of ['bridge', 'veth', 'dummy'] as const) {
    const made = (await ns.exec('ip', ['link', 'add', 'x', 'type', kind])).code === 0
    if (made) await ns.must('ip', ['link', 'del', 'x'])
    assert.is(await knowsKind(channel, kind), made)
  }
  assert.equal((await ns.json<{ ifname: string }[]>('ip', ['-j', 'link', 'show'])).map(({ ifname }) => ifname), ['lo'])
})

test.run()
