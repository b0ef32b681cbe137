import { started } from '../harness/started.js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec } from '../harness/command.js'
import { dhcp, dig, guest, ping, sniff, tcpAsk, tcpEcho, udpAsk, udpEcho } from '../harness/guest.js'
import { kernelTest, veth } from '../harness/kernel-test.js'

kernelTest(test, 'harness: the namespace is fresh, has loopback up and can be entered', async ({ ns, tmp }) => {
  const links = await ns.json<{ ifname: string }[]>('ip', ['-j', 'link', 'show', 'up'])
  assert.equal(links.map((link) => link.ifname), ['lo'])
  assert.match(tmp, /^\/run\//)
  assert.is((await ns.exec('false', [])).code, 1)
})

kernelTest(test, 'harness: namespaces joined by a veth talk, and a refusal differs from silence', async ({ ns }) => {
  const other = await ns.add()
  await veth(ns, 'v0', other, 'eth0')
  await ns.must('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'v0'])
  await other.must('ip', ['addr', 'add', '192.0.2.2/24', 'dev', 'eth0'])
  assert.is(await ping(other, '192.0.2.1'), true)
  const tcp = await tcpEcho(ns)
  const udp = await udpEcho(ns)
  const heard = await sniff(ns, 'v0', 'udp')
  const byTcp = await tcpAsk(other, '192.0.2.1', tcp.port, { text: 'one' })
  const byUdp = await udpAsk(other, '192.0.2.1', udp.port, { text: 'two' })
  assert.is('text' in byTcp && `${byTcp.from} ${byTcp.text}`, '192.0.2.2 one')
  assert.is('text' in byUdp && `${byUdp.from} ${byUdp.text}`, '192.0.2.2 two')
  await heard.until(/192\.0\.2\.2\.\d+ > 192\.0\.2\.1/)
  await tcp.server.stop()
  assert.equal(await tcpAsk(other, '192.0.2.1', tcp.port), { error: 'ECONNREFUSED' })
  assert.equal(await udpAsk(other, '192.0.2.1', 9), { error: 'ECONNREFUSED' })
  await ns.must('nft', ['-f', '-'], { input: 'table inet t { chain c { type filter hook input priority 0; drop; }; }' })
  assert.equal(await tcpAsk(other, '192.0.2.1', 9, { timeoutMs: 300 }), { error: 'ETIMEDOUT' })
  assert.equal(await udpAsk(other, '192.0.2.1', 9, { timeoutMs: 300 }), { error: 'ETIMEDOUT' })
  assert.is(await ping(other, '192.0.2.1', 1), false)
  await ns.must('nft', ['delete', 'table', 'inet', 't'])
}, { needs: ['nft', 'tcpdump'] })

kernelTest(test, 'harness: a guest gets a lease and looks a name up', async ({ ns, tmp }) => {
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  await ns.must('ip', ['link', 'set', 'br0', 'up'])
  await ns.must('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'br0'])
  const vm = await guest(ns, 'br0', { mac: '52:54:00:00:00:01' })
  assert.is(await dhcp(vm, tmp, { tries: 1 }), undefined)
  assert.is(await dig(vm, '192.0.2.1', 'a.test'), undefined)
  const server = ns.spawn('dnsmasq', ['-d', '--no-ping', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--interface=br0', '--bind-interfaces', '--dhcp-range=192.0.2.10,192.0.2.20,3600', `--dhcp-leasefile=${tmp}/leases`, '--address=/a.test/192.0.2.9'])
  await server.until(/sockets bound exclusively/)
  const lease = await dhcp(vm, tmp)
  assert.match(lease?.ip ?? '', /^192\.0\.2\.1\d$|^192\.0\.2\.20$/)
  assert.equal([lease?.prefix, lease?.router, lease?.dns, lease?.server], [24, '192.0.2.1', ['192.0.2.1'], '192.0.2.1'])
  assert.is(await ping(vm, '192.0.2.1'), true)
  assert.equal(await dig(vm, '192.0.2.1', 'a.test'), { status: 'NOERROR', answers: ['192.0.2.9'] })
  assert.is((await dig(vm, '192.0.2.1', 'b.test'))?.status, 'REFUSED')
  await server.stop()
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq', 'udhcpc', 'dig'] })

const leaks: Readonly<Record<string, RegExp>> = {
  link: /\+ links: .*left0/,
  address: /\+ addresses: .*192\.0\.2\.77/,
  rule: /\+ rules IPv4: .*192\.0\.2\.78/,
  table: /\+ ruleset: .*left/,
  forwarding: /\+ forwarding: .*ip_forward:1/,
  machine: /\+ links: .*left1/,
  namespace: /\+ files: \/run\/netns\/left2/,
  descriptor: /\+ descriptors: \d × \/etc\/passwd/,
  held: /somebody still holds it/,
  file: /\+ files: \/run\/netwright\/left/,
  process: /\+ processes: .*sleep 1000/,
  nothing: /Passed: +1/,
}

for (const [kind, pattern] of Object.entries(leaks)) {
  kernelTest(test, `harness: a test that leaves something behind fails: ${kind}`, async () => {
    const { stdout, code } = await exec(process.execPath, [started(new URL('../harness/leak.js', import.meta.url)), kind], { env: { FORCE_COLOR: '0', NETWRIGHT_SANDBOX: '', NODE_V8_COVERAGE: '', ...kind === 'nothing' ? {} : { NETWRIGHT_TEST_SETTLE_MS: '1000' } }, timeoutMs: 180_000 })
    assert.match(stdout, pattern)
    assert.is(code, kind === 'nothing' ? 0 : 1)
  })
}

test.run()
