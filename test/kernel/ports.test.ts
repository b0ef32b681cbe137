/** Ports as programs use them: what their links do and count, and what virtual machine monitors open. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, type Port, type PortInput } from '../../src/index.js'
import { background, must } from '../harness/command.js'
import { ping } from '../harness/guest.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'
import { eventually, host } from './bed.js'

const red = { name: 'red', bridge: 'red0', forward: 'nat', ip: [{ address: '10.7.0.1', prefix: 24 }] } as const

async function codeOf (promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  return error instanceof NetwrightError ? error.code : error instanceof Error ? error.message : undefined
}

interface Shown { readonly ifname: string, readonly address: string, readonly mtu: number, readonly flags: readonly string[], readonly operstate: string, readonly stats64: { readonly rx: { readonly packets: number, readonly bytes: number }, readonly tx: { readonly packets: number } }, readonly linkinfo: { readonly info_slave_data: { readonly state: string }, readonly info_data: Readonly<Record<string, unknown>> } }
const show = async (ns: Namespace, dev: string): Promise<Shown | undefined> => (await ns.json<Shown[]>('ip', ['-j', '-d', '-s', 'link', 'show', 'dev', dev]))[0]

kernelTest(test, 'port: says what its link does, is cut off and comes back, and its guest sees it', async (bed) => {
  const { ns } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  const guest = await ns.add()
  const port = await net.attach({ kind: 'veth', netns: guest.path, address: 'auto' })
  assert.match(await net.attach({ kind: 'veth', netns: guest.path }).then(() => '', String), /veth vnet1: the guest's namespace has a link of the name/)
  assert.equal(await net.state(), { dev: 'red0', link: 'up', carrier: true, mac: (await show(ns, 'red0'))?.address, mtu: 1500 })
  const up = { dev: port.dev, link: 'up', carrier: true, mac: (await show(ns, port.dev))?.address, mtu: 1500, attached: true, forwarding: 'forwarding' } as const
  assert.equal(await port.state(), up)
  assert.is((await show(ns, port.dev))?.linkinfo.info_slave_data.state, 'forwarding')
  assert.ok(await ping(guest, '10.7.0.1'))

  await port.setLink('down')
  assert.equal(await port.state(), { ...up, link: 'down', carrier: false, forwarding: 'disabled' })
  assert.not.ok((await show(ns, port.dev))?.flags.includes('UP'))
  assert.ok((await show(guest, 'eth0'))?.flags.includes('NO-CARRIER'))
  assert.not.ok(await ping(guest, '10.7.0.1', 1))
  assert.is((await net.state()).carrier, false)

  await (await open.port(port.mac.toUpperCase())).setLink('up')
  await eventually('a port that forwards', async () => (await port.state()).forwarding === 'forwarding' ? true : undefined)
  assert.ok(await ping(guest, '10.7.0.1'))
  // @ts-expect-error -- neither up nor down
  assert.is(await codeOf(port.setLink('left')), 'NETWRIGHT_INVALID')
}, { leaves: true })

kernelTest(test, 'port: a key that means nothing is refused with its path, and nothing is made', async (bed) => {
  await using open = await host(bed)
  await using net = await open.create(red)
  const said = async (port: object): Promise<string> => await net.attach(port as PortInput).then(() => 'made', String)
  // A bridge's carrier settles some time after it was made.
  const links = async (): Promise<string> => (await bed.ns.must('ip', ['link'])).replaceAll(/<.*>| state \w+/g, '')
  const before = await links()
  assert.match(await said({ kind: 'tap', adress: 'auto' }), /adress: unknown key 'adress'/)
  assert.match(await said({ kind: 'tap', defaultRoute: true }), /defaultRoute: unknown key/)
  assert.match(await said({ kind: 'veth', netns: { pid: 1, start: '7' } }), /netns\.start: unknown key 'start'/)
  assert.match(await said({ kind: 'tap', domain: { name: 'vm1', modell: 'e1000' } }), /domain\.modell: unknown key/)
  assert.match(await open.transaction((tx) => { const port: unknown = { kind: 'tap', queus: 2 }; tx.create({ name: 'other' }, [{ kind: 'tap' }, port as PortInput]) }).then(() => 'made', String), /ports\[1\]\.queus: unknown key/)
  assert.is(await links(), before)
  const absent: unknown = { kind: 'tap', fds: false, netns: undefined }
  await (await net.attach(absent as PortInput)).detach()
}, { leaves: true })

kernelTest(test, 'port: counts what its guest sent', async (bed) => {
  const { ns } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  const guest = await ns.add()
  const port = await net.attach({ kind: 'veth', netns: guest.path, address: 'auto' })
  await guest.must('ping', ['-n', '-c', '3', '-i', '0.2', '10.7.0.1'])
  await port.setLink('down') // nothing more is counted
  const [counted, shown] = [await port.statistics(), await show(ns, port.dev)]
  assert.equal([counted.rxPackets, counted.rxBytes, counted.txPackets], [shown?.stats64.rx.packets, shown?.stats64.rx.bytes, shown?.stats64.tx.packets])
  assert.ok(counted.rxPackets >= 3)
  assert.equal(await net.statistics({ dev: port.dev }), counted)
}, { leaves: true })

kernelTest(test, 'port: one that is there is found by name and by MAC; one that is gone, or another\'s, is not', async (bed) => {
  await using open = await host(bed)
  await using net = await open.create(red)
  await using blue = await open.create({ ...red, name: 'blue', bridge: 'blue0', ip: [{ address: '10.8.0.1', prefix: 24 }] })
  const made = await net.attach({ kind: 'tap', fds: false, address: 'auto', queues: 2, vnetHdr: true })
  const found = await net.port(made.dev)
  const data = (port: Port): unknown => JSON.parse(JSON.stringify(port))
  assert.equal(data(found), data(made))
  assert.equal([found.queues, found.vnetHdr, found.persist, found.fds], [2, true, true, []])
  await found[Symbol.asyncDispose]()
  assert.is((await open.port(made.mac)).dev, made.dev)
  assert.is(await codeOf(blue.port(made.dev)), 'NETWRIGHT_NOT_FOUND')
  await found.detach()
  for (const gone of [async () => await open.port(made.dev), async () => await net.port(made.dev), made.state, made.statistics, async () => { await made.setLink('up') }, made.detach]) assert.is(await codeOf(gone()), 'NETWRIGHT_NOT_FOUND')
}, { needs: ['tun'] })

kernelTest(test, 'port: its link is not set while the network is stopped, and is up after the next start', async (bed) => {
  await using open = await host(bed)
  const net = await open.define({ ...red, dns: { enable: false } })
  await net.start()
  const port = await net.attach({ kind: 'tap', fds: false })
  await port.setLink('down')
  await net.stop()
  assert.equal([(await port.state()).attached, (await port.state()).link], [false, 'down'])
  assert.is(await codeOf(port.setLink('up')), 'NETWRIGHT_INACTIVE')
  assert.is(await codeOf(net.state()), 'NETWRIGHT_INACTIVE')
  await net.start()
  assert.equal([(await port.state()).attached, (await port.state()).link], [true, 'up'])
  await net.destroy()
  await net.undefine()
}, { needs: ['tun'] })

/** Opens a TAP by its name as Firecracker does (through a device node that everybody may open, as distributions have it), says what the kernel made of it, and sends a frame again and again. */
const opener = `
import fcntl, os, struct, sys, time
name, mac, device, user = sys.argv[1], bytes.fromhex(sys.argv[2].replace(':', '')), sys.argv[3], int(sys.argv[4])
os.setgroups([]); os.setgid(user); os.setuid(user)
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, TUNSETIFF, TUNGETIFF = 0x2, 0x1000, 0x4000, 0x400454ca, 0x800454d2
fd = os.open(device, os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
answer = fcntl.ioctl(fd, TUNGETIFF, bytes(40))
print(answer[:16].rstrip(b'\\0').decode(), hex(struct.unpack('H', answer[16:18])[0]), flush=True)
for again in range(100): # until the bridge forwards for a port that has a carrier now
  os.write(fd, bytes(10) + b'\\xff' * 6 + mac + b'\\x88\\xb5' + b'hello from a guest'.ljust(46, b'.'))
  time.sleep(0.1)
`

