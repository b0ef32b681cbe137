/**
 * The API in one go: a network defined from libvirt XML, a TAP handed to a child process, a container-like namespace with an address,
 * leases and events as they happen, an automatic subnet, errors with codes.
 *
 *     node dist/examples/rig.js [NAMESPACE]     (as root)
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createNetns, deleteNetns, NetwrightError, openHost } from 'netwright'

const xml = `
<network>
  <name>red_nat</name>
  <bridge name='virbr1'/>
  <forward/>
  <ip address='192.168.123.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.123.2' end='192.168.123.254'/>
    </dhcp>
  </ip>
</network>`

const netns = process.argv[2]
const root = await mkdtemp(join(tmpdir(), 'rig-'))
await chmod(root, 0o711) // dnsmasq runs as another user and must pass
const logger = pino({ level: 'warn' })
const guest = `rig-${String(process.pid)}`
await createNetns(guest)

try {
  await using host = await openHost({ owner: 'rig', root, logger, ...netns === undefined ? {} : { netns } })

  // Events: a snapshot first, then changes, whoever makes them.
  const stop = new AbortController()
  const watching = (async () => {
    for await (const event of host.events({ signal: stop.signal })) console.log('event', event.kind, 'change' in event ? event.change : '')
  })()

  // A persistent network, from the XML that virsh takes.
  const net = await host.define(xml)
  const { warnings } = await net.start({ signal: AbortSignal.timeout(5_000) })
  for (const { message, remedy } of warnings) console.log('warning', message, remedy)

  // A TAP for a virtual machine: its address is reserved before the guest runs, its queues are open descriptors for a child.
  const vm = await net.attach({ kind: 'tap', address: 'auto', hostname: 'vm1', queues: 2, vnetHdr: true })
  console.log('tap', vm.dev, vm.mac, vm.ip, vm.gateway, vm.mtu)
  const child = spawn('sh', ['-c', 'echo "child has $(ls /proc/self/fd | wc -w) descriptors"'], { stdio: ['ignore', 1, 2, ...vm.fds] })
  await once(child, 'exit')

  // A namespace with an address and a default route.
  await net.attach({ kind: 'veth', netns: guest, dev: 'eth0', address: 'auto', defaultRoute: true })
  for (const port of await net.ports()) console.log('port', port.kind, port.dev, port.ip)
  for (const lease of await net.leases.list()) console.log('lease', lease.mac, lease.ip, lease.hostname, lease.expires)

  // A transient network on a subnet of its own; gone at the end of the block.
  {
    await using job = await host.create({ name: 'job-7', forward: { mode: 'nat' }, subnet: 'auto/24', dhcp: true })
    console.log('job', (await job.info()).addresses[0])
    try { await job.start() } catch (error) {
      if (!(error instanceof NetwrightError) || error.code !== 'NETWRIGHT_ACTIVE') throw error
      console.log('error', error.code)
    }
  }

  await vm.detach()
  await net.destroy()
  await net.undefine()
  stop.abort()
  await watching
} finally {
  await deleteNetns(guest)
  await rm(root, { recursive: true })
}
