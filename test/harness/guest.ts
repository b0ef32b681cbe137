/** Guests and what they do: get a lease, ping, look a name up, talk over TCP and UDP. Other people's programs, all bounded in time. */
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must, type Background } from './command.js'
import { veth, type TestNamespace } from './kernel-test.js'
import type { Namespace } from './namespace.js'

let ports = 0

/** A namespace with one end of a veth (`eth0`) whose other end is a port of `bridge` in `ns`; both up, no address yet. `port`: the bridge's end. */
export async function guest (ns: TestNamespace, bridge: string, options: { readonly mac?: string, readonly dev?: string } = {}): Promise<Namespace & { readonly dev: string, readonly port: string }> {
  const inside = await ns.add()
  const dev = options.dev ?? 'eth0'
  const port = `port${String(ports++)}`
  await veth(ns, port, inside, dev)
  if (options.mac !== undefined) await must('ip', ['-n', inside.name, 'link', 'set', dev, 'address', options.mac])
  await must('ip', ['-n', ns.name, 'link', 'set', port, 'master', bridge])
  return { ...inside, dev, port }
}

/** What a DHCP server gave. */
export interface Lease {
  readonly ip: string
  readonly prefix: number
  readonly router?: string
  readonly dns: readonly string[]
  readonly domain?: string
  readonly hostname?: string
  readonly mtu?: number
  /** Seconds. */
  readonly lease: number
  readonly server: string
  /** Everything udhcpc handed to its script, by its names. */
  readonly all: Readonly<Record<string, string>>
}

const script = (out: string): string => `#!/bin/sh
case $1 in
  deconfig) ip link set "$interface" up ;;
  bound|renew)
    ip addr flush dev "$interface" scope global
    ip addr add "$ip/$mask" dev "$interface"
    for r in $router; do ip route replace default via "$r" dev "$interface"; done
    env > ${out} ;;
esac
`

/**
 * `udhcpc -f -q -n`: asks for a lease, sets address and default route, ends. Undefined when nobody offered one.
 * Needs 'udhcpc'. `tries` requests, one second apart (default 8); `args` go to udhcpc (`-x hostname:vm1`, `-r 192.0.2.9`).
 */
export async function dhcp (ns: Namespace, tmp: string, options: { readonly dev?: string, readonly tries?: number, readonly args?: readonly string[] } = {}): Promise<Lease | undefined> {
  const directory = await mkdtemp(join(tmp, 'dhcp-'))
  const run = join(directory, 'script')
  const out = join(directory, 'env')
  await writeFile(run, script(out))
  await chmod(run, 0o755)
  const { code, stdout, stderr } = await ns.exec('udhcpc', ['-f', '-q', '-n', '-i', options.dev ?? 'eth0', '-s', run, '-t', String(options.tries ?? 8), '-T', '1', ...options.args ?? []])
  const env = await readFile(out, 'utf8').catch(() => undefined)
  if (env === undefined) {
    if (code === 1 && /no lease|failing/.test(stdout + stderr)) return undefined
    throw new Error(`udhcpc ended with ${String(code)}:\n${stderr}${stdout}`)
  }
  return leaseOf(env)
}

function leaseOf (env: string): Lease {
  const own = new Set(Object.keys(process.env))
  const all = Object.fromEntries(env.split('\n').filter((line) => line.includes('=')).map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]).filter(([key]) => /^[a-z]/.test(key) && !own.has(key)))
  const { ip = '', mask = '', router, dns, domain, hostname, mtu, lease, serverid = '' } = all
  return {
    ip, prefix: Number(mask), server: serverid, lease: Number(lease), dns: dns === undefined ? [] : dns.split(' '), all,
    ...(router === undefined ? {} : { router }), ...(domain === undefined ? {} : { domain }),
    ...(hostname === undefined ? {} : { hostname }), ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
  }
}

/** Whether one reply comes within `seconds` (default 15; where none is expected, say 1); asks five times a second. IPv4 or IPv6, `fe80::1%eth0` too. */
export async function ping (ns: Namespace, address: string, seconds = 15): Promise<boolean> {
  const { code, stderr, stdout } = await ns.exec('ping', ['-n', '-c', '1', '-w', String(seconds), '-i', '0.2', address])
  if (code > 1 && !/unreachable/i.test(stderr + stdout)) throw new Error(`ping ${address}: ${stderr}${stdout}`)
  return code === 0
}