kernelTest(test, 'port: what Firecracker is told of opens as Firecracker opens it, also by its owner without privilege, and carries a frame', async (bed) => {
  const { ns, tmp } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  await using port = await net.attach({ kind: 'tap', fds: false, vnetHdr: true, owner: 54321, group: 54321 })
  const { body } = port.firecracker()
  const before = await show(ns, body.host_dev_name)
  const heard = ns.spawn('tcpdump', ['-lnnei', 'red0', '-c', '1', 'ether proto 0x88b5'])
  await heard.until(/listening on/)
  await ns.must('mknod', ['-m', '0666', join(tmp, 'tun'), 'c', '10', '200'])
  const program = ['-c', opener, body.host_dev_name, body.guest_mac, join(tmp, 'tun')]
  const vmm = ns.spawn('python3', [...program, '54321'])
  await vmm.until(new RegExp(`^${body.host_dev_name} 0x5[08]02`))
  await heard.until(new RegExp(body.guest_mac))
  await vmm.stop()
  assert.equal((await show(ns, port.dev))?.linkinfo.info_data, before?.linkinfo.info_data)
  assert.match((await ns.exec('python3', [...program, '54322'])).stderr, /PermissionError/)
}, { needs: ['tun', 'tcpdump', 'python3'] })

kernelTest(test, 'port: a monitor in a jail opens its TAP in the namespace where it lives, as its own user, and reaches what the host does', async (bed) => {
  const { ns, tmp } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  await using jail = await open.namespace('jail')
  const uplink = await net.attach({ kind: 'veth', netns: 'jail', address: '10.7.0.2', defaultRoute: true })
  await using inner = await jail.create({ name: 'inner', bridge: 'inner0', forward: 'nat', dns: { enable: false }, ip: [{ address: '10.8.0.1', prefix: 24 }] })
  const port = await inner.attach({ kind: 'tap', fds: false, vnetHdr: true, owner: 54321, group: 54321 })
  const inside = ['netns', 'exec', 'jail']
  await ns.must('mknod', ['-m', '0666', join(tmp, 'tun'), 'c', '10', '200'])
  const heard = background('ip', [...inside, 'tcpdump', '-lnnei', 'inner0', '-c', '1', 'ether proto 0x88b5'])
  const vmm = background('ip', [...inside, 'python3', '-c', opener, port.firecracker().body.host_dev_name, port.mac, join(tmp, 'tun'), '54321'])
  try {
    await heard.until(/listening on/)
    await vmm.until(new RegExp(`^${port.dev} 0x5[08]02`))
    await heard.until(new RegExp(port.mac))
    assert.match(await must('ip', [...inside, 'ping', '-n', '-c', '1', '-w', '30', '10.7.0.1']), /1 received/)
  } finally { await vmm.stop(); await heard.stop() }
  await port.detach()
  await uplink.detach()
}, { needs: ['tun', 'tcpdump', 'python3'] })

