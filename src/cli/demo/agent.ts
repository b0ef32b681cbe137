/**
 * A program inside one of the demonstration's namespaces: does there what a guest, a user of the host or a server on the internet would do.
 * `inside.ts` starts it and asks it over IPC: a verb and its words, one at a time; the answer is a text. It ends with its parent, however that ends.
 */
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer as createWebServer, get } from 'node:http'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { askForLease } from './dhcp.js'
import { PATIENCE, start, which } from './program.js'

/** A packet crosses a machine in microseconds: who has heard nothing by then is not answered. Milliseconds. */
const SILENCE = 2_000

/** A name server on the internet that knows one name. In debug mode dnsmasq keeps its user, which a user namespace would not let it change. */
async function serveNames (address: string, name: string, answer: string): Promise<string> {
  const file = await which('dnsmasq')
  if (file === undefined) throw new Error('dnsmasq is not installed; as root: apt-get install dnsmasq-base')
  await start(file, ['--no-daemon', '--conf-file=/dev/null', '--pid-file=', '--no-resolv', '--no-hosts', '--bind-interfaces', `--listen-address=${address}`, `--address=/${name}/${answer}`]).until(/started, version/)
  return ''
}

/** A web server on the internet that tells each caller which address it sees. */
async function serveWeb (address: string): Promise<string> {
  const server = createWebServer((request, response) => { response.setHeader('connection', 'close').end(request.socket.remoteAddress) })
  await once(server.listen(80, address), 'listening')
  return ''
}

async function resolve (server: string, name: string): Promise<string> {
  const resolver = new Resolver({ timeout: SILENCE, tries: 3 })
  resolver.setServers([server])
  return (await resolver.resolve4(name)).join(' ')
}

async function fetch (host: string, name: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    get({ host, headers: { host: name }, signal: AbortSignal.timeout(PATIENCE) }, (response) => { text(response).then(resolve, reject) }).on('error', reject)
  })
}

/** A service of the guest, which anybody who can reach it may use. */
async function listen (port: string): Promise<string> {
  await once(createServer((socket) => { socket.on('error', () => undefined).end() }).listen(Number(port), '0.0.0.0'), 'listening')
  return ''
}

/** `connected`, or why not: `ECONNREFUSED`, `EHOSTUNREACH`, `silence`. */
async function call (host: string, port: string): Promise<string> {
  const socket = connect({ host, port: Number(port), timeout: SILENCE })
  return await new Promise((resolve) => {
    const say = (word: string): void => { socket.destroy(); resolve(word) }
    socket.on('connect', () => { say('connected') }).on('timeout', () => { say('silence') })
    socket.on('error', (error) => { say('code' in error ? String(error.code) : error.message) })
  })
}

/** Every forwarding switch of this namespace with its value, a line each: /proc/sys/net is that of the reader. */
async function switches (): Promise<string> {
  const paths = ['/proc/sys/net/ipv4/ip_forward']
  for (const family of ['ipv4', 'ipv6']) {
    const conf = `/proc/sys/net/${family}/conf`
    for (const dev of await readdir(conf).catch(() => [])) paths.push(`${conf}/${dev}/forwarding`)
  }
  const values = await Promise.all(paths.map(async (path) => `${path} ${await readFile(path, 'utf8').catch(() => 'gone')}`.trim()))
  return values.sort().join('\n')
}

/** `sysctl -w net.ipv6.conf.DEV.disable_ipv6=1`; nothing to do where the kernel has no IPv6. */
async function withoutIpv6 (dev: string): Promise<string> {
  await writeFile(`/proc/sys/net/ipv6/conf/${dev}/disable_ipv6`, '1').catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  })
  return ''
}

const verbs: Readonly<Record<string, (...words: string[]) => Promise<string>>> = { serveNames, serveWeb, askForLease, resolve, fetch, listen, call, switches, withoutIpv6 }

async function answer (message: unknown): Promise<readonly [done: boolean, answer: string]> {
  const [verb = '', ...words] = Array.isArray(message) ? message.map(String) : []
  try {
    return [true, await (verbs[verb] ?? (() => Promise.reject(new Error(`no verb '${verb}'`))))(...words)]
  } catch (error) {
    return [false, error instanceof Error ? error.message : String(error)]
  }
}

process.on('disconnect', () => process.exit())
process.on('message', (message) => { void answer(message).then((result) => process.send?.(result)) })
process.send?.([true, 'ready'])
