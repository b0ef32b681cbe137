/** Leases as real clients get them, addresses reserved for ports, and ports that outlive a stop. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError, type LeaseChange } from '../../src/index.js'
import { dhcp, dig, guest, ping } from '../harness/guest.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'
import { host, OUTSIDE, uplink } from './bed.js'

const red = {
  name: 'red', bridge: 'br7', forward: 'nat', domain: { name: 'red.test' },
  ip: { address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.50', end: '10.7.0.59', lease: { expiry: 10 } }], host: [{ mac: '52:54:00:00:00:aa', name: 'static', ip: '10.7.0.7' }] } },
} as const

/** A client that asks again for its lease, and releases it. */
async function giveBack (ns: Namespace, tmp: string): Promise<void> {
  const script = join(tmp, 'keep')
  await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && ip addr replace "$ip/$mask" dev "$interface"\nexit 0\n', { mode: 0o755 })
  const client = ns.spawn('udhcpc', ['-f', '-i', 'eth0', '-s', script, '-x', 'hostname:vm-b', '-t', '8', '-T', '1'])
  await client.until(/lease of \S+ obtained/)
  client.child.kill('SIGUSR2')
  await client.until(/sending release/)
  await client.stop()
}

const told = ({ change, mac, ip, hostname }: LeaseChange): string => `${change} ${mac} ${ip} ${hostname ?? '-'}`

kernelTest(test, 'leases: are listed, watched and waited for as clients come and go', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  await using network = await open.create(red)
  const [a, b] = [await guest(ns, 'br7', { mac: '52:54:00:00:00:0a' }), await guest(ns, 'br7', { mac: '52:54:00:00:00:0b' })]
  assert.equal(await network.leases.list(), [])
  const before = Date.now()
  const first = await dhcp(a, tmp, { args: ['-x', 'hostname:vm-a'] })
  const ip = first?.ip ?? ''

  const end = new AbortController()
  const changes = network.leases.watch({ signal: end.signal })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => { const step = await changes.next(); return step.done === true ? 'end' : step.value.change === 'renewed' ? await next() : told(step.value) } // a client asks again where its answer is late
  assert.is(await next(), `present 52:54:00:00:00:0a ${ip} vm-a`)
  const coming = network.leases.wait({ mac: '52:54:00:00:00:0B' })
  const second = await dhcp(b, tmp, { args: ['-x', 'hostname:vm-b'] })
  assert.is(await next(), `added 52:54:00:00:00:0b ${second?.ip ?? ''} vm-b`)
  const lease = await coming
  assert.equal({ mac: lease.mac, ip: lease.ip, hostname: lease.hostname, prefix: lease.prefix, family: lease.family }, { mac: '52:54:00:00:00:0b', ip: second?.ip, hostname: 'vm-b', prefix: 24, family: 'ipv4' })
  assert.equal((await network.leases.wait({ hostname: 'vm-a' })).ip, ip, 'one that is there already')
  const expires = Number(new Date((await network.leases.list())[0]?.expires ?? 0))
  assert.ok(expires >= before + 590_000 && expires <= Date.now() + 610_000, `ten minutes: ${String(expires - before)} ms`)

  await giveBack(b, tmp)
  assert.is(await next(), `removed 52:54:00:00:00:0b ${second?.ip ?? ''} vm-b`)
  assert.equal((await network.leases.list()).map(({ mac }) => mac), ['52:54:00:00:00:0a'])
  end.abort()
  assert.is(await next(), 'end')
  const gone = await network.leases.wait({ mac: '52:54:00:00:00:0c' }, { signal: AbortSignal.timeout(10) }).catch((error: unknown) => error)
  assert.instance(gone, Error)
}, { needs: ['dnsmasq', 'udhcpc'] })

kernelTest(test, 'leases: where no dnsmasq has ever run there is nothing to watch, and the error says so', async (context) => {
  await using open = await host(context)
  await using network = await open.create({ name: 'plain', bridge: 'br8', subnet: '10.8.0.0/24', dns: { enable: false } })
  assert.equal(await network.leases.list(), [])
  const refused = await network.leases.wait({ mac: '52:54:00:00:00:0a' }).catch((error: unknown) => error)
  assert.ok(refused instanceof NetwrightError)
  assert.equal([refused.code, refused.network], ['NETWRIGHT_INACTIVE', 'plain'])
  assert.match(refused.message, /plain.*has never run/)
})

kernelTest(test, 'leases: a static host of the definition gets its address and its name, also after a stop and a start', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  const network = await open.define(red)
  await network.start()
  const fixed = await guest(ns, 'br7', { mac: '52:54:00:00:00:aa' })
  const other = await guest(ns, 'br7')
  const lease = await dhcp(fixed, tmp)
  assert.is(lease?.ip, '10.7.0.7')
  const free = await dhcp(other, tmp)
  assert.equal((await dig(other, '10.7.0.1', 'static.red.test'))?.answers, ['10.7.0.7'])
  await network.stop()
  assert.equal((await network.leases.list()).map(({ ip }) => ip).sort(), ['10.7.0.7', free?.ip].sort(), 'leases outlive a stop')
  await network.start()
  for (const one of [fixed, other]) await ns.must('ip', ['link', 'set', one.port, 'master', 'br7'])
  assert.is((await dhcp(other, tmp))?.ip, free?.ip)
  await network.destroy()
  await network.undefine()
}, { needs: ['dnsmasq', 'udhcpc', 'dig'] })

