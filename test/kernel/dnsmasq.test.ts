import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ProcessError } from '../../src/errors.js'
import { dnsmasqConfig } from '../../src/dnsmasq/config.js'
import { listLeases, watchLeases } from '../../src/dnsmasq/lease-file.js'
import { writeHosts } from '../../src/dnsmasq/prepare.js'
import { startDnsmasq } from '../../src/dnsmasq/process.js'
import type { Running } from '../../src/dnsmasq/running.js'
import { Supervisor } from '../../src/dnsmasq/supervise.js'
import { dnsmasqUser, findDnsmasq } from '../../src/dnsmasq/user.js'
import { dhcp, guest, type Lease } from '../harness/guest.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { bridge, definition, prepared, withDnsmasq } from './dnsmasq-bed.js'

/** A guest with an address of its own that asks the gateway. */
async function asker ({ ns }: KernelTest): Promise<(...words: string[]) => Promise<string>> {
  const inside = await guest(ns, 'br0')
  await inside.must('ip', ['addr', 'add', '10.9.0.50/24', 'dev', 'eth0'])
  return async (...words) => (await inside.must('dig', ['+short', '+tries=2', '+time=5', '@10.9.0.1', ...words])).trim()
}

async function leaseOf ({ ns, tmp }: KernelTest, mac: string, name = 'guest-a'): Promise<Lease> {
  const lease = await dhcp(await guest(ns, 'br0', { mac }), tmp, { args: ['-x', `hostname:${name}`, '-O', 'mtu'] })
  if (lease === undefined) throw new Error('no lease')
  return lease
}

kernelTest(test, 'dnsmasq: answers for its own names as soon as it has started', async (context) => {
  await withDnsmasq(context, definition(), async () => {
    const dig = await asker(context)
    assert.is(await dig('fixed.red.test'), '192.0.2.77')
    assert.is(await dig('note.red.test', 'TXT'), '"a, \\"b\\""')
    assert.is(await dig('+tcp', '-x', '192.0.2.77'), 'fixed.red.test.')
  })
}, { needs: ['dnsmasq', 'dig'] })

kernelTest(test, 'dnsmasq: a network without leases starts and answers', async (context) => {
  const wanted = definition({ ip: [{ address: '10.9.0.1', prefix: 24 }] })
  await withDnsmasq(context, wanted, async () => { assert.is(await (await asker(context))('fixed.red.test'), '192.0.2.77') })
}, { needs: ['dnsmasq', 'dig'] })

kernelTest(test, 'dnsmasq: leases without names start too', async (context) => {
  const wanted = definition({ dns: { enable: false } })
  await withDnsmasq(context, wanted, async ({ prepared }) => {
    assert.equal(prepared.ports, [67])
    const { ip, router, dns } = await leaseOf(context, '52:54:00:00:00:aa')
    assert.equal({ ip, router, dns }, { ip: '10.9.0.7', router: '10.9.0.1', dns: [] })
  })
}, { needs: ['dnsmasq', 'udhcpc'] })

kernelTest(test, 'dnsmasq: both families, with stateful and with stateless IPv6', async (context) => {
  const six = { address: 'fd00:9::1', family: 'ipv6', prefix: 64 } as const
  await withDnsmasq(context, definition({ ip: [...definition().ip, six] }), async () => { assert.is(await (await asker(context))('fixed.red.test'), '192.0.2.77') })
  const stateful = { ...six, dhcp: { range: [{ start: 'fd00:9::100', end: 'fd00:9::1ff' }] } }
  await withDnsmasq(context, definition({ ip: [...definition().ip, stateful] }), async ({ prepared }) => { assert.equal(prepared.ports, [53, 67, 547]) })
}, { needs: ['dnsmasq', 'dig'] })

