/** `netwright host-bridge` as an administrator runs it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mkdir, writeFile } from 'node:fs/promises'
import { background, exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { asBefore, HOST, nic, SSH, stateOf, traffic, unplug } from '../kernel/host-bridge-bed.js'
import { eventually } from '../kernel/bed.js'
import { commandLine, program } from './command-line.js'

interface Link { readonly master?: string, readonly ifname: string }

kernelTest(test, 'host-bridge: create waits, another connection confirms, list shows it, autostart-all makes it again, remove gives all back', async (context) => {
  const { ns } = context
  const router = await nic(context)
  const line = await commandLine(context)
  const before = await stateOf(ns)
  const flow = await traffic(context, router)
  const creator = background(process.execPath, [program, '--root', line.root, '--netns', ns.name, 'host-bridge', 'create', 'br0', '--uplink', 'eth0', '--confirm', '60'], { env: { SSH_CONNECTION: SSH, NODE_V8_COVERAGE: '' } })
  try {
    await creator.until(/^Host bridge br0 created in [\d.]+ ms\nIt is taken back in 60 s unless you confirm it: netwright host-bridge confirm br0$/m)
    assert.match(await line.must('host-bridge', 'list'), /^ br0 {4}eth0 {3}eth0 {6}trial, \d+ s left$/m)
    assert.is(await line.must('host-bridge', 'confirm', 'br0'), 'Host bridge br0 confirmed\n\n')
    assert.is(await creator.ended(), 0, creator.output())
  } finally { await creator.stop('SIGKILL') }
  assert.match(await line.must('host-bridge', 'list'), /^ br0 {4}eth0 {3}eth0 {6}kept$/m)
  assert.is((await ns.json<Link[]>('ip', ['-j', 'link', 'show', 'dev', 'eth0']))[0]?.master, 'br0')
  assert.is(await line.must('host-bridge', 'remove', 'br0'), 'Host bridge br0 removed\n\n')
  await asBefore(ns, before, 'removed')
  const { lost, lost6, sent } = await flow.end()
  assert.ok(lost <= 60 && lost6 <= 60, `${String(lost)} and ${String(lost6)} of ${String(sent)} pings were lost in two changes`)
  assert.is(await line.must('--json', 'host-bridge', 'list'), '[]\n')
  await unplug(context)
})

kernelTest(test, 'host-bridge: what is stored is made again at boot', async (context) => {
  const { ns } = context
  await nic(context)
  const line = await commandLine(context)
  await line.must('host-bridge', 'create', 'br0', '--uplink', 'eth0', '--confirm', '0')
  await line.must('host-bridge', 'remove', 'br0')
  await mkdir(`${line.root}/etc/netwright/host-bridges`, { recursive: true })
  await writeFile(`${line.root}/etc/netwright/host-bridges/br0.json`, '{ "name": "br0", "uplink": "eth0" }\n') // as after a reboot: stored, and nothing stands
  assert.match(await line.must('host-bridge', 'list'), /^ br0 {4}eth0 {3}eth0 {6}inactive$/m)
  await line.must('autostart-all')
  assert.match(await line.must('host-bridge', 'list'), /kept$/m)
  assert.match(await ns.must('ip', ['addr', 'show', 'dev', 'br0']), new RegExp(HOST.four.replaceAll('.', '\\.')))
  await line.must('autostart-all')
  await ns.must('ip', ['link', 'del', 'br0']) // by somebody else: it can be forgotten, or made again
  assert.match(await line.must('host-bridge', 'list'), /inactive$/m)
  assert.is(await line.must('host-bridge', 'remove', 'br0'), 'Host bridge br0 removed\n\n')
  assert.is(await line.must('--json', 'host-bridge', 'list'), '[]\n')
  await unplug(context)
})

kernelTest(test, 'host-bridge: a terminal that dies takes everything back, and an interrupt does', async (context) => {
  const { ns } = context
  await nic(context)
  const line = await commandLine(context)
  const before = await stateOf(ns)
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGKILL'] as const) {
    const creator = background(process.execPath, [program, '--root', line.root, '--netns', ns.name, 'host-bridge', 'create', 'br0', '--uplink', 'eth0'], { env: { NODE_V8_COVERAGE: '' } })
    try {
      await creator.until(/It is taken back in 30 s/)
      creator.child.kill(signal)
      assert.is(await creator.ended(), { SIGINT: 130, SIGHUP: 129, SIGKILL: -1 }[signal], creator.output())
    } finally { await creator.stop('SIGKILL') }
    await eventually('all of it', async () => (await exec('ip', ['-n', ns.name, 'link', 'show', 'br0'])).code === 0 ? undefined : true)
    await eventually(`what stood before ${signal}`, async () => await asBefore(ns, before, signal).then(() => true, () => undefined), 30_000)
  }
  await unplug(context)
})

kernelTest(test, 'host-bridge: a dead ssh connection or a silent gateway takes it back', async (context) => {
  const { ns } = context
  await nic(context)
  const line = await commandLine(context)
  // What is asked before the bridge stands is answered, and nothing that goes over it.
  await ns.must('nft', ['add table arp deaf; add chain arp deaf out { type filter hook output priority 0; }; add rule arp deaf out oifname "br0" drop'])
  const before = await stateOf(ns)
  const { code, stderr } = await line.run(['host-bridge', 'create', 'br0', '--uplink', 'eth0'])
  assert.is(code, 1)
  assert.match(stderr, /^error: Failed to create host bridge br0\nerror: gateway .* does not answer on br0$/m, stderr)
  await asBefore(ns, before, 'a silent gateway')
  await ns.must('nft', ['delete', 'table', 'arp', 'deaf'])
  await unplug(context)
}, { needs: ['nft'] })

kernelTest(test, 'host-bridge: bad words and unfit uplinks are refused with the reason, and nothing is changed', async (context) => {
  const { ns } = context
  await nic(context)
  const line = await commandLine(context)
  await ns.must('sh', ['-ec', `
    ip link add brx type bridge; ip link add v0 type veth peer name v1; ip link set v0 master brx up; ip link set v1 up
    ip link add d0 type veth peer name d1; ip link set d0 up
    ip link add m0 link v1 type macvlan mode bridge
    ip tuntap add dev t0 mode tun`])
  // Carriers and what follows from them the kernel notices a moment later.
  const links = async (): Promise<string> => (await ns.json<object[]>('ip', ['-j', 'link'])).map((one) => JSON.stringify({ ...one, flags: [], operstate: '' })).join('\n') + (await ns.must('ip', ['route'])).replaceAll(/ linkdown/g, '')
  const before = await links()
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['create', 'br0'], /--uplink/], [['create', 'br0', '--uplink', 'none0'], /there is no link named none0/], [['create', 'a-name-of-sixteen', '--uplink', 'eth0'], /15/],
    [['create', 'br0', '--uplink', 'lo'], /loopback/], [['create', 'br0', '--uplink', 'brx'], /a bridge itself/], [['create', 'br0', '--uplink', 'v0'], /a port of bridge brx already/],
    [['create', 'br0', '--uplink', 'd0'], /no carrier/], [['create', 'br0', '--uplink', 'd1'], /it is down/], [['create', 'br0', '--uplink', 'm0'], /macvlan/], [['create', 'br0', '--uplink', 'v1'], /macvlan m0 takes its frames/],
    [['create', 'br0', '--uplink', 't0'], /Ethernet/], [['create', 'brx', '--uplink', 'eth0'], /a link named brx exists/], [['create', 'eth0', '--uplink', 'eth0'], /another name/],
    [['create', 'br0', '--uplink', 'eth0', '--confirm', 'soon'], /'soon'/], [['create', 'br0', '--uplink', 'eth0', '--vlan', '5000'], /4094/], [['create', 'br0', '--bond', ','], /without members/], [['create', 'br0', '--bond', 'eth0', '--bond-mode', 'none'], /none/],
    [['create', 'br0', '--uplink', 'eth0', '--bond', 'eth0'], /either/], [['confirm', 'br0'], /there is no host bridge named br0/], [['remove', 'br0'], /there is no host bridge named br0/], [['remove', 'brx'], /there is no host bridge named brx/],
  ]
  for (const [words, message] of cases) {
    const { stderr, code } = await line.run(['host-bridge', ...words])
    assert.is(code, 1, `${words.join(' ')}: ${stderr}`)
    assert.match(stderr, /^error: /, words.join(' '))
    assert.match(stderr, message, words.join(' '))
    assert.not.match(stderr, /internal error/, words.join(' '))
  }
  assert.is(await links(), before)
  // What the kernel shows of a Wi-Fi link in sysfs; the link itself is one that the kernel would take.
  const index = (await ns.must('cat', ['/sys/class/net/d0/ifindex']).catch(async () => (await ns.json<{ ifindex: number }[]>('ip', ['-j', 'link', 'show', 'd0']))[0]?.ifindex ?? 0)).toString().trim()
  await ns.must('ip', ['link', 'set', 'd1', 'up'])
  const script = `mount -t tmpfs tmpfs /sys/class/net && mkdir -p /sys/class/net/d0/phy80211 && echo ${index} > /sys/class/net/d0/ifindex && exec ${process.execPath} ${program} --root ${line.root} --netns ${ns.name} host-bridge create br0 --uplink d0`
  const wifi = await exec('unshare', ['--mount', 'sh', '-c', script], { env: { NODE_V8_COVERAGE: '' } })
  assert.is(wifi.code, 1)
  assert.match(wifi.stderr, /d0 cannot be the port of a bridge: it is a Wi-Fi link, and an access point takes no frames but those with the link's own MAC/)
  for (const link of ['m0', 'v0', 'd0', 'brx', 't0']) await ns.must('ip', ['link', 'del', link])
  await unplug(context)
})

test.run()