kernelTest(test, 'leases: a port with an automatic address gets exactly that one by DHCP, and nobody else does', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  await using network = await open.create(red)
  const early = await dhcp(await guest(ns, 'br7'), tmp)
  const inside = [await ns.add(), await ns.add(), await ns.add()]
  const ports = []
  for (const [i, one] of inside.entries()) ports.push(await network.attach({ kind: 'veth', netns: one.path, address: i === 2 ? '10.7.0.200' : 'auto', hostname: `vm${String(i)}` }))
  const addresses = ports.map(({ ip }) => ip)
  assert.is(new Set([...addresses, early?.ip, '10.7.0.1', '10.7.0.7']).size, 6, addresses.join(' '))
  for (const [i, one] of inside.entries()) {
    const port = ports[i]
    assert.equal({ prefix: port?.prefix, gateway: port?.gateway, dns: port?.dns, mtu: port?.mtu }, { prefix: 24, gateway: '10.7.0.1', dns: ['10.7.0.1'], mtu: 1500 })
    const [shown] = await one.json<[{ address: string, addr_info: readonly { family: string, local: string, prefixlen: number }[] }]>('ip', ['-j', 'addr', 'show', 'eth0'])
    assert.equal({ mac: shown.address, addresses: shown.addr_info.filter(({ family }) => family === 'inet').map(({ local, prefixlen }) => `${local}/${String(prefixlen)}`) }, { mac: port?.mac, addresses: [`${String(port?.ip)}/24`] })
    const lease = await dhcp(one, tmp)
    assert.is(lease?.ip, port?.ip)
    assert.equal((await dig(one, '10.7.0.1', `vm${String(i)}.red.test`))?.answers, [port?.ip])
  }
  // Seven addresses of the range are left for strangers, none of them reserved.
  const strangers = []
  for (let i = 0; i < 3; i++) strangers.push((await dhcp(await guest(ns, 'br7'), tmp))?.ip)
  assert.is(new Set([...strangers, ...addresses, early?.ip]).size, 7)
  const taken = await network.attach({ kind: 'tap', address: String(addresses[0]) }).catch((error: unknown) => error)
  assert.ok(taken instanceof NetwrightError && taken.code === 'NETWRIGHT_NAME_IN_USE', String(taken))
  const outer = await network.attach({ kind: 'tap', address: '10.8.0.1' }).catch((error: unknown) => error)
  assert.ok(outer instanceof NetwrightError && outer.code === 'NETWRIGHT_INVALID', String(outer))
}, { needs: ['dnsmasq', 'udhcpc', 'dig'] })

kernelTest(test, 'leases: a range that is used up refuses one more automatic address', async (context) => {
  await using open = await host(context)
  await using network = await open.create({ name: 'tiny', bridge: 'br7', forward: 'nat', ip: { address: '10.7.0.1', prefix: 29, dhcp: { range: [{ start: '10.7.0.2', end: '10.7.0.3' }] } } })
  const found = []
  for (let i = 0; i < 5; i++) found.push((await network.attach({ kind: 'tap', address: 'auto', fds: false })).ip)
  assert.equal(found, ['10.7.0.2', '10.7.0.3', '10.7.0.4', '10.7.0.5', '10.7.0.6'])
  const more = await network.attach({ kind: 'tap', address: 'auto', fds: false }).catch((error: unknown) => error)
  assert.ok(more instanceof NetwrightError && more.code === 'NETWRIGHT_NO_FREE_ADDRESS', String(more))
  assert.is((await network.ports()).length, 5)
}, { needs: ['dnsmasq', 'tun'] })

async function portOf (ns: Namespace, dev: string): Promise<string> {
  const [{ master, flags }] = await ns.json<[{ master?: string, flags: readonly string[] }]>('ip', ['-j', 'link', 'show', dev])
  return `${flags.includes('UP') ? 'up' : 'down'} ${master ?? '-'}`
}

kernelTest(test, 'ports: a veth with a default route reaches the outside with its first packet, and again after stop and start', async (context) => {
  const { ns } = context
  await uplink(ns)
  await using open = await host(context)
  const network = await open.define(red)
  await network.start()
  const inside = await ns.add()
  const port = await network.attach({ kind: 'veth', netns: inside.path, dev: 'net0', address: 'auto', defaultRoute: true })
  assert.is((await inside.exec('ping', ['-n', '-c', '1', '-W', '30', OUTSIDE.four])).code, 0, 'one packet, one answer')
  const tap = await network.attach({ kind: 'tap', fds: false })
  assert.equal([await portOf(ns, port.dev), await portOf(ns, tap.dev)], ['up br7', 'up br7'])

  const running = inside.spawn('ping', ['-n', '-O', '-i', '0.2', OUTSIDE.four])
  await running.until(/bytes from/)
  await network.stop()
  assert.equal([await portOf(ns, port.dev), await portOf(ns, tap.dev)], ['down -', 'down -'])
  assert.equal((await network.ports()).map(({ dev, attached }) => `${dev} ${String(attached)}`).sort(), [`${port.dev} false`, `${tap.dev} false`].sort())
  await running.until(/no answer yet|unreachable/i)
  await network.start()
  assert.equal([await portOf(ns, port.dev), await portOf(ns, tap.dev)], ['up br7', 'up br7'])
  await running.until(/(?:no answer yet|unreachable)[^]*bytes from/i)
  await running.stop()
  assert.is((await network.ports()).find(({ dev }) => dev === port.dev)?.ip, port.ip)
  assert.is(await ping(inside, '10.7.0.1'), true)
  await network.destroy()
  assert.is((await inside.exec('ip', ['link', 'show', 'net0'])).code, 1, 'destroy takes the ports along')
  await network.undefine()
}, { needs: ['dnsmasq', 'tun'] })

test.run()
