/** A test against the real kernel, in a fresh namespace, after which everything is as before. */
import './sandbox.js'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import type { Test } from 'uvu'
import { startThread } from '../../src/thread/client.js'
import { has, skipLine } from './needs.js'
import { rig, type Namespace } from './namespace.js'
import { machineState, networkState, settle } from './snapshot.js'

export { veth, type Namespace } from './namespace.js'

/** The first namespace of a test, which can make more. */
export interface TestNamespace extends Namespace {
  /** Another namespace in the same test: a guest, the internet. Deleted, with its links, before the first one is compared. */
  add (): Promise<Namespace>
}

export interface KernelTest {
  readonly ns: TestNamespace
  /** A directory of this test, mode 0755, deleted afterwards. */
  readonly tmp: string
}

export interface KernelTestOptions {
  /** Keys of test/skips.json; where one is missing the test is skipped, loudly. */
  readonly needs?: readonly string[]
  /** The test leaves objects in its namespace on purpose; they die with it. Machine, processes, descriptors and files are compared all the same. */
  readonly leaves?: boolean
}

async function attempt (problems: unknown[], step: () => Promise<void>): Promise<void> {
  await step().catch((error: unknown) => { problems.push(error) })
}

function must (what: string, left: readonly string[]): void {
  if (left.length > 0) throw new Error(`${what} is not as before (- gone, + left):\n${left.join('\n')}`)
}

async function run (body: (context: KernelTest) => Promise<void> | void, leaves: boolean): Promise<void> {
  await startThread() // it stays, for the next host, and is no leak
  const tmp = await mkdtemp('/run/test-')
  await chmod(tmp, 0o755) // dnsmasq reads files below it as another user
  const ignore = new Set([tmp])
  const machine = await machineState(ignore)
  const stand = rig()
  const problems: unknown[] = []
  await attempt(problems, async () => {
    const first = await stand.add()
    const fresh = await networkState(first.name)
    await attempt(problems, async () => { await body({ ns: { ...first, add: () => stand.add() }, tmp }) })
    await attempt(problems, () => stand.stopPrograms())
    await attempt(problems, () => stand.remove(1, problems.length > 0))
    // After a failure what is left is no news, and would hide the reason.
    if (problems.length === 0 && !leaves) must(`namespace ${first.name}`, await settle(fresh, () => networkState(first.name)))
  })
  await attempt(problems, () => stand.remove(0, problems.length > 0))
  if (problems.length === 0) await attempt(problems, async () => { must('the machine', await settle(machine, () => machineState(ignore))) })
  await attempt(problems, async () => { await rm(tmp, { recursive: true, force: true }) }) // after the reason for a failure, not in its place
  if (problems.length > 0) throw problems[0]
}

/** Milliseconds. */
const PATIENCE = 30_000
let underWay = 0
let failed = false
let end: NodeJS.Timeout | undefined

/** What a failed test has left open would keep its file running until the runner's patience ends: when no other has begun for a while, there is nothing more to come. */
async function bounded (work: () => Promise<void>): Promise<void> {
  underWay++
  clearTimeout(end)
  try { await work() } catch (error) { failed = true; throw error } finally {
    if (--underWay === 0 && failed) end = setTimeout(() => { process.exit(1) }, PATIENCE).unref()
  }
}

/**
 * Registers a kernel test. `body` gets a fresh namespace and a directory; both are deleted afterwards, and links, addresses, routes, rules,
 * neighbours, nftables, forwarding, processes, threads, descriptors and files are compared with what was there before.
 */
export function kernelTest (test: Test, name: string, body: (context: KernelTest) => Promise<void> | void, options: KernelTestOptions = {}): void {
  const missing = options.needs?.find((key) => !has(key))
  if (missing !== undefined) {
    process.stdout.write(skipLine(missing, name))
    test.skip(name)
    return
  }
  test(name, async () => { await bounded(async () => { await run(body, options.leaves ?? false) }) })
}