kernelTest(test, 'dnsmasq: gives leases, seen in list and watch, and the static one to its MAC', async (context) => {
  await withDnsmasq(context, definition({ mtu: 1400 }), async ({ files, running }) => {
    const end = new AbortController()
    const changes = watchLeases(files.leases, running.alive, end.signal)
    const first = changes.next()
    const { ip, prefix, router, dns, domain, mtu } = await leaseOf(context, '52:54:00:00:00:ab')
    assert.match(ip, /^10\.9\.0\.1\d\d$/)
    assert.equal({ prefix, router, dns, domain, mtu }, { prefix: 24, router: '10.9.0.1', dns: ['10.9.0.1'], domain: 'red.test', mtu: 1400 })
    const { value } = await first
    assert.is(`${String(value?.change)} ${String(value?.mac)} ${String(value?.ip)} ${String(value?.hostname)}`, `added 52:54:00:00:00:ab ${ip} guest-a`)
    assert.equal((await listLeases(files.leases)).map((one) => [one.mac, one.ip]), [['52:54:00:00:00:ab', ip]])
    assert.is(await (await asker(context))('guest-a.red.test'), ip)
    assert.is((await leaseOf(context, '52:54:00:00:00:aa', 'localhost')).ip, '10.9.0.7')
    let { value: second } = await changes.next()
    while (second?.change === 'renewed') second = (await changes.next()).value // a client asks again where its answer is late
    assert.is(second?.ip, '10.9.0.7')
    end.abort()
    assert.is((await changes.next()).done, true)
  })
}, { needs: ['dnsmasq', 'dig', 'udhcpc'] })

kernelTest(test, 'dnsmasq: a reload is over when the new static lease and name are known', async (context) => {
  const wanted = definition()
  await withDnsmasq(context, wanted, async ({ files, running }) => {
    const [ip] = wanted.ip
    const more = definition({ dns: { host: [{ ip: '192.0.2.78', hostname: ['new'] }] }, ip: [{ ...ip, address: '10.9.0.1', dhcp: { ...ip?.dhcp, host: [{ mac: '52:54:00:00:00:ac', ip: '10.9.0.8' }] } }] })
    await writeHosts(dnsmasqConfig(more, files), files, await dnsmasqUser())
    await running.reload()
    assert.is(await (await asker(context))('new.red.test'), '192.0.2.78')
    assert.is((await leaseOf(context, '52:54:00:00:00:ac')).ip, '10.9.0.8')
    for (let i = 0; i < 20; i++) await running.reload()
    assert.ok(running.alive())
  })
}, { needs: ['dnsmasq', 'dig', 'udhcpc'] })

