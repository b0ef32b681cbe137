/** Guests for real: QEMU with emulated processors, a kernel and an initramfs made on the spot; `ip` and the guest's own console say what stands. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, openHost, type Host } from '../../src/index.js'
import { commandLine } from '../cli/command-line.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { booted, paused } from '../harness/machine.js'
import { codeOf, thrown } from '../faults/bed.js'
import { OUTSIDE, uplink } from './bed.js'

const env = { NODE_V8_COVERAGE: '' }
const lab = { name: 'lab', subnet: '10.7.0.0/24', dhcp: true, bridge: 'br-lab' }
const MAC = '52:54:00:00:07:02'

async function taps (ns: Namespace): Promise<string[]> { return (await ns.json<{ ifname: string }[]>('ip', ['-j', 'link', 'show', 'type', 'tun'])).map(({ ifname }) => ifname) }

/** What QEMU has for network cards and their backends, in its own words. */
async function cards (ns: Namespace, qmp: string): Promise<string> {
  return await ns.must(process.execPath, ['-e', `
const s = require('net').connect(${JSON.stringify(qmp)}, () => s.write('{"execute":"qmp_capabilities"}{"execute":"human-monitor-command","arguments":{"command-line":"info network"},"id":7}'))
let t = ''
s.on('data', (d) => { t += d; for (const line of t.split('\\n')) if (line.includes('"id": 7')) { try { console.log(JSON.parse(line).return.trim()); s.destroy() } catch {} } })`], { env })
}

