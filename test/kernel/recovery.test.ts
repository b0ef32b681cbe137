/** dnsmasq dies, is adopted, comes back: faults D4, D5, D7, D8, B12. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { started } from '../harness/started.js'
import { openHost, type Internals } from '../../src/engine/host.js'
import type { Host, HostEvent, Network } from '../../src/engine/api.js'
import { must } from '../harness/command.js'
import { dig, guest } from '../harness/guest.js'
import { kernelTest, type KernelTest, type Namespace } from '../harness/kernel-test.js'

const program = started(new URL('../../src/cli/main.js', import.meta.url))
const worker = started(new URL('owner-worker.js', import.meta.url))
const env = { NODE_V8_COVERAGE: '' }
const red = `<network><name>red</name><forward mode='nat'/><bridge name='br-red' stp='off'/><ip address='10.95.1.1' netmask='255.255.255.0'>
  <dhcp><range start='10.95.1.10' end='10.95.1.99'/></dhcp></ip>
  <dns><host ip='10.95.1.50'><hostname>known</hostname></host></dns></network>`
const needs = { needs: ['dnsmasq', 'dig'] }

/** The pids of every dnsmasq that runs (zombies are none); the sandbox has no others. */
async function running (): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(async (pid) => await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_, i) => lines[i]?.includes('dnsmasq\0--conf-file') === true).map(Number)
}

/** Waits, boundedly, until something is so. */
async function until<T> (what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = performance.now() + 60_000; performance.now() < deadline;) {
    const found = await look()
    if (found !== undefined) return found
    await pause(25)
  }
  throw new Error(`${what} has not come about`)
}

const another = async (not: readonly number[]): Promise<number> => await until('another dnsmasq', async () => {
  const [pid, ...more] = await running()
  return pid === undefined || more.length > 0 || not.includes(pid) ? undefined : pid
})

async function answers (inside: Namespace): Promise<boolean> {
  return (await dig(inside, '10.95.1.1', 'known.', 'A'))?.answers.includes('10.95.1.50') === true
}

/** A guest with an address of its own, to ask for names. */
async function asking ({ ns }: KernelTest): Promise<Namespace> {
  const inside = await guest(ns, 'br-red')
  await inside.must('ip', ['addr', 'add', '10.95.1.2/24', 'dev', inside.dev])
  return inside
}

/** Hears a host's events about dnsmasq. */
function hearing (host: Host): { readonly heard: HostEvent[], end (): Promise<void> } {
  const heard: HostEvent[] = []
  const stop = new AbortController()
  const done = (async () => { for await (const event of host.events({ signal: stop.signal })) heard.push(event) })()
  return { heard, end: async () => { stop.abort(); await done } }
}

/** A test with a host, which is closed, and a network, which is destroyed, whatever happens. */
function hosted (name: string, work: (context: KernelTest, host: Host, net: Network) => Promise<void>, internals: Internals = {}, supervise = true): void {
  kernelTest(test, name, async (context) => {
    const host = await openHost({ netns: context.ns.name, root: context.tmp, supervise }, internals)
    try {
      await using net = await host.create(red)
      await work(context, host, net)
      await net[Symbol.asyncDispose]()
      assert.equal(await running(), [])
    } finally { await host.close() }
  }, needs)
}

const changesOf = (heard: readonly HostEvent[]): string[] => heard.flatMap((event) => event.kind === 'dnsmasq' ? [event.change] : [])

hosted('dnsmasq: killed, it is started again and answers; both are told', async (context, host, net) => {
  const inside = await asking(context)
  const { heard, end } = hearing(host)
  await until('the snapshot', async () => await Promise.resolve(heard.find(({ kind }) => kind === 'snapshot')))
  for (let round = 1; round <= 3; round++) {
    const before = await running()
    for (const pid of before) process.kill(pid, 'SIGKILL')
    await another(before)
    await until('its return', async () => await Promise.resolve(changesOf(heard).filter((change) => change === 'recovered').length === round ? true : undefined))
    assert.ok(await answers(inside))
    assert.is((await net.info()).state, 'active')
  }
  assert.equal(changesOf(heard), ['degraded', 'recovered', 'degraded', 'recovered', 'degraded', 'recovered'])
  await end()
})

