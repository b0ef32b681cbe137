/** The work that is measured, one function a group of rows. All go through the public API with all defaults: journal, checks, validation. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { exec, must } from '../test/harness/command.js'
import { openHost } from '../src/index.js'
import { openChannel } from '../src/netlink/channel.js'
import { send } from '../src/netlink/call.js'
import { NETLINK_ROUTE } from '../src/netlink/header.js'
import { openNetns } from '../src/kernel/netns.js'
import { row, type Row } from './figures.js'
import { schedule, type Delay } from './loop.js'
import { fresh, gone, inside, within } from './namespace.js'
import { gateway, internet, picture, proveByPacket, specs, type Picture } from './objects.js'
import { floor, iproute, linksAndAddresses, timed, type Peer } from './peers.js'

/** As in issue 2: 100 nat networks. */
const COUNT = 100
/** While this many are made the event loop is watched, and this many bridges of another namespace are torn down. */
const WATCHED = 200
const DYING = 100
const child = fileURLToPath(new URL('child.js', import.meta.url))
const cli = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

/** Largest ratios and values that pass. */
const bounds = { make: 1.25, destroy: 1.2, delay: 10, delayP99: 5 } as const

/** Runs `times` times, after one run that is not counted: it warms caches, of the kernel too. */
async function repeat (times: number, run: (counted: boolean) => Promise<void>): Promise<void> {
  for (let i = 0; i <= times; i++) await run(i > 0)
}

/** One network in ten is proved by a packet through its NAT. */
async function prove (netns: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 10) {
    const at = await fresh()
    await proveByPacket(netns, at, i)
    await gone(at)
  }
}

/** A picture of what netwright makes, for the peers to make the same. */
async function model (): Promise<Picture> {
  return await within(async (netns) => {
    const host = await openHost({ netns })
    try { await host.create(specs(COUNT)); return await picture(netns) } finally { await host.close() }
  })
}

interface Times { readonly make: number[], readonly destroy: number[], readonly cpu: number[] }

async function oursOnce (times: Times | undefined): Promise<void> {
  await within(async (netns) => await within(async (outside) => {
    await internet(netns, outside)
    const host = await openHost({ netns })
    try {
      const before = schedule()
      const start = performance.now()
      const networks = await host.create(specs(COUNT))
      times?.make.push(performance.now() - start)
      times?.cpu.push((schedule().ran - before.ran) / COUNT)
      await prove(netns, COUNT)
      const ms = await timed(async () => { await Promise.all(networks.map(async (network) => { await network.destroy() })); await host.settled() })
      times?.destroy.push(ms)
    } finally { await host.close() }
    const left = await picture(netns)
    if (left.bridges.length > 0 || left.rules.trim() !== '') throw new Error(`something is left after destroying: ${JSON.stringify(left)}`)
  }))
}

async function theirsOnce (peer: Peer, times: Times | undefined): Promise<void> {
  await within(async (netns) => await within(async (outside) => {
    await internet(netns, outside)
    const ms = await peer.make(netns)
    times?.make.push(ms)
    await prove(netns, COUNT)
    const msDestroy = await peer.destroy(netns)
    times?.destroy.push(msDestroy)
  }))
}

/** Make and destroy, in process, beside `ip -batch` and `nft -f`. */
export async function networks (runs: number): Promise<Row[]> {
  const peer = await iproute(await model())
  const ours: Times = { make: [], destroy: [], cpu: [] }
  const theirs: Times = { make: [], destroy: [], cpu: [] }
  await repeat(runs, async (counted) => {
    await oursOnce(counted ? ours : undefined)
    await theirsOnce(peer, counted ? theirs : undefined)
  })
  return [
    row({ row: `make ${COUNT} nat networks`, unit: 'ms', ours: ours.make, peer: ['ip -batch + nft -f', theirs.make], bound: bounds.make }),
    row({ row: `destroy ${COUNT} nat networks`, unit: 'ms', ours: ours.destroy, peer: ['ip -batch + nft -f', theirs.destroy], bound: bounds.destroy, note: 'each by its own destroy(), all at once, until the links are gone' }),
    row({ row: 'main-thread CPU, making', unit: 'ms/network', ours: ours.cpu }),
  ]
}

/** Links and addresses only, beside the same bytes from C. */
export async function links (runs: number): Promise<Row[]> {
  const requests = linksAndAddresses(await model())
  const c = await floor(requests)
  const ours: number[] = []
  const theirs: number[] = []
  await repeat(runs, async (counted) => {
    const mine = await within(async (name) => {
      const netns = await openNetns(name)
      const channel = await openChannel({ protocol: NETLINK_ROUTE, netns: netns.fd })
      try {
        return await timed(async () => {
          const bad = (await send(channel, requests)).find(({ error, acknowledged }) => error !== undefined || !acknowledged)
          if (bad !== undefined) throw bad.error ?? new Error(`${bad.request.object}: no answer`)
        })
      } finally { await channel.close(); netns.close() }
    })
    const floored = await within(c)
    if (counted) { ours.push(mine); theirs.push(floored) }
  })
  return [row({ row: `links and addresses of ${COUNT} networks`, unit: 'ms', ours, peer: ['C, one sendmsg', theirs], note: 'frame, send, read and decode every answer' })]
}

