/** What the tests of whole networks stand on: a host with an uplink, and a neighbour behind it that knows some names. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHost, type Host } from '../../src/index.js'
import type { Background } from '../harness/command.js'
import { veth, type KernelTest, type Namespace, type TestNamespace } from '../harness/kernel-test.js'

/** The host's addresses on `up0`, and its neighbour's. */
export const HOST = { four: '198.51.100.1', six: '2001:db8::1' } as const
export const OUTSIDE = { four: '198.51.100.2', six: '2001:db8::2' } as const
/** What only the name server outside knows. */
export const UPSTREAM = { name: 'upstream.test', four: '203.0.113.9', six: '2001:db8:9::9' } as const

const length = (address: string): string => address.includes(':') ? '64' : '24'

/** `ip addr add` for each, as /24 or /64, without waiting for duplicates. */
export async function give (ns: Namespace, dev: string, ...addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await ns.must('ip', ['addr', 'add', `${address}/${length(address)}`, 'dev', dev, ...address.includes(':') ? ['nodad'] : []])
}

/** A default route a family. */
export async function gateway (ns: Namespace, ...addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await ns.must('ip', [address.includes(':') ? '-6' : '-4', 'route', 'replace', 'default', 'via', address])
}

/** An uplink `up0` with a neighbour behind it, which has no route to anybody's guests. Link-local addresses are good at once. */
export async function uplink (ns: TestNamespace): Promise<Namespace> {
  const outside = await ns.add()
  for (const one of [ns, outside]) await one.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_dad=0'])
  await outside.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_ra=0'])
  await veth(ns, 'up0', outside, 'eth0')
  await give(ns, 'up0', HOST.four, HOST.six)
  await give(outside, 'eth0', OUTSIDE.four, OUTSIDE.six)
  return outside
}

/** A name server in `outside` that knows `UPSTREAM`; returns the resolv.conf that names it. */
export async function nameServer (outside: Namespace, tmp: string): Promise<string> {
  const server = outside.spawn('dnsmasq', [
    '-k', '-C', '/dev/null', '--log-facility=-', '--pid-file=', '--user=root', '--no-resolv', '--no-hosts', '--bind-interfaces', '--interface=eth0',
    `--address=/${UPSTREAM.name}/${UPSTREAM.four}`, `--address=/${UPSTREAM.name}/${UPSTREAM.six}`,
  ])
  await server.until(/started, version/)
  const file = join(tmp, 'resolv.conf')
  await writeFile(file, `nameserver ${OUTSIDE.four}\n`)
  return file
}

/** Looks until there is something; advertisements come when they come. */
export async function eventually<T> (what: string, look: () => Promise<T | undefined>, patience = 60_000): Promise<T> {
  const deadline = Date.now() + patience
  while (Date.now() < deadline) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(50)
  }
  throw new Error(`${what} never came`)
}

/** `nft monitor`, which listens: it has seen something. */
export async function nftMonitor (ns: Namespace): Promise<Background> {
  const watch = ns.spawn('nft', ['monitor'])
  await eventually('a monitor that listens', async () => {
    for (const verb of ['add', 'delete']) await ns.must('nft', [verb, 'table', 'ip', 'mark0'])
    return watch.output().includes('mark0') ? true : undefined
  })
  return watch
}

/** Opens a host in the test's namespace, with everything below its directory. */
export async function host ({ ns, tmp }: KernelTest, options: Parameters<typeof openHost>[0] = {}): Promise<Host> {
  return await openHost({ netns: ns.path, root: tmp, ...options })
}
