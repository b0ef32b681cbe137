/** The pool: what it keeps, what it lends, what it gives up. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { close } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost, type Internals } from '../../src/engine/host.js'
import type { Host, HostOptions } from '../../src/engine/api.js'
import { guest, ping } from '../harness/guest.js'
import { kernelTest } from '../harness/kernel-test.js'
import type { Namespace } from '../harness/namespace.js'
import { eventually } from './bed.js'

interface At { readonly ns: Namespace, readonly tmp: string }
const open = async ({ ns, tmp }: At, options: HostOptions = {}, internals: Internals = {}): Promise<Host> => await openHost({ netns: ns.path, root: join(tmp, 'root'), recycle: { max: 20 }, ...options }, internals)
const red = { name: 'red', forward: 'nat', bridge: 'br-red', mac: '52:54:00:00:00:01', subnet: '10.95.1.0/24', dns: { enable: false } } as const
const blue = { name: 'blue', forward: 'route', bridge: 'br-blue', mac: '52:54:00:00:00:02', subnet: '10.95.2.0/24', dns: { enable: false } } as const

interface Link { readonly ifname: string, readonly ifindex: number, readonly group?: string, readonly stats64: { readonly rx: Counted, readonly tx: Counted } }
interface Counted { readonly bytes: number, readonly packets: number, readonly errors: number, readonly dropped: number }
const links = async (ns: Namespace): Promise<Link[]> => (await ns.json<Link[]>('ip', ['-j', '-s', 'link'])).filter(({ ifname }) => ifname !== 'lo')
const names = async (ns: Namespace): Promise<string[]> => (await links(ns)).map(({ ifname }) => ifname).sort()
const link = async (ns: Namespace, name: string): Promise<Link | undefined> => (await links(ns)).find(({ ifname }) => ifname === name)
const pooled = async (ns: Namespace): Promise<Link[]> => (await links(ns)).filter(({ ifname }) => ifname.startsWith('nwp'))

kernelTest(test, 'pool: a link that somebody has touched is not lent, and one that has left its group is left alone', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  await host.pool.fill(5)
  await host.settled()
  const [renamed, deleted, moved, up, dirty] = await pooled(ns)
  await ns.must('ip', ['link', 'set', renamed?.ifname ?? '', 'name', 'mine0'])
  await ns.must('ip', ['link', 'del', deleted?.ifname ?? ''])
  await ns.must('ip', ['link', 'set', moved?.ifname ?? '', 'group', '4711'])
  await ns.must('ip', ['link', 'set', up?.ifname ?? '', 'up'])
  await ns.must('ip', ['link', 'set', dirty?.ifname ?? '', 'type', 'bridge', 'ageing_time', '100'])
  const made = await host.create([red, blue, { ...red, name: 'green', bridge: 'br-green', mac: '52:54:00:00:00:03', subnet: '10.95.3.0/24' }])
  const used = (await links(ns)).filter(({ ifname }) => ifname.startsWith('br-')).map(({ ifindex }) => ifindex)
  for (const one of [deleted, moved]) assert.not.ok(used.includes(one?.ifindex ?? 0))
  for (const name of ['br-red', 'br-blue', 'br-green']) assert.match(await ns.must('ip', ['-d', 'link', 'show', 'dev', name]), 'ageing_time 30000')
  await Promise.all(made.map(async (network) => { await network.destroy() }))
  await host.close()
  assert.equal(await names(ns), [moved?.ifname ?? ''])
  await ns.must('ip', ['link', 'del', moved?.ifname ?? ''])
})

kernelTest(test, 'pool: what was proved for a batch that failed is looked at again for the next', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  await host.pool.fill({ bridges: 1, taps: { count: 1 } })
  await host.settled()
  await ns.must('ip', ['link', 'add', 'theirs', 'type', 'bridge'])
  await ns.must('ip', ['addr', 'add', '10.95.1.9/24', 'dev', 'theirs'])
  const batch = { network: red, ports: [{ kind: 'tap', dev: 'tap-red', fds: false }] } as const
  const refused = await host.create([batch]).catch((error: unknown) => error)
  assert.match(String(refused), /10\.95\.1/)
  await ns.must('ip', ['link', 'del', 'theirs'])
  for (const { ifname } of await pooled(ns)) await ns.must('ip', ['link', 'set', ifname, 'txqueuelen', '77'])
  const [made] = await host.create([batch])
  for (const dev of ['br-red', 'tap-red']) assert.match(await ns.must('ip', ['link', 'show', 'dev', dev]), 'qlen 1000', dev)
  await made?.destroy()
})

kernelTest(test, 'pool: a batch waits for as many links as it takes, not for all that are being laundered', async ({ ns, tmp }) => {
  const ends: (() => void)[] = []
  const hold = { on: false }
  const host = await open({ ns, tmp }, {}, { hook: async (step) => {
    if (hold.on && step === 'launder links') await new Promise<void>((resolve) => { ends.push(resolve) })
  } })
  const green = { ...red, name: 'green', bridge: 'br-green', mac: '52:54:00:00:00:03', subnet: '10.95.3.0/24' } as const
  const [one, other] = await host.create([red, { network: green, ports: [{ kind: 'tap', dev: 'tap-green', fds: false }] }])
  const index = (await link(ns, 'br-red'))?.ifindex
  hold.on = true
  await one?.destroy()
  await other?.destroy() // the TAP's lot, beside the bridge's
  await eventually('two lots', async () => await Promise.resolve(ends.length === 2 ? true : undefined))
  const coming = host.create(blue)
  ends[0]?.()
  const made = await coming
  assert.is((await link(ns, 'br-blue'))?.ifindex, index)
  assert.is(ends.length, 2, 'the TAP is not laundered, nor the bridge that it was a port of')
  hold.on = false
  ends[1]?.()
  await made.destroy()
  await host.settled()
  assert.equal(host.pool.size, { bridges: 2, taps: 1 })
  await host.close()
})

kernelTest(test, 'pool: a link that was laundered while forwarding was switched for all is not lent as it is', async ({ ns, tmp }) => {
  const forwarding = async (dev: string): Promise<string> => (await ns.must('sysctl', ['-n', `net.ipv4.conf.${dev}.forwarding`, `net.ipv6.conf.${dev}.forwarding`])).trim().split('\n').join()
  const set = async (dev: string, value: 0 | 1): Promise<void> => { await ns.must('sysctl', ['-q', '-w', `net.ipv4.conf.${dev}.forwarding=${String(value)}`, `net.ipv6.conf.${dev}.forwarding=${String(value)}`]) }
  const before = await forwarding('all')
  await set('all', 1)
  const host = await open({ ns, tmp })
  await host.pool.fill({ bridges: 2, taps: { count: 1 } })
  await host.settled()
  // What is left where it is switched between the look at what new links have and the look at this one.
  for (const { ifname } of await pooled(ns)) await set(ifname, 0)
  const made = await host.create([{ network: red, ports: [{ kind: 'tap', dev: 'tap-red' }] }, blue])
  for (const dev of ['br-red', 'br-blue', 'tap-red']) assert.is(await forwarding(dev), '1,1', dev)
  await Promise.all(made.map(async (network) => { await network.destroy() }))
  await host.close()
  assert.ok(['0,0', '1,1'].includes(before), before)
  await set('all', before === '0,0' ? 0 : 1)
})

kernelTest(test, 'pool: what is above its bound is deleted, and nothing without one', async ({ ns, tmp }) => {
  const host = await open({ ns, tmp }, { recycle: { max: { bridges: 1 } } })
  const made = await host.create([red, { network: blue, ports: [{ kind: 'tap' }] }])
  await Promise.all(made.map(async (network) => { await network.destroy() }))
  assert.equal(host.pool.size, { bridges: 1, taps: 0 })
  await host.pool.fill(1) // waits until the kept one is as new
  await host.settled()
  assert.is((await names(ns)).length, 1)
  await host.close()
  const without = await openHost({ netns: ns.path, root: join(tmp, 'root') })
  await (await without.create(red)).destroy()
  assert.equal(without.pool.size, { bridges: 0, taps: 0 })
  await without.settled()
  assert.equal(await names(ns), [])
  assert.match(String(await without.pool.fill(1).catch(String)), 'recycle')
  await without.close()
  for (const recycle of [{ max: -1 }, { max: 1.5 }, { max: { bridges: 'x' } }, { max: 1, idle: -1 }, {}]) assert.match(await open({ ns, tmp }, { recycle: recycle as unknown as { max: number } }).then(() => 'opened', String), 'recycle')
}, { needs: ['tun'] })

kernelTest(test, 'pool: a TAP whose bridge is not kept has left it, and is down, when its name is free', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp }, { recycle: { max: { taps: 2 } } })
  const network = await host.create({ network: red, ports: [{ kind: 'tap', fds: false }, { kind: 'tap', fds: false }] })
  const look = async (): Promise<{ ifindex: number, ifname: string, flags: string[], master?: string }[]> => await ns.json('ip', ['-j', 'link'])
  const taps = new Set((await look()).filter(({ master }) => master === 'br-red').map(({ ifindex }) => ifindex))
  assert.is(taps.size, 2)
  await network.destroy()
  const kept = (await look()).filter(({ ifindex }) => taps.has(ifindex))
  assert.is(kept.length, 2)
  for (const { ifname, flags, master } of kept) assert.equal([ifname.startsWith('nwp'), flags.includes('UP'), master], [true, false, undefined], ifname)
}, { needs: ['tun'] })

kernelTest(test, 'pool: it is deleted when nobody has used it for a while', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp }, { recycle: { max: 5, idle: 200 } })
  await host.pool.fill(3)
  await eventually('an empty namespace', async () => (await names(ns)).length === 0 ? true : undefined)
  assert.equal(host.pool.size, { bridges: 0, taps: 0 })
  await (await host.create(red)).destroy()
})

kernelTest(test, 'pool: two owners have pools of their own', async ({ ns, tmp }) => {
  await using one = await open({ ns, tmp }, { owner: 'one' })
  const two = await open({ ns, tmp }, { owner: 'two' })
  await one.pool.fill(2)
  await two.pool.fill(2)
  const network = await one.create(red)
  assert.equal([one.pool.size.bridges, two.pool.size.bridges], [1, 2])
  await two.close()
  assert.equal((await names(ns)).filter((name) => !name.startsWith('nwx')).length, 2)
  assert.ok((await link(ns, 'br-red')) !== undefined)
  await network.destroy()
  assert.is(one.pool.size.bridges, 2)
})

kernelTest(test, 'pool: TAPs of different shapes do not stand in for each other', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  const network = await host.create(red)
  const shapes = [{}, { queues: 2 }, { vnetHdr: true }, { owner: 12345 }, { group: 12345 }, { owner: 12345, group: 54321, queues: 4, vnetHdr: true }] as const
  const show = async (): Promise<unknown[]> => (await ns.json<{ ifname: string, ifindex: number, linkinfo: { info_data: unknown } }[]>('ip', ['-j', '-d', 'link', 'show', 'type', 'tun'])).filter(({ ifname }) => !ifname.startsWith('nw')).map(({ ifindex, linkinfo }) => [ifindex, linkinfo.info_data]).sort()
  for (const [i, shape] of shapes.entries()) await network.attach({ kind: 'tap', dev: `tap${String(i)}`, persist: true, fds: false, ...shape })
  const before = await show()
  for (const i of shapes.keys()) await network.detach(`tap${String(i)}`)
  assert.is(host.pool.size.taps, shapes.length)
  for (const [i, shape] of [...shapes.entries()].reverse()) await network.attach({ kind: 'tap', dev: `new${String(i)}`, persist: true, fds: false, ...shape })
  assert.equal(await show(), before, 'each is the old one of its shape')
  assert.is(host.pool.size.taps, 0)
  const opened = await network.attach({ kind: 'tap', dev: 'open0', persist: true, fds: true, queues: 2 })
  assert.is(opened.fds.length, 2)
  for (const fd of opened.fds) await new Promise<void>((resolve) => { close(fd, () => { resolve() }) })
  await network.detach('open0')
  const again = await network.attach({ kind: 'tap', dev: 'open1', persist: true, fds: true, queues: 2 })
  assert.is(again.fds.length, 2, 'its queues are opened')
  assert.is(host.pool.size.taps, 0)
  for (const fd of again.fds) await new Promise<void>((resolve) => { close(fd, () => { resolve() }) })
  await network.destroy()
}, { needs: ['tun'] })

for (const queues of [1, 2]) {
  kernelTest(test, `pool: a TAP of ${String(queues)} with an open descriptor is not used again`, async ({ ns, tmp }) => {
    await using host = await open({ ns, tmp })
    const network = await host.create(red)
    const port = await network.attach({ kind: 'tap', dev: 'tap0', persist: true, fds: true, queues })
    const index = (await link(ns, 'tap0'))?.ifindex
    await network.destroy()
    const next = await host.create({ network: blue, ports: [{ kind: 'tap', dev: 'tap1', persist: true, fds: false, queues }] })
    assert.is.not((await link(ns, 'tap1'))?.ifindex, index)
    for (const fd of port.fds) await new Promise<void>((resolve) => { close(fd, () => { resolve() }) })
    await next.destroy()
  }, { needs: ['tun'] })
}

kernelTest(test, 'pool: TAPs that are made in advance go with the others, when links have gone before', async ({ ns, tmp }) => {
  const host = await open({ ns, tmp })
  for (const queues of [1, 2, 3, 4]) {
    await host.pool.fill({ taps: { count: 2, queues } })
    await host.settled() // the measure
  }
  assert.is(host.pool.size.taps, 8)
  await host.close()
  assert.equal(await names(ns), [])
}, { needs: ['tun'] })

kernelTest(test, 'pool: it is not filled above its bound, whatever shapes there are and whoever fills', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp }, { recycle: { max: { bridges: 2, taps: 3 } } })
  await Promise.all([host.pool.fill(2), host.pool.fill(2), host.pool.fill({ taps: { count: 2 } }), host.pool.fill({ taps: { count: 3, queues: 2 } })])
  assert.equal(host.pool.size, { bridges: 2, taps: 3 })
}, { needs: ['tun'] })

/** Opens a TAP as user 1000, without giving it a carrier, and holds it. Source: include/uapi/linux/if_tun.h, IFF_TAP | IFF_NO_PI | IFF_NO_CARRIER. */
const HOLD = `#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
int main (int argc, char **argv)
{
  struct ifreq request = { .ifr_flags = 0x1042 };
  int fd = open("/dev/net/tun", O_RDWR);
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  if (argc != 2 || setgid(1000) != 0 || setuid(1000) != 0 || ioctl(fd, 0x400454ca, &request) != 0) { perror("refused"); return 1; }
  puts("open");
  fflush(stdout);
  for (;;) pause();
}
`
for (const when of ['in its network', 'in the pool']) {
  kernelTest(test, `pool: a TAP that its owner has opened without a trace ${when} is not used again`, async ({ ns, tmp }) => {
    const hold = join(tmp, 'hold')
    await ns.must('cc', ['-x', 'c', '-o', hold, '-'], { input: HOLD })
    await ns.must('chmod', ['755', hold])
    await using host = await open({ ns, tmp })
    const tap = { kind: 'tap', persist: true, fds: false, owner: 1000 } as const
    const taps = { count: 1, owner: 1000 }
    await host.pool.fill({ taps })
    const old = await host.create({ network: red, ports: [{ ...tap, dev: 'tap0' }] })
    const index = (await link(ns, 'tap0'))?.ifindex
    const holder = async (name: string): Promise<void> => { await ns.spawn(hold, [name]).until(/open/) }
    if (when === 'in its network') await holder('tap0')
    await old.destroy()
    await host.pool.fill({ taps }) // waits until it is laundered
    const [kept] = (await pooled(ns)).filter(({ ifindex }) => ifindex === index)
    assert.is(kept !== undefined, when === 'in the pool')
    if (kept !== undefined) await holder(kept.ifname)
    const next = await host.create({ network: blue, ports: [{ ...tap, dev: 'tap1' }] })
    assert.is.not((await link(ns, 'tap1'))?.ifindex, index)
    await next.destroy()
  }, { needs: ['tun'] })
}

