/** What the tests of rigs stand on. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { openHost, type Host, type HostOptions, type NetworkInput } from '../../src/index.js'
import { openHost as openEngine, type Internals } from '../../src/engine/host.js'
import { background, json, type Background } from '../harness/command.js'
import type { KernelTest } from '../harness/kernel-test.js'
import type { RigWork } from './rig-worker.js'

export const worker = started(new URL('rig-worker.js', import.meta.url))
export const env = { NODE_V8_COVERAGE: '' }
export const plain = (name: string, third: number): NetworkInput => ({ name, forward: 'nat', subnet: `10.95.${String(third)}.0/24`, bridge: `br-${name}`, dns: { enable: false } })
export const served = (name: string, third: number): NetworkInput => ({ name, forward: 'nat', subnet: `10.95.${String(third)}.0/24`, bridge: `br-${name}`, dhcp: true })

/** Hooks run in this thread, and so does a host that has some. */
export async function open ({ ns, tmp }: KernelTest, internals: Internals = {}, more: HostOptions = {}): Promise<Host> {
  const options = { netns: ns.path, root: join(tmp, 'root'), ...more }
  return internals.hook === undefined ? await openHost(options) : await openEngine(options, internals)
}
/** Named namespaces beside the test's own. */
export const namespaces = async ({ ns }: KernelTest): Promise<string[]> => (await json('ip', ['-j', 'netns', 'list']) as { name?: string }[]).flatMap(({ name }) => name === undefined || name === ns.name ? [] : [name]).sort()
export const links = async (name: string): Promise<string[]> => (await json('ip', ['-n', name, '-j', 'link']) as { ifname: string }[]).map(({ ifname }) => ifname).sort()
export const codeOf = async (work: Promise<unknown>): Promise<string> => await work.then(() => 'done', (error: unknown) => String((error as { code?: unknown }).code))
/** What one of ours has written and not removed. */
export const files = async ({ tmp }: KernelTest): Promise<string[]> => [...await readdir('/run/netwright').catch(() => []), ...await readdir(join(tmp, 'root/run/netwright')).catch(() => []), ...await readdir(join(tmp, 'root/var/lib/netwright/leases')).catch(() => [])]
export const order = ({ ns, tmp }: KernelTest, work: Pick<RigWork, 'rig'> & Partial<RigWork>): string => JSON.stringify({ netns: ns.path, root: join(tmp, 'root'), ...work } satisfies RigWork)

/** A process with a rig that stands; killed at the latest when `body` ends. */
export async function living (context: KernelTest, work: Pick<RigWork, 'rig'> & Partial<RigWork>, body: (process: Background) => Promise<void>): Promise<void> {
  const life = background(process.execPath, [worker, order(context, work)], { env })
  try { await life.until(/ready/, 60_000); await body(life) } finally { await life.stop('SIGKILL') }
}
