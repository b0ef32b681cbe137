/** What an open host tells of: what anybody does to its networks, leases, its dnsmasq processes, and that something was missed. */
import { spawnSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host, HostEvent } from '../../src/index.js'
import { dhcp, guest } from '../harness/guest.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { host } from './bed.js'

const red = { name: 'red', bridge: 'br7', forward: 'nat', ip: { address: '10.7.0.1', prefix: 24, dhcp: { range: [{ start: '10.7.0.50', end: '10.7.0.59' }] } } } as const

const told = (event: HostEvent): string => {
  switch (event.kind) {
    case 'snapshot': case 'resync': return `${event.kind} ${event.networks.map(({ name, state }) => `${name} ${state}`).join(', ')}`.trim()
    case 'lease': return `lease ${event.network} ${event.lease.change} ${event.lease.mac}`
    case 'port': return `port ${event.network} ${event.dev} ${event.change}`
    case 'link': return `link ${event.dev} ${event.change}`
    case 'network': case 'dnsmasq': return `${event.kind} ${event.network} ${event.change}`
    default: return event satisfies never
  }
}

/** Everything that a host tells, in order. */
class Ear {
  readonly heard: HostEvent[] = []
  readonly #end = new AbortController()
  /** Resolves when the host tells no more. */
  readonly ended: Promise<void>
  #wake: () => void = () => undefined