kernelTest(test, 'dnsmasq: a guest keeps its address over a kill in the middle of a rewrite', async (context) => {
  const wanted = definition()
  await bridge(context.ns, wanted)
  const bed = await prepared(context.tmp, context.ns, wanted)
  const running = await startDnsmasq(bed.options)
  const changes = watchLeases(bed.files.leases, running.alive)
  const first = changes.next()
  const address = (await leaseOf(context, '52:54:00:00:00:ab')).ip
  assert.is((await first).value?.ip, address)
  await running.kill()
  assert.equal({ ...await running.exited, lastLines: [] }, { signal: 9, lastLines: [] })
  await writeFile(bed.files.leases, '') // what such a kill leaves
  await changes.return()
  const again = await prepared(context.tmp, context.ns, wanted)
  const second = await startDnsmasq(again.options)
  assert.equal((await listLeases(bed.files.leases)).map(({ ip }) => ip), [address])
  await second.stop()
  await context.ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq', 'udhcpc'] })

kernelTest(test, 'dnsmasq: starts with a lease file that is damaged and holds more than the range', async (context) => {
  const wanted = definition()
  await bridge(context.ns, wanted)
  const bed = await prepared(context.tmp, context.ns, wanted)
  const good = Array.from({ length: 60 }, (_, index) => `0 52:54:00:00:01:${(index + 16).toString(16)} 10.9.0.${String(index + 150)} * *`)
  await writeFile(bed.files.leases, `garbage\n${'x'.repeat(5_000)}\n${good.join('\n')}\n99999999999 not-a-mac 10.9.0.3 * *\nduid zz\n1700000 52:54:00:00:01:`)
  const again = await prepared(context.tmp, context.ns, wanted)
  assert.is(again.prepared.badLeases, 5)
  const running = await startDnsmasq(again.options)
  assert.is((await listLeases(bed.files.leases)).length, 60)
  await running.stop()
  await context.ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq'] })

kernelTest(test, 'dnsmasq: one that is killed comes back, and says what happened', async (context) => {
  const wanted = definition()
  await bridge(context.ns, wanted)
  const bed = await prepared(context.tmp, context.ns, wanted)
  let told: readonly string[] = []
  let back: (running: Running) => void = () => undefined
  const recovered = new Promise<Running>((resolve) => { back = resolve })
  const awake = setInterval(() => undefined, 1_000)
  const supervisor = new Supervisor({ start: (signal) => startDnsmasq({ ...bed.options, signal }), degraded: (lines) => { told = lines }, recovered: (running) => { back(running) } }, await startDnsmasq(bed.options))
  const first = supervisor.running
  await context.ns.must('kill', ['-9', String(first?.pid)])
  const second = await recovered
  clearInterval(awake)
  assert.is.not(second.pid, first?.pid)
  assert.ok(told.some((line) => line.includes('DHCP, sockets bound exclusively to interface br0')), told.join('\n'))
  assert.is(await (await asker(context))('fixed.red.test'), '192.0.2.77')
  await supervisor.stop()
  assert.not.ok(second.alive())
  await context.ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq', 'dig'] })

async function failureOf (act: Promise<unknown>): Promise<ProcessError> {
  const error: unknown = await act.then(() => undefined, (reason: unknown) => reason)
  if (error instanceof ProcessError) return error
  throw error instanceof Error ? error : new Error('it did not fail')
}

/** The kernel's answer to whoever asks for a link that has gone since it was listed comes from strace: which start meets one is otherwise left to chance. */
kernelTest(test, 'dnsmasq: starts again where another link of the host went while it looked at all', async ({ ns, tmp }) => {
  const [script, count] = [join(tmp, 'dnsmasq'), join(tmp, 'starts')]
  const times = async (some: number): Promise<void> => {
    await writeFile(script, `#!/bin/sh\necho >>${count}\n[ $(wc -l <${count}) -gt ${String(some)} ] && exec ${await findDnsmasq()} "$@"\nexec strace -o /dev/null -e trace=ioctl -e inject=ioctl:error=ENODEV ${await findDnsmasq()} "$@"\n`, { mode: 0o755 })
    await writeFile(count, '')
  }
  const starts = async (): Promise<number> => (await readFile(count, 'utf8')).length
  await bridge(ns, definition())
  const { options } = await prepared(tmp, ns, definition())
  await times(2)
  await (await startDnsmasq({ ...options, binary: script })).stop()
  assert.is(await starts(), 3)
  await times(1000)
  const error = await failureOf(startDnsmasq({ ...options, binary: script }))
  assert.match(error.message, /^dnsmasq exited with code 5 \(it gave up\): dnsmasq: failed to find list of interfaces: No such device$/)
  assert.is(await starts(), 10)
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq', 'strace'] })

kernelTest(test, 'dnsmasq: a port in use names its holder', async ({ ns, tmp }) => {
  const wanted = definition()
  await bridge(ns, wanted)
  const bed = await prepared(tmp, ns, wanted)
  const listen = (script: string): ReturnType<Namespace['spawn']> => ns.spawn(process.execPath, ['-e', script])
  const cases: [string, RegExp][] = [
    [`require('net').createServer().listen(53, '0.0.0.0', () => console.log('up'))`, /^port 53 of 10\.9\.0\.1 is in use by node \(pid \d+\)/],
    [`const s = require('dgram').createSocket('udp4'); s.bind(53, '10.9.0.1', () => console.log('up'))`, /^port 53 of 10\.9\.0\.1 is in use by node \(pid \d+\)/],
    // What Node calls itself since 24, and later.
    ...['MainThread', 'node-MainThread'].map((name): [string, RegExp] => [`require('fs').writeFileSync('/proc/self/comm', '${name}'); require('net').createServer().listen(53, '0.0.0.0', () => console.log('up'))`, /^port 53 of 10\.9\.0\.1 is in use by node \(pid \d+\)/]),
    [`const s = require('dgram').createSocket('udp4'); s.bind(67, () => console.log('up'))`, /^port 67 is in use by node \(pid \d+\)/],
  ]
  for (const [script, message] of cases) {
    const holder = listen(script)
    await holder.until(/up/)
    const error = await failureOf(startDnsmasq(bed.options))
    await holder.stop()
    assert.is(error.code, 'NETWRIGHT_PORT_IN_USE')
    assert.match(error.message, message)
    assert.match(error.holder ?? '', /^node \(pid \d+\)$/)
    assert.is(error.exitCode, 2)
  }
  const script = `require('fs').writeFileSync('/proc/self/comm', 'MainThread'); require('net').createServer().listen(53, '0.0.0.0', () => console.log('up'))`
  const renamed = ns.spawn('bash', ['-c', 'exec -a "$0" "$@"', 'x'.repeat(300), process.execPath, '-e', script])
  await renamed.until(/up/)
  const { holder } = await failureOf(startDnsmasq(bed.options))
  await renamed.stop()
  assert.match(holder ?? '', /^x{100} \(pid \d+\)$/)
  await (await startDnsmasq(bed.options)).stop()
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq'] })

kernelTest(test, 'dnsmasq: an end before it is ready says why', async ({ ns, tmp }) => {
  const wanted = definition()
  await bridge(ns, wanted)
  const bed = await prepared(tmp, ns, wanted)
  const text = await readFile(bed.files.config, 'utf8')
  await writeFile(bed.files.config, `${text}no-such-option\n`)
  const error = await failureOf(startDnsmasq(bed.options))
  assert.is(error.code, 'NETWRIGHT_DNSMASQ_FAILED')
  assert.is(error.exitCode, 1)
  assert.match(error.message, /^dnsmasq exited with code 1 \(its configuration is wrong\): dnsmasq: bad option at line \d+ of /)
  await writeFile(bed.files.config, text)
  await ns.must('ip', ['link', 'del', 'br0'])
  assert.match((await failureOf(startDnsmasq(bed.options))).message, /exited with code 2 \(it could not use the network\): dnsmasq: unknown interface br0/)
}, { needs: ['dnsmasq'] })

kernelTest(test, 'dnsmasq: a missing program, an abort and a late start leave nothing', async ({ ns, tmp }) => {
  const wanted = definition()
  await bridge(ns, wanted)
  const bed = await prepared(tmp, ns, wanted)
  assert.is((await failureOf(startDnsmasq({ ...bed.options, binary: join(tmp, 'no-dnsmasq') }))).code, 'NETWRIGHT_DNSMASQ_MISSING')
  const abort = new AbortController()
  const starting = startDnsmasq({ ...bed.options, ready: 'never said', signal: abort.signal })
  setImmediate(() => { abort.abort() })
  const error: unknown = await starting.then(() => undefined, (reason: unknown) => reason)
  assert.is(error instanceof Error && 'code' in error ? error.code : error, 'NETWRIGHT_ABORTED')
  const late = await failureOf(startDnsmasq({ ...bed.options, ready: 'never said', timeoutMs: 3_000 }))
  assert.match(late.message, /not ready after 3000 ms/)
  assert.ok(late.lastLines.length > 0)
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq'] })

test.run()
