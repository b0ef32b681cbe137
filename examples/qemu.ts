/**
 * A virtual machine on a network: QEMU gets a TAP as an open descriptor, the guest its lease, reaches what is outside, is given a second card while it runs, and loses it
 * again. The guest is a kernel and an initramfs made on the spot.
 *
 *     node dist/examples/qemu.js [NAMESPACE [OUTSIDE]]     (as root; OUTSIDE: an address for the guest to ping)
 *
 * The second half is also what the command line does: netwright attach-interface vm1 network data --qmp SOCKET.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openHost } from 'netwright'
import { initramfs } from './initramfs.js'

const [netns, outside = ''] = process.argv.slice(2)
const files = process.env.NETWRIGHT_GUEST ?? 'dist/guest'
const root = await mkdtemp(join(tmpdir(), 'qemu-'))
await chmod(root, 0o711) // dnsmasq runs as another user and must pass
const qmp = join(root, 'qmp')
await writeFile(join(root, 'initramfs'), await initramfs(files))
const signal = AbortSignal.timeout(120_000)

try {
  await using host = await openHost({ owner: 'qemu', root, ...netns === undefined ? {} : { netns } })
  await using lab = await host.create({ name: 'lab', forward: 'nat', subnet: 'auto/24', dhcp: true, bridge: { stp: false } })
  await using data = await host.create({ name: 'data', subnet: 'auto/24', dhcp: true, bridge: { stp: false } })

  // The TAP's descriptor becomes number 3 of the child; its own name is for people.
  const port = await lab.attach({ kind: 'tap', vnetHdr: true, address: 'auto', hostname: 'vm1', domain: { name: 'vm1', model: 'virtio' } })
  const machine = [
    '-accel', 'tcg', '-m', '128', '-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio', '-no-reboot', '-qmp', `unix:${qmp},server=on,wait=off`,
    '-kernel', join(files, 'vmlinuz'), '-initrd', join(root, 'initramfs'), '-append', `console=ttyS0 quiet panic=-1 outside=${outside}`,
  ]
  // A card that is plugged in later is opened by its name, so this QEMU lives in the namespace.
  const inside = netns === undefined ? [] : ['ip', 'netns', 'exec', netns]
  const [program = '', ...args] = [...inside, 'qemu-system-x86_64', ...machine, ...port.qemuArgs()]
  const qemu = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit', ...port.fds] })
  try {
    if (qemu.stdout === null) throw new Error('the console is not a pipe')
    const lines = createInterface({ input: qemu.stdout })
    const said: string[] = []
    lines.on('line', (line) => { if (line.startsWith('guest: ')) { said.push(line.trim()); console.log(line.trim()) } })
    const says = async (line: string): Promise<void> => { while (!said.includes(line)) await once(lines, 'line', { signal }) }

    const lease = await lab.leases.wait({ mac: port.mac }, { signal })
    console.log('lease', lease.ip, lease.hostname, lease.ip === port.ip ? 'as reserved' : 'not as reserved')
    await says(`guest: eth0 has ${lease.ip}/24`)
    if (outside !== '') await says(`guest: reaches ${outside}`)

    const vm = host.domain('vm1')
    const second = await vm.attach({ source: 'data' }, { qmp, signal })
    console.log('plugged', second.dev, second.mac)
    const { ip } = await data.leases.wait({ mac: second.mac }, { signal })
    await says(`guest: eth1 has ${ip}/24`)
    for (const { dev, source, model } of await vm.interfaces()) console.log('interface', dev, source, model)
    for (const { dev, address } of await vm.addresses()) console.log('address', dev, address)

    await vm.detach({ mac: second.mac }, { signal })
    await says('guest: eth1 is gone')
    console.log('unplugged', (await vm.interfaces()).length)
  } finally {
    const over = once(qemu, 'exit')
    qemu.kill()
    await over
  }
} finally {
  await rm(root, { recursive: true })
}