let starts = 0
hosted('dnsmasq: one that cannot start any more leaves the network up and degraded, at most six starts a minute', async ({ ns }, host, net) => {
  const path = (await must('sh', ['-c', 'command -v dnsmasq'])).trim()
  starts = 0
  const began = performance.now()
  const { heard, end } = hearing(host)
  await until('the snapshot', async () => await Promise.resolve(heard.find(({ kind }) => kind === 'snapshot')))
  await must('mount', ['--bind', '/dev/null', path])
  try {
    for (const pid of await running()) process.kill(pid, 'SIGKILL')
    // Its end, and five starts after 0.1, 0.2, 0.4, 0.8 and 1.6 s.
    await until('six complaints', async () => await Promise.resolve(changesOf(heard).length >= 6 ? true : undefined))
    assert.ok(changesOf(heard).every((change) => change === 'degraded'))
    await pause(500)
    assert.ok(performance.now() - began > 60_000 || starts <= 6, `${String(starts)} starts`)
    assert.is((await net.info()).state, 'degraded')
    assert.match(await ns.must('ip', ['-br', 'addr', 'show', 'br-red']), /10\.95\.1\.1\/24/)
    assert.match(await ns.must('nft', ['list', 'set', 'inet', 'netwright', 'ours']), /"br-red"/)
  } finally { await must('umount', [path]) }
  await end()
}, { hook: (step) => { if (step === 'run dnsmasq') starts++ } })

kernelTest(test, 'dnsmasq: one that the command line started is adopted by a daemon, which starts it again; closing leaves it running', async (context) => {
  const { ns, tmp } = context
  const words = [program, '--root', tmp, '--netns', ns.name]
  await writeFile(join(tmp, 'red.xml'), red)
  await must(process.execPath, [...words, 'net-create', join(tmp, 'red.xml')], { env })
  const inside = await asking(context)
  const first = await running()
  assert.is(first.length, 1)
  const host = await openHost({ netns: ns.name, root: tmp })
  assert.is((await (await host.network('red')).info()).state, 'active')
  assert.equal(await running(), first, 'adopted, not doubled')
  process.kill(first[0] ?? -1, 'SIGKILL')
  const second = await another(first)
  await until('its answer', async () => await answers(inside) ? true : undefined)
  await host.close()
  assert.equal(await running(), [second])
  assert.ok(await answers(inside))
  await must(process.execPath, [...words, 'net-destroy', 'red'], { env })
  assert.equal(await running(), [])
}, needs)

hosted('dnsmasq: of two processes that watch the same network one starts it again', async (context, _, net) => {
  const { ns, tmp } = context
  const inside = await asking(context)
  const go = join(tmp, 'go')
  const other = ns.spawn(process.execPath, [worker, JSON.stringify({ netns: ns.name, root: tmp, owner: 'system', seed: 0, count: 0, rivals: true, go })], { env })
  await other.until(/^\{"bridges"/m)
  let before = await running()
  // Six a minute, the first one counted; whoever adopts counts, too.
  for (let round = 0; round < 4; round++) {
    process.kill(before[0] ?? -1, 'SIGKILL')
    before = [await another(before)]
    await until('its answer', async () => await answers(inside) ? true : undefined)
    assert.equal(await running(), before)
  }
  await net.destroy()
  assert.equal(await running(), [])
  await writeFile(go, '')
  assert.is(await other.ended(), 0, other.output())
})

hosted('dnsmasq: a process that only looks like the one on record is never signalled', async ({ ns, tmp }, _, net) => {
  const [real] = await running()
  const directory = join(tmp, 'run/netwright')
  const note = join(directory, (await readdir(directory, { recursive: true })).find((path) => path.endsWith('dnsmasq/red.json')) ?? '')
  const record = JSON.parse(await readFile(note, 'utf8')) as { process: { pid: number, startTime: string } }
  const config = note.replace(/json$/, 'conf')
  // The same program with other words, and the same words with another program.
  const innocent = ns.spawn('dnsmasq', ['--keep-in-foreground', '--conf-file=/dev/null', '--port=5353', '--pid-file='])
  const alike = ns.spawn('sh', ['-c', 'while :; do sleep 1; done', `--conf-file=${config}`, '--keep-in-foreground'])
  const startTime = (await readFile(`/proc/${String(innocent.pid)}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')[19] ?? ''
  await writeFile(note, JSON.stringify({ ...record, process: { ...record.process, pid: innocent.pid, startTime } }))
  await net.destroy()
  assert.equal(await running(), [], `the real one, ${String(real)}, was found by its configuration`)
  assert.is(innocent.child.exitCode, null)
  assert.is(alike.child.exitCode, null)
}, {}, false)

hosted('dnsmasq: one that does not heed SIGTERM does not hold up the stop', async () => {
  for (const pid of await running()) process.kill(pid, 'SIGSTOP')
})

test.run()