/** Whole programs, from spawn to exit. */
export async function processes (runs: number): Promise<Row[]> {
  const peer = await iproute(await model())
  const program: number[] = []
  const lines: number[] = []
  const theirs: number[] = []
  const input = (await definitionFiles(COUNT)).map((file) => `net-create ${file}\n`).join('')
  await repeat(runs, async (counted) => {
    const one = await within(async (netns) => await timed(async () => { await must(process.execPath, [child, 'make', netns, String(COUNT)], { timeoutMs: 120_000 }) }))
    const two = await within(async (netns) => await timed(async () => { await must(process.execPath, [cli, '--netns', netns], { input, timeoutMs: 120_000 }) }))
    const three = await within(async (netns) => await peer.make(netns))
    if (counted) { program.push(one); lines.push(two); theirs.push(three) }
  })
  return [
    row({ row: `a Node program that makes ${COUNT} networks, spawn to exit`, unit: 'ms', ours: program, peer: ['ip -batch + nft -f', theirs] }),
    row({ row: `netwright, ${COUNT} net-create on standard input, spawn to exit`, unit: 'ms', ours: lines, peer: ['ip -batch + nft -f', theirs], note: 'one by one: each is locked, journaled and committed by itself' }),
  ]
}

async function definitionFiles (count: number): Promise<string[]> {
  const directory = await mkdtemp('/run/nw-bench-')
  return await Promise.all(specs(count).map(async (spec, i) => {
    const path = `${directory}/${i}.json`
    await writeFile(path, JSON.stringify(spec))
    return path
  }))
}

/** One network with DHCP and DNS, from the call until dnsmasq is ready. */
export async function dnsmasq (runs: number): Promise<Row[]> {
  const start: number[] = []
  const stop: number[] = []
  await repeat(runs, async (counted) => {
    await within(async (netns) => {
      const host = await openHost({ netns, root: '/run/nw-bench-root' })
      try {
        const begin = performance.now()
        const network = await host.create({ name: 'served', forward: 'nat', subnet: '10.64.0.0/24', dhcp: true })
        const ms = performance.now() - begin
        await inside(netns, 'ping', '-c', '1', '-W', '5', gateway(0))
        const end = await timed(async () => { await network.destroy() })
        if (counted) { start.push(ms); stop.push(end) }
      } finally { await host.close() }
    })
  })
  return [
    row({ row: 'start one network with DHCP until dnsmasq is ready', unit: 'ms', ours: start }),
    row({ row: 'destroy one network with DHCP', unit: 'ms', ours: stop }),
  ]
}

/** A loop that was watched, and for how many milliseconds. */
type Watched = Delay & { readonly ms: number }
const IDLE = 'a program that sleeps'

/** The event loop while networks are made and the kernel is busy tearing down another namespace; a fresh process each time, so nothing is compiled beforehand. */
export async function eventLoop (runs: number): Promise<Row[]> {
  const found: Watched[] = []
  const quiet: Watched[] = []
  const watched = async (verb: 'loop' | 'idle', amount: number): Promise<Watched> => await within(async (netns) => {
    const dying = await dyingNamespace()
    const measured = JSON.parse(await must(process.execPath, [child, verb, netns, String(amount), dying.name], { timeoutMs: 120_000 })) as Watched
    await dying.gone()
    return measured
  })
  await repeat(runs, async (counted) => {
    const busy = await watched('loop', WATCHED)
    const idle = await watched('idle', Math.round(busy.ms))
    if (counted) { found.push(busy); quiet.push(idle) }
  })
  const during = `while ${WATCHED} networks are made and ${DYING} bridges torn down`
  return [
    row({ row: `longest event-loop delay ${during}`, unit: 'ms', ours: found.map(({ held }) => held), bound: bounds.delay, note: 'without the time for which the loop slept, or was ready but other programs had the processors' }),
    row({ row: 'the same, as the clock saw it', unit: 'ms', ours: found.map(({ longest }) => longest), peer: [IDLE, quiet.map(({ longest }) => longest)], note: `Node's own monitor: ${Math.max(...found.map(({ monitor }) => monitor)).toFixed(1)} ms at most` }),
    row({ row: 'its 99th percentile', unit: 'ms', ours: found.map(({ p99 }) => p99), bound: bounds.delayP99 }),
    row({ row: 'main-thread CPU of a fresh process, making', unit: 'ms/network', ours: found.map(({ ran }) => ran / WATCHED) }),
    row({ row: `make ${WATCHED} networks meanwhile`, unit: 'ms', ours: found.map(({ ms }) => ms) }),
  ]
}

/** A namespace with bridges, to be deleted by the program that is measured; `gone` waits for the kernel. */
async function dyingNamespace (): Promise<{ readonly name: string, readonly gone: () => Promise<void> }> {
  const name = await fresh()
  const witness = `dying${name.slice('nw-bench-'.length)}`
  await must('ip', ['link', 'add', witness, 'type', 'veth', 'peer', 'name', witness, 'netns', name])
  const lines = Array.from({ length: DYING }, (_, i) => `link add name old${i} type bridge\nlink set dev old${i} up\n`)
  await must('ip', ['-n', name, '-batch', '-'], { input: lines.join(''), timeoutMs: 120_000 })
  return { name, gone: async () => {
    for (let tries = 0; (await exec('ip', ['link', 'show', 'dev', witness])).code === 0; tries++) {
      if (tries > 3000) throw new Error(`namespace ${name} is still there`)
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    }
  } }
}