kernelTest(test, 'pool: statistics begin anew where the kernel\'s do not', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  const old = await host.create(red)
  const first = await guest(ns, 'br-red', { mac: '02:00:00:00:00:07' })
  await first.must('ip', ['addr', 'add', '10.95.1.7/24', 'dev', first.dev])
  assert.ok(await ping(first, '10.95.1.1'))
  const was = await link(ns, 'br-red')
  const counted = await old.statistics()
  assert.ok(counted.rxPackets > 0 && counted.rxBytes > 0)
  await ns.must('ip', ['link', 'del', first.port])
  await old.destroy()
  const fresh = await host.create(red)
  const now = await link(ns, 'br-red')
  assert.is(now?.ifindex, was?.ifindex)
  assert.ok((now?.stats64.rx.packets ?? 0) > 0, 'the kernel goes on counting')
  const zero = await fresh.statistics()
  assert.equal([zero.rxPackets, zero.rxBytes, zero.rxErrors, zero.rxDropped], [0, 0, 0, 0])
  const second = await guest(ns, 'br-red', { mac: '02:00:00:00:00:08' })
  await second.must('ip', ['addr', 'add', '10.95.1.8/24', 'dev', second.dev])
  assert.ok(await ping(second, '10.95.1.1'))
  const [earlier, ours, later] = [await link(ns, 'br-red'), await fresh.statistics(), await link(ns, 'br-red')] // guests go on sending
  const begun = now?.stats64.rx.packets ?? 0
  assert.ok(ours.rxPackets > 0 && ours.rxPackets >= (earlier?.stats64.rx.packets ?? 0) - begun && ours.rxPackets <= (later?.stats64.rx.packets ?? 0) - begun)
  const port = await fresh.attach({ kind: 'tap', dev: 'tap0', fds: false })
  assert.is((await fresh.statistics({ dev: port.dev })).txPackets >= 0, true)
  assert.is(await fresh.statistics({ dev: 'none' }).then(() => '', (error: unknown) => (error as { code: string }).code), 'NETWRIGHT_NOT_FOUND')
  await ns.must('ip', ['link', 'del', second.port])
  await fresh.destroy()
}, { needs: ['tun'] })