/** `dig @SERVER NAME TYPE`. Undefined when no server answered. Needs 'dig'. */
export async function dig (ns: Namespace, server: string, name: string, type = 'A', args: readonly string[] = []): Promise<{ readonly status: string, readonly answers: readonly string[] } | undefined> {
  const { code, stdout, stderr } = await ns.exec('dig', [`@${server}`, name, type, '+time=2', '+tries=3', '+noall', '+comments', '+answer', ...args])
  if (code === 9) return undefined
  if (code !== 0) throw new Error(`dig @${server} ${name}: exit code ${String(code)}\n${stdout}${stderr}`)
  const status = /status: ([A-Z]+)/.exec(stdout)?.[1] ?? 'none'
  const answers = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';')).map((line) => line.split(/\s+/).slice(4).join(' '))
  return { status, answers }
}

/** A server that tells each caller who it saw calling. */
export interface Echo { readonly port: number, readonly server: Background }
/** What became of a call: the reply, with the caller's address as the server saw it, or the error (`ECONNREFUSED`, `EHOSTUNREACH`, `ETIMEDOUT`). */
export type Reply = { readonly from: string, readonly fromPort: number, readonly text: string } | { readonly error: string }

const tcpServer = `
const [address, port] = process.argv.slice(1)
require('net').createServer((s) => { s.on('error', () => {}); s.on('data', (d) => s.end(JSON.stringify({ from: s.remoteAddress.replace(/^::ffff:/, ''), fromPort: s.remotePort, text: String(d) }))) })
  .listen({ port: Number(port), host: address }, function () { console.log('listening ' + this.address().port) })`
const udpServer = `
const [address, port] = process.argv.slice(1)
const s = require('dgram').createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })
s.on('message', (d, r) => s.send(JSON.stringify({ from: r.address.replace(/^::ffff:/, ''), fromPort: r.port, text: String(d) }), r.port, r.address))
s.bind(Number(port), address, () => console.log('listening ' + s.address().port))`
const tcpCall = `
const [address, port, text, ms] = process.argv.slice(1)
const say = (x) => { console.log(JSON.stringify(x)); process.exit(0) }
let got = ''
const s = require('net').connect({ host: address, port: Number(port) }, () => s.write(text))
s.on('data', (d) => { got += d }).on('end', () => say(JSON.parse(got))).on('error', (e) => say({ error: e.code }))
setTimeout(() => say({ error: 'ETIMEDOUT' }), Number(ms))`
const udpCall = `
const [address, port, text, ms] = process.argv.slice(1)
const say = (x) => { console.log(JSON.stringify(x)); process.exit(0) }
const s = require('dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4')
s.on('message', (d) => say(JSON.parse(d))).on('error', (e) => say({ error: e.code }))
s.connect(Number(port), address, (e) => { if (e) say({ error: e.code }); s.send(text) })
const again = setInterval(() => s.send(text), 250)
setTimeout(() => say({ error: 'ETIMEDOUT' }), Number(ms))`

const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' } // a helper's own lines are nobody's coverage

async function serve (program: string, ns: Namespace, address: string, port: number): Promise<Echo> {
  const server = ns.spawn(process.execPath, ['-e', program, address, String(port)], { env })
  const [, actual] = await server.until(/listening (\d+)/)
  return { port: Number(actual), server }
}

async function call (program: string, ns: Namespace, address: string, port: number, options: { text?: string, timeoutMs?: number }): Promise<Reply> {
  const args = ['-e', program, address, String(port), options.text ?? 'hello', String(options.timeoutMs ?? 15_000)]
  return JSON.parse(await ns.must(process.execPath, args, { env })) as Reply
}

/** A TCP server inside, on all IPv4 addresses and a free port unless told otherwise. Stopped at the end of the test. */
export const tcpEcho = (ns: Namespace, address = '0.0.0.0', port = 0): Promise<Echo> => serve(tcpServer, ns, address, port)
/** A UDP server inside, likewise. */
export const udpEcho = (ns: Namespace, address = '0.0.0.0', port = 0): Promise<Echo> => serve(udpServer, ns, address, port)
/** Calls a TCP server; ETIMEDOUT after `timeoutMs` (default 15,000). */
export const tcpAsk = (ns: Namespace, address: string, port: number, options: { text?: string, timeoutMs?: number } = {}): Promise<Reply> => call(tcpCall, ns, address, port, options)
/** Calls a UDP server, sending again four times a second; an ICMP refusal shows as an error. */
export const udpAsk = (ns: Namespace, address: string, port: number, options: { text?: string, timeoutMs?: number } = {}): Promise<Reply> => call(udpCall, ns, address, port, options)

/** `tcpdump -l -n -e`: already capturing when this resolves; read `output()` or wait with `until(pattern)`. Needs 'tcpdump'. */
export async function sniff (ns: Namespace, dev: string, filter: string): Promise<Background> {
  const capture = ns.spawn('tcpdump', ['-l', '-n', '-e', '-p', '-U', '-i', dev, ...filter.split(' ').filter((word) => word !== '')])
  await capture.until(/listening on/)
  return capture
}