/** The monitor's answers while QEMU has the port. */
async function monitor (ns: Namespace, args: readonly string[], fds: readonly number[], ...asked: readonly string[]): Promise<string> {
  const qemu = spawn('ip', ['netns', 'exec', ns.name, 'qemu-system-x86_64', '-S', '-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', 'tcg', '-m', '32', '-monitor', 'stdio', ...args], { stdio: ['pipe', 'pipe', 'inherit', ...fds] })
  const [input, output] = [qemu.stdin, qemu.stdout]
  let text = ''
  output?.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  input?.end([...asked, 'quit', ''].join('\n'))
  const timer = setTimeout(() => qemu.kill('SIGKILL'), 60_000)
  const [code] = await once(qemu, 'close') as [number | null]
  clearTimeout(timer)
  assert.is(code, 0, text)
  return text
}

kernelTest(test, 'port: QEMU takes its queues through stdio, and a persistent one by its name', async (bed) => {
  await using open = await host(bed)
  await using net = await open.create({ ...red, mtu: 1400 })
  const vm = await net.attach({ kind: 'tap', queues: 2, vnetHdr: true })
  const text = await monitor(bed.ns, vm.qemuArgs({ id: 'net0' }), vm.fds, 'info network', 'info qtree')
  for (const fd of [3, 4]) assert.match(text, new RegExp(`index=${fd - 3},type=tap,fd=${fd}`))
  assert.match(text, /mq = true/)
  assert.match(text, new RegExp(`mac = "${vm.mac}"`))
  for (const fd of vm.fds) closeSync(fd) // with the last descriptor the link goes
  await eventually('a link that is gone', async () => (await net.ports()).length === 0 ? true : undefined)
  const named = await net.attach({ kind: 'tap', fds: false })
  const said = await monitor(bed.ns, named.qemuArgs(), [], 'info network')
  assert.match(said, new RegExp(`ifname=${named.dev},script=no`))
  await named.detach()
}, { needs: ['tun', 'qemu'] })

test.run()