kernelTest(test, 'pool: a network with an MTU takes a kept bridge, and leaves none', async ({ ns, tmp }) => {
  await using host = await open({ ns, tmp })
  await host.pool.fill(1)
  const network = await host.create({ ...red, mtu: 1500 })
  assert.is(host.pool.size.bridges, 0)
  // It was given its MTU: a port with a smaller one does not lower it.
  await ns.must('sh', ['-c', 'ip link add small0 mtu 1300 type veth peer name small1 && ip link set small0 master br-red'])
  assert.match(await ns.must('ip', ['link', 'show', 'dev', 'br-red']), 'mtu 1500')
  await ns.must('ip', ['link', 'del', 'small0'])
  await network.destroy()
  assert.is(host.pool.size.bridges, 0)
})

kernelTest(test, 'pool: what new links are given by the namespace, kept ones are given too', async ({ ns, tmp }) => {
  const host = await open({ ns, tmp })
  await host.pool.fill(1)
  await ns.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.hop_limit=33', 'net.ipv4.conf.default.arp_ignore=2'])
  await eventually('a bridge with the new defaults', async () => {
    const network = await host.create(red)
    const text = await ns.must('sh', ['-c', 'cat /proc/sys/net/ipv6/conf/br-red/hop_limit /proc/sys/net/ipv4/conf/br-red/arp_ignore'])
    await network.destroy()
    return text === '33\n2\n' ? true : undefined
  })
  await ns.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.hop_limit=64', 'net.ipv4.conf.default.arp_ignore=0'])
  await host.close()
  assert.equal(await readdir(join(tmp, 'root/run/netwright')).catch(() => []), [])
})

test.run()