kernelTest(test, 'guests: the recipe boots a guest that gets its lease, reaches outside, and is given a card that it loses again', async ({ ns, tmp }) => {
  await uplink(ns)
  const program = ns.spawn(process.execPath, ['--enable-source-maps', 'dist/examples/qemu.js', ns.name, OUTSIDE.four], { env: { ...env, TMPDIR: tmp } })
  const [, reserved] = await program.until(/^lease (\S+) vm1 as reserved$/m, 120_000)
  await program.until(new RegExp(`^guest: eth0 has ${reserved ?? ''}/24$`, 'm'), 60_000)
  await program.until(new RegExp(`^guest: reaches ${OUTSIDE.four}$`, 'm'), 60_000)
  const [, dev] = await program.until(/^plugged (\S+) 52:54:00:[0-9a-f:]+$/m, 60_000)
  assert.is(await program.ended(120_000), 0, program.output())
  assert.match(program.output(), new RegExp(`^interface vnet0 lab virtio\ninterface ${dev ?? ''} data virtio$`, 'm'))
  for (const line of [/^guest: eth1 has \S+\/24$/m, /^address vnet1 /m, /^guest: eth1 is gone\nunplugged 1$/m]) assert.match(program.output(), line)
}, { needs: ['qemu', 'dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'guests: attach-interface and detach-interface plug into a running QEMU and out of it', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'lab.json')
  await writeFile(file, JSON.stringify({ ...lab, bridge: { name: 'br-lab', stp: false } }))
  await line.must('net-create', file)
  const machine = await booted(ns, tmp, 'vm1', { args: ['-machine', 'q35', '-device', 'pcie-root-port,id=rp1'] })
  assert.is(await line.must('attach-interface', 'vm1', 'network', 'lab', '--mac', MAC, '--qmp', machine.qmp, '--config', '--live'), 'Interface attached successfully\n\n')
  const [, address] = await machine.says(/^guest: eth0 has (\d\S+)\r?\n/m)
  assert.match(await line.must('domifaddr', 'vm1'), new RegExp(`^ vnet0 {6}${MAC} {4}ipv4 {9}${address ?? ''}$`, 'm'))
  assert.match(await ns.must('ping', ['-n', '-c', '3', '-i', '0.2', '-w', '20', address?.split('/')[0] ?? '']), /3 received/)
  const counted = await line.must('domifstat', 'vm1', 'vnet0')
  const figure = (name: string): number => Number(new RegExp(`^vnet0 ${name} (\\d+)$`, 'm').exec(counted)?.[1])
  assert.ok(figure('rx_packets') >= 3 && figure('tx_packets') >= 3, counted)
  await line.must('domif-setlink', 'vm1', 'vnet0', 'down')
  await machine.says(/^guest: eth0 has no carrier\s*$/m)
  await line.must('domif-setlink', 'vm1', 'vnet0', 'up')
  await machine.says(/^guest: eth0 has its carrier back\s*$/m)
  assert.match(await cards(ns, machine.qmp), /net525400000702.*model=virtio-net-pci[^]*hostnet525400000702.*type=tap,fd=/)
  // What the guest has stays kept, and comes back with the same MAC.
  assert.is(await line.must('detach-interface', 'vm1', 'network', '--mac', MAC), 'Interface detached successfully\n\n')
  await machine.says(/^guest: eth0 is gone\s*$/m)
  assert.equal([await taps(ns), await cards(ns, machine.qmp)], [[], '\n'])
  assert.is(await line.must('attach-interface', 'vm1', '--qmp', machine.qmp), 'Interface attached successfully\n\n')
  assert.match(await cards(ns, machine.qmp), /net525400000702/)
  await machine.stop()
  // The guest has ended, and with it the TAP that only it had open; what is kept stays.
  assert.match(await line.must('domiflist', 'vm1'), / - {11}network/)
  assert.equal(await taps(ns), [])
  assert.is(await line.must('detach-interface', 'vm1', 'network', '--config'), 'Interface detached successfully\n\n')
  await line.must('net-destroy', 'lab')
}, { needs: ['qemu', 'dnsmasq', 'nft', 'tun'] })

/** A host with the network, and a way to see that an attach has left nothing. */
async function refusing ({ ns, tmp }: KernelTest, work: (host: Host, leftNothing: (qmp: string) => Promise<void>) => Promise<void>): Promise<void> {
  const host = await openHost({ netns: ns.path, root: join(tmp, 'root'), supervise: false })
  try {
    const network = await host.create({ ...lab, dhcp: false })
    await work(host, async (qmp) => {
      await host.settled()
      assert.equal([await taps(ns), await network.ports(), await cards(ns, qmp)], [[], [], '\n'])
      assert.is(codeOf(await thrown(async () => await host.domain('vm1').interfaces())), 'NETWRIGHT_NOT_FOUND')
    })
    await network.destroy()
  } finally { await host.close() }
}

kernelTest(test, 'guests: where QEMU refuses the device nothing is left behind', async (context) => {
  const { ns, tmp } = context
  await refusing(context, async (host, leftNothing) => {
    const vm = host.domain('vm1')
    const pc = await paused(ns, tmp, 'pc')
    const unknown = await thrown(async () => await vm.attach({ source: 'lab', model: 'ne3000' }, { qmp: pc.qmp, config: true, live: true }))
    assert.is(codeOf(unknown), 'NETWRIGHT_GUEST_REFUSED')
    assert.match(String(unknown), /'ne3000' is not a valid device model name/)
    await leftNothing(pc.qmp)
    // The root bus of PCI Express takes no cards while it runs, and there is no root port.
    const q35 = await paused(ns, tmp, 'q35', ['-machine', 'q35'])
    assert.match(String(await thrown(async () => await vm.attach({ source: 'lab' }, { qmp: q35.qmp }))), /does not support hotplugging/)
    await leftNothing(q35.qmp)
    // Two are kept, and there is room for one; a guest that does not run cannot give the first one back, and that is told.
    const narrow = await paused(ns, tmp, 'narrow', ['-machine', 'q35', '-device', 'pcie-root-port,id=rp1'])
    for (const mac of [MAC, '52:54:00:00:07:03']) await vm.attach({ source: 'lab', mac }, { config: true })
    const half = await thrown(async () => await vm.attachKept({ qmp: narrow.qmp, timeout: 3_000 }))
    assert.ok(half instanceof NetwrightError && half.code === 'NETWRIGHT_UNDO_INCOMPLETE', String(half))
    assert.equal(half.left, [`device net525400000702 of ${narrow.qmp}`])
    await host.settled()
    assert.equal(await taps(ns), [])
    for (const mac of [MAC, '52:54:00:00:07:03']) await vm.detach({ mac }, { config: true })
    // Nobody there.
    assert.is(codeOf(await thrown(async () => await vm.attach({ source: 'lab' }, { qmp: join(tmp, 'none') }))), 'NETWRIGHT_GUEST_UNREACHABLE')
    await leftNothing(pc.qmp)
    // The TAP cannot be made: QEMU is not asked.
    assert.is(codeOf(await thrown(async () => await vm.attach({ source: 'lab', dev: 'br-lab' }, { qmp: pc.qmp }))), 'NETWRIGHT_NAME_IN_USE')
    await leftNothing(pc.qmp)
  })
}, { needs: ['qemu', 'nft', 'tun'] })

kernelTest(test, 'guests: a card that the guest does not let go stays, and goes with its QEMU, which may live in another namespace', async (context) => {
  const { ns, tmp } = context
  await refusing(context, async (host, leftNothing) => {
    const vm = host.domain('vm1')
    const machine = await paused(await ns.add(), tmp, 'vm1')
    const { dev, mac } = await vm.attach({ source: 'lab', model: 'e1000' }, { qmp: machine.qmp })
    assert.equal([await taps(ns), await vm.interfaces()], [[dev], [{ type: 'network', source: 'lab', mac, model: 'e1000', dev, qmp: machine.qmp }]])
    const stays = await thrown(async () => await vm.detach({}, { timeout: 2_000 }))
    assert.equal([codeOf(stays), await taps(ns)], ['NETWRIGHT_GUEST_REFUSED', [dev]])
    assert.match(await cards(ns, machine.qmp), /model=e1000/)
    await machine.stop()
    assert.is(codeOf(await thrown(async () => await vm.detach())), 'NETWRIGHT_NOT_FOUND')
    const other = await paused(ns, tmp, 'other')
    await leftNothing(other.qmp)
  })
}, { needs: ['qemu', 'nft', 'tun'] })

test.run()
