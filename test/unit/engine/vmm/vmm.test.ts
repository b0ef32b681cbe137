/** What virtual machine monitors are told of a port. The request bodies are compared whole with test/fixtures/vmm. */
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../../../src/errors.js'
import { cloudHypervisor } from '../../../../src/engine/vmm/cloud-hypervisor.js'
import { firecracker } from '../../../../src/engine/vmm/firecracker.js'
import { kernelIp } from '../../../../src/engine/vmm/kernel-ip.js'
import { qemuArgs, qemuDevices, type Offered } from '../../../../src/engine/vmm/qemu.js'

const named: Offered = { dev: 'vnet0', kind: 'tap', mac: '52:54:00:12:34:56', mtu: 1500, queues: 1, vnetHdr: true, persist: true, fds: [] }
const handed: Offered = { ...named, persist: false, fds: [23] }
const several: Offered = { ...handed, queues: 2, mtu: 1400, fds: [23, 24] }
const pair: Offered = { dev: 'vnet1', kind: 'veth', mac: named.mac, mtu: 1500, fds: [] }

function refused (code: string, work: () => unknown): void {
  assert.throws(work, (error: unknown) => error instanceof NetwrightError && error.code === code)
}

/** After a wanted change run with NETWRIGHT_UPDATE_GOLDEN=1 and read the diff. */
function golden (file: string, actual: unknown): void {
  const path = new URL(`../../../../../test/fixtures/vmm/${file}`, import.meta.url)
  const text = `${JSON.stringify(actual, null, 2)}\n`
  if (process.env.NETWRIGHT_UPDATE_GOLDEN === '1') writeFileSync(path, text)
  assert.fixture(text, readFileSync(path, 'utf8'))
}

test('vmm: QEMU is given descriptors by the numbers that a child has them by', () => {
  assert.equal(qemuArgs(handed), ['-netdev', 'tap,id=hostvnet0,fd=3', '-device', 'virtio-net-pci,id=vnet0,netdev=hostvnet0,mac=52:54:00:12:34:56'])
  assert.equal(qemuArgs(several, { id: 'net0' }), ['-netdev', 'tap,id=hostnet0,fds=3:4', '-device', 'virtio-net-pci,id=net0,netdev=hostnet0,mac=52:54:00:12:34:56,mq=on,vectors=6,host_mtu=1400'])
  assert.is(qemuArgs({ ...several, vhostFds: [30, 31] })[1], 'tap,id=hostvnet0,fds=3:4,vhost=on,vhostfds=5:6')
  assert.is(qemuArgs({ ...handed, vhostFds: [30] })[1], 'tap,id=hostvnet0,fd=3,vhost=on,vhostfd=4')
  assert.is(qemuArgs(several, { fds: [8, 9], vhostFds: [10, 11] })[1], 'tap,id=hostvnet0,fds=8:9,vhost=on,vhostfds=10:11')
})

test('vmm: QEMU opens a persistent TAP by its name', () => {
  assert.is(qemuArgs(named)[1], 'tap,id=hostvnet0,ifname=vnet0,script=no,downscript=no,vnet_hdr=on')
  assert.is(qemuArgs({ ...named, queues: 4, vnetHdr: false }, { vhost: true })[1], 'tap,id=hostvnet0,ifname=vnet0,script=no,downscript=no,queues=4,vnet_hdr=off,vhost=on')
  assert.is(qemuArgs({ ...named, dev: 'a,b' }, { id: 'x' })[1], 'tap,id=hostx,ifname=a,,b,script=no,downscript=no,vnet_hdr=on')
  assert.is(qemuArgs(named, { driver: 'e1000' })[3], 'e1000,id=vnet0,netdev=hostvnet0,mac=52:54:00:12:34:56')
})

test('vmm: the same goes to QMP, with names instead of numbers', () => {
  golden('qmp-name.json', qemuDevices(named))
  golden('qmp-queues.json', qemuDevices(several, { id: 'net1', fds: ['net1-0', 'net1-1'], vhostFds: ['vhost1-0', 'vhost1-1'] }))
})

test('vmm: Firecracker is told of a TAP that it can open', () => {
  golden('firecracker.json', firecracker(named))
  assert.is(firecracker(named, { id: 'net_1' }).path, '/network-interfaces/net_1')
  for (const port of [handed, { ...named, queues: 2 }, pair]) refused('NETWRIGHT_UNSUPPORTED', () => firecracker(port))
  refused('NETWRIGHT_INVALID', () => firecracker(named, { id: '../x' }))
})

test('vmm: cloud-hypervisor is told of a TAP by name, or of descriptors', () => {
  golden('cloud-hypervisor-name.json', cloudHypervisor(named))
  golden('cloud-hypervisor-fds.json', cloudHypervisor(several, { id: 'net0' }))
  assert.is(cloudHypervisor(handed).argument, 'fd=3,id=vnet0,mac=52:54:00:12:34:56,mtu=1500,num_queues=2')
  refused('NETWRIGHT_UNSUPPORTED', () => cloudHypervisor(pair))
  refused('NETWRIGHT_UNSUPPORTED', () => cloudHypervisor(handed, { by: 'name' }))
  refused('NETWRIGHT_INVALID', () => cloudHypervisor(named, { id: 'a,b' }))
})

test('vmm: what cannot be is refused', () => {
  refused('NETWRIGHT_UNSUPPORTED', () => qemuArgs(pair))
  refused('NETWRIGHT_UNSUPPORTED', () => qemuArgs(handed, { by: 'name' }))
  refused('NETWRIGHT_UNSUPPORTED', () => qemuArgs(several, { driver: 'e1000' }))
  refused('NETWRIGHT_INVALID', () => qemuArgs(several, { fds: [3] }))
  refused('NETWRIGHT_INVALID', () => qemuArgs(several, { fds: [3, 4], vhostFds: [5] }))
  refused('NETWRIGHT_INVALID', () => qemuArgs(named, { id: 'net0,script=/bin/sh' }))
})

test('vmm: a kernel is told its address on its command line', () => {
  const port = { ip: '192.168.123.57', prefix: 24, gateway: '192.168.123.1', dns: ['192.168.123.1'], hostname: 'vm1' }
  assert.is(kernelIp(port), 'ip=192.168.123.57::192.168.123.1:255.255.255.0:vm1:eth0:off:192.168.123.1')
  assert.is(kernelIp({ ip: '10.0.0.9', prefix: 19, dns: [] }, { dev: 'ens3' }), 'ip=10.0.0.9:::255.255.224.0::ens3:off')
  assert.is(kernelIp({ ip: '10.0.0.9', prefix: 31, dns: [] }), 'ip=10.0.0.9:::255.255.255.254::eth0:off')
  assert.is(kernelIp({ dns: [] }), 'ip=:::::eth0:dhcp')
  assert.is(kernelIp({ dns: [] }, { hostname: 'vm2' }), 'ip=::::vm2:eth0:dhcp')
  refused('NETWRIGHT_INVALID', () => kernelIp(port, { hostname: 'a b' }))
  refused('NETWRIGHT_INVALID', () => kernelIp(port, { dev: 'e:h' }))
})

test.run()
