/** What the tests of forwarded ports share: a host with an uplink, networks of ours, guests that answer, and how they are asked. */
import type { Network, NetworkInput } from '../../src/index.js'
import { tcpEcho, udpEcho } from '../harness/guest.js'
import type { KernelTest, Namespace } from '../harness/kernel-test.js'
import { eventually, gateway, give, uplink } from './bed.js'

/** As `uplink`, and frames inside a bridge are nobody's business: br_netfilter is off. */
export async function plainUplink (bed: KernelTest): Promise<Namespace> {
  for (const name of ['iptables', 'ip6tables']) await bed.ns.exec('sysctl', ['-q', '-w', `net.bridge.bridge-nf-call-${name}=0`])
  return await uplink(bed.ns)
}

/** Refusals are not rationed: one caller may get many. */
export async function plainRefusals ({ ns }: KernelTest): Promise<void> {
  for (const name of ['ipv4.icmp_ratelimit', 'ipv6.icmp.ratelimit']) await ns.must('sysctl', ['-q', '-w', `net.${name}=0`])
}

/** Network `n` on `nwfN`: 10.60.n.1/24 and fd00:60:n::1/64. */
export function definition (n: number, more: Partial<NetworkInput> = {}): NetworkInput {
  return { name: `net${String(n)}`, bridge: `nwf${String(n)}`, forward: { mode: 'nat', nat: { ipv6: true } }, ip: [{ address: `10.60.${String(n)}.1`, prefix: 24 }, { address: `fd00:60:${String(n)}::1`, prefix: 64 }], ...more }
}

/** A guest of network `n` with addresses that end in `last`; its port is called `vmN-LAST`. */
export async function guest ({ ns }: KernelTest, network: Network, n: number, last: number): Promise<Namespace> {
  const inside = await ns.add()
  const address = `10.60.${String(n)}.${String(last)}`
  await inside.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_ra=0'])
  await network.attach({ kind: 'veth', netns: inside.name, hostDev: `vm${String(n)}-${String(last)}`, address, defaultRoute: true })
  await give(inside, 'eth0', `fd00:60:${String(n)}::${String(last)}`)
  await gateway(inside, `fd00:60:${String(n)}::1`)
  return inside
}

/** Servers on a port that tell each caller who he is, TCP and UDP, both families. */
export async function answers (inside: Namespace, port: number): Promise<void> {
  await tcpEcho(inside, '::', port)
  await udpEcho(inside, '::', port)
}

/** One call: how, whom, which port. */
export type Call = readonly [proto: 'tcp' | 'udp', address: string, port: number]

const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' }

const program = `
const calls = JSON.parse(process.argv[1])
const answer = ([proto, address, port]) => new Promise((resolve) => {
  const fail = (e) => resolve(e.code), late = () => resolve('ETIMEDOUT')
  setTimeout(late, 10000)
  if (proto === 'tcp') {
    let got = ''
    const s = require('net').connect({ host: address, port }, () => s.write('hello'))
    s.on('data', (d) => { got += d }).on('end', () => resolve(JSON.parse(got).from)).on('error', fail)
    return
  }
  const s = require('dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4')
  s.on('message', (d) => resolve(JSON.parse(d).from)).on('error', fail)
  s.connect(port, address, (e) => { if (e) fail(e); else { s.send('hello'); setInterval(() => s.send('hello', () => {}), 250) } })
})
Promise.all(calls.map(answer)).then((found) => { console.log(JSON.stringify(found)); process.exit(0) })`

/** As whom the guest saw the caller, or why he did not, for each call: all at once, in one process. */
export async function askAll (from: Namespace, calls: readonly Call[]): Promise<string[]> {
  return JSON.parse(await from.must(process.execPath, ['-e', program, JSON.stringify(calls)], { env })) as string[]
}

/** The same for one. */
export async function asked (from: Namespace, ...call: Call): Promise<string> { return (await askAll(from, [call]))[0] ?? '' }

const listens = `
const [port, address] = process.argv.slice(1)
const s = require('dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4')
let n = 0
s.on('message', () => console.log('heard ' + ++n + ';')).on('error', (e) => console.log(e.code))
s.bind(Number(port), () => { console.log('bound'); s.send('x', port, address) })`
const floods = `
const s = require('dgram').createSocket('udp6')
let n = 0
s.on('error', () => {}).on('message', (d, r) => setInterval(() => s.send('y', r.port, r.address, () => console.log('sent ' + ++n + ';')), 10))
s.bind(Number(process.argv[1]), () => console.log('bound'))`

/** Datagrams that come for ever, where one was sent: only answers keep such a connection alive, and only the kernel's memory of it lets them pass. */
export interface Stream {
  /** Waits until more has come. */
  goesOn (what: string): Promise<void>
  /** Waits until nothing comes while the other side goes on sending. */
  ends (what: string): Promise<void>
  stop (): Promise<void>
}

/** `from` asks `to` once, by UDP from and to `port`, and hears it by then. */
export async function streaming (from: Namespace, to: Namespace, address: string, port = 7000): Promise<Stream> {
  const sender = to.spawn(process.execPath, ['-e', floods, String(port)], { env })
  await sender.until(/bound/)
  const listener = from.spawn(process.execPath, ['-e', listens, String(port), address], { env })
  await listener.until(/heard/)
  const last = (text: string, word: RegExp): number => Number([...text.matchAll(word)].at(-1)?.[1] ?? 0)
  const heard = (): number => last(listener.output(), /heard (\d+);/g)
  const sent = (): number => last(sender.output(), /sent (\d+);/g)
  const more = async (what: string, count: () => number): Promise<void> => {
    const before = count()
    await eventually(what, async () => await Promise.resolve(count() > before + 20 ? true : undefined))
  }
  return {
    goesOn: async (what) => { await more(`more of ${what}`, heard) },
    ends: async (what) => {
      await eventually(`the end of ${what}`, async () => {
        const before = heard()
        await more('what is sent', sent)
        return heard() === before ? true : undefined
      })
    },
    stop: async () => { await sender.stop(); await listener.stop() },
  }
}