  constructor (of: Host) {
    this.ended = (async () => { for await (const event of of.events({ signal: this.#end.signal })) { this.heard.push(event); this.#wake() } })()
  }

  lines (): string[] { return this.heard.map(told) }
  /** Without links, which come in numbers that nobody promises, and renewals: a client asks again where its answer is late. */
  plain (): string[] { return this.lines().filter((line) => !/^link |^lease \S+ renewed/.test(line)) }

  /** Resolves when this was heard, at or after `from`. */
  async until (line: string, from = 0): Promise<HostEvent> {
    const late = AbortSignal.timeout(60_000)
    for (;;) {
      const at = this.lines().indexOf(line, from)
      const found = this.heard[at]
      if (found !== undefined) return found
      if (late.aborted) throw new Error(`'${line}' was not told; but:\n${this.lines().slice(from).join('\n')}`)
      await new Promise<void>((resolve) => { this.#wake = resolve; late.addEventListener('abort', () => { resolve() }, { once: true }) })
    }
  }

  async close (): Promise<void> { this.#end.abort(); await this.ended }
}

kernelTest(test, 'events: a snapshot first, then networks, ports and leases in the order of what was done', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  const network = await open.define(red)
  const ear = new Ear(open)
  await ear.until('snapshot red inactive')
  await network.start()
  await ear.until('network red started')
  const port = await network.attach({ kind: 'tap', fds: false })
  const client = await guest(ns, 'br7', { mac: '52:54:00:00:00:0a' })
  await dhcp(client, tmp)
  await ear.until('lease red added 52:54:00:00:00:0a')
  await port.detach()
  await network.stop()
  await network.undefine()
  await ear.until('network red undefined')
  assert.equal(ear.plain(), [
    'snapshot red inactive', 'network red started', `port red ${port.dev} attached`, 'lease red added 52:54:00:00:00:0a',
    `port red ${port.dev} detached`, 'network red stopped', 'network red undefined',
  ])
  await ear.until('link br7 removed')
  for (const line of ['link br7 added', `link ${port.dev} added`, `link ${port.dev} removed`]) assert.ok(ear.lines().includes(line), line)
  assert.not.ok(ear.lines().some((line) => line.includes(client.port)), 'links of others are nobody\'s business')
  await ear.close()
}, { needs: ['dnsmasq', 'udhcpc', 'tun'] })

kernelTest(test, 'events: what another host object and another process do is told as well', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  await using other = await host(context)
  const ear = new Ear(open)
  await ear.until('snapshot')
  const network = await other.define(red)
  await network.start()
  await ear.until('network red started')
  const port = await network.attach({ kind: 'tap', fds: false })
  await ear.until(`port red ${port.dev} attached`)
  await network.destroy()
  await ear.until('network red stopped')
  await network.undefine()
  await ear.until('network red undefined')
  assert.equal(ear.plain(), ['snapshot', 'network red defined', 'network red started', `port red ${port.dev} attached`, `port red ${port.dev} detached`, 'network red stopped', 'network red undefined'])

  const file = join(tmp, 'blue.xml')
  await writeFile(file, '<network><name>blue</name><bridge name="br8" stp="off"/><ip address="10.8.0.1" netmask="255.255.255.0"/></network>')
  const main = started(new URL('../../src/cli/main.js', import.meta.url))
  const cli = async (...words: string[]): Promise<void> => { await ns.must(process.execPath, [main, '--netns', ns.path, '--root', tmp, ...words]) }
  await cli('net-create', file)
  await ear.until('network blue started')
  assert.equal((await open.networks()).map(({ name, state }) => `${name} ${state}`), ['blue active'])
  await cli('net-destroy', 'blue')
  await ear.until('network blue stopped')
  await ear.close()
}, { needs: ['dnsmasq', 'tun'] })

/** The dnsmasq of a network, as its own command line tells. */
async function dnsmasqOf ({ tmp }: KernelTest): Promise<number> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const words = (await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '')).split('\0')
    if (words[0]?.endsWith('dnsmasq') === true && words.some((word) => word.includes(tmp))) return Number(name)
  }
  throw new Error('no dnsmasq runs')
}

kernelTest(test, 'events: a dnsmasq that is killed leaves its network degraded, with its last words, until it is back', async (context) => {
  const { ns, tmp } = context
  await using open = await host(context)
  await using network = await open.create(red)
  const ear = new Ear(open)
  await ear.until('snapshot red active')
  const before = await dnsmasqOf(context)
  process.kill(before, 'SIGKILL')
  const degraded = await ear.until('dnsmasq red degraded')
  assert.ok(degraded.kind === 'dnsmasq' && degraded.lastLines.some((line) => line.includes('started, version')), JSON.stringify(degraded))
  await ear.until('dnsmasq red recovered')
  assert.is((await network.info()).state, 'active')
  assert.is.not(await dnsmasqOf(context), before)
  const lease = await dhcp(await guest(ns, 'br7'), tmp)
  assert.match(String(lease?.ip), /^10\.7\.0\.5\d$/)
  assert.equal(ear.plain().filter((line) => !line.startsWith('lease')), ['snapshot red active', 'dnsmasq red degraded', 'dnsmasq red recovered'])
  await ear.close()
}, { needs: ['dnsmasq', 'udhcpc'] })

kernelTest(test, 'events: when the kernel had to drop messages, all networks are told again, and listening goes on', async (context) => {
  const { ns } = context
  await using open = await host(context, { thread: false }) // on a thread of its own it would go on reading
  await using network = await open.create(red)
  const ear = new Ear(open)
  await ear.until('snapshot red active')
  await ns.must('ip', ['link', 'add', 'x0', 'type', 'veth', 'peer', 'name', 'x1'])
  await ns.must('ip', ['link', 'set', 'x0', 'up'])
  // Nobody reads while this runs: the event loop stands still.
  const batch = Array.from({ length: 10_000 }, (_, i) => `link set dev x0 alias a${String(i)}`).join('\n')
  const { status, stderr } = spawnSync('ip', ['-n', ns.name, '-batch', '-'], { input: `${batch}\n`, encoding: 'utf8' })
  assert.is(status, 0, stderr)
  await ear.until('resync red active')
  const { length } = ear.heard
  const port = await network.attach({ kind: 'tap', fds: false })
  await ear.until(`port red ${port.dev} attached`, length)
  await ear.until(`link ${port.dev} added`, length)
  await ear.close()
  await ns.must('ip', ['link', 'del', 'x0'])
}, { needs: ['dnsmasq', 'tun'] })

kernelTest(test, 'events: a port that only leaves its bridge stays a link, and what was there before is changed, not added', async (context) => {
  await using open = await host(context)
  const network = await open.define(red)
  await network.start()
  const port = await network.attach({ kind: 'tap', fds: false })
  const ear = new Ear(open)
  await ear.until('snapshot red active')
  await network.stop()
  await ear.until('network red stopped')
  await ear.until('link br7 removed')
  assert.ok(ear.lines().includes(`link ${port.dev} changed`), ear.lines().join('\n'))
  assert.not.ok(ear.lines().includes(`link ${port.dev} removed`), ear.lines().join('\n'))
  await network.start()
  await ear.until('link br7 added')
  assert.not.ok(ear.lines().includes(`link ${port.dev} added`), ear.lines().join('\n'))
  await network.destroy()
  await ear.until(`link ${port.dev} removed`)
  await network.undefine()
  await ear.close()
}, { needs: ['dnsmasq', 'tun'] })

kernelTest(test, 'events: end with their signal and with their host, and not before', async (context) => {
  const open = await host(context)
  const [first, second] = [new Ear(open), new Ear(open)]
  await first.until('snapshot')
  await second.until('snapshot')
  await first.close()
  const network = await open.create(red)
  await second.until('network red started')
  assert.equal(first.lines(), ['snapshot'])
  await network.destroy()
  await second.until('network red stopped')
  await open.close()
  await second.ended
}, { needs: ['dnsmasq'] })

test.run()
