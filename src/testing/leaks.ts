/** What a test leaves behind: two looks, and the difference between them. */
import { AssertionError } from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import { openNetns } from '../kernel/netns.js'
import { fileState } from './file-state.js'
import { namespaceState } from './namespace-state.js'
import { processState } from './process-state.js'

export interface LookOptions {
  /** Which namespace: a path, a name or a pid. Default: the one of this process. */
  readonly netns?: string | number
  /** The `root` of the hosts in question. Default `/`. */
  readonly root?: string
}

/** What stood at one moment; for `leaks` and `assertNoLeaks`. */
export interface Look extends LookOptions {
  /** `link nwb0 (bridge)`, `address 10.1.0.1/24 dev nwb0`, `nft table inet netwright`, `process dnsmasq …`, `descriptor of a netlink socket`, `file /run/netwright/…`. */
  readonly lines: readonly string[]
}

export interface LeakOptions {
  /** How long what is still going may take, milliseconds. Default 2,000: links that were stopped are deleted behind the scenes. */
  readonly patience?: number
}

const PATIENCE = 2_000
const PAUSE = 20

/**
 * Looks at all that netwright can leave: links, addresses, routes, rules, nft tables and elements, forwarding, its processes, this process's descriptors of
 * them, its files. `ip link; ip addr; ip route show table all; ip rule; nft list ruleset; ls /proc/self/fd`. Changes nothing.
 * Throws NETWRIGHT_NO_NAMESPACE, NETWRIGHT_NO_PERMISSION, KernelError.
 */
export async function look (options: LookOptions = {}): Promise<Look> {
  const netns = await openNetns(options.netns)
  try {
    const standing = await namespaceState(netns.fd)
    return { ...options, lines: [...standing, ...await processState(netns.fd, netns.inode), ...await fileState(options.root ?? '/', netns.id)] }
  } finally { netns.close() }
}

/** What is there now and was not at the first look, once it has had time to go; empty where nothing was left. What is gone is no leak. Throws as `look`. */
export async function leaks (before: Look, { patience = PATIENCE }: LeakOptions = {}): Promise<readonly string[]> {
  for (const deadline = performance.now() + patience; ;) {
    const found = added(before.lines, (await look(before)).lines)
    if (found.length === 0 || performance.now() >= deadline) return found
    await sleep(PAUSE)
  }
}

/**
 * Throws an AssertionError that names what leaked since a look, or during `work`, which it runs; then returns what `work` returns.
 *
 *     beforeEach(async () => { before = await look() })
 *     afterEach(async () => { await assertNoLeaks(before) })
 *
 *     await assertNoLeaks(async () => { await using host = await openHost(); … })
 *
 * Tests that run at the same time must not share a namespace, or each sees the others' networks: `withNetwork` gives each its own. Throws as `look`, and what `work` throws.
 */
export function assertNoLeaks (since: Look, options?: LeakOptions): Promise<void>
export function assertNoLeaks<T> (work: () => T | Promise<T>, options?: LeakOptions & LookOptions): Promise<T>
export async function assertNoLeaks (since: Look | (() => unknown), options: LeakOptions & LookOptions = {}): Promise<unknown> {
  const before = typeof since === 'function' ? await look(options) : since
  const result = typeof since === 'function' ? await since() : undefined
  const found = await leaks(before, options)
  if (found.length === 0) return result
  throw new AssertionError({ message: `left behind:\n  ${found.join('\n  ')}`, actual: found, expected: [], operator: 'assertNoLeaks', stackStartFn: assertNoLeaks })
}

/** What of `after` was not in `before`; a line that is there twice counts twice. */
function added (before: readonly string[], after: readonly string[]): readonly string[] {
  const known = new Map<string, number>()
  for (const line of before) known.set(line, (known.get(line) ?? 0) + 1)
  return after.filter((line) => {
    const left = known.get(line) ?? 0
    known.set(line, left - 1)
    return left <= 0
  })
}
