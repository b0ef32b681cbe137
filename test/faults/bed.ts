/** Fails and kills one operation at every step, and compares what stands with what stood. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { NetwrightError } from '../../src/errors.js'
import { openHost, type Internals } from '../../src/engine/host.js'
import type { Host } from '../../src/engine/api.js'
import { exec, type Outcome } from '../harness/command.js'
import type { KernelTest } from '../harness/kernel-test.js'
import { difference, settle, type Snapshot } from '../harness/snapshot.js'
import { operations, type Operation, type OperationName, type Place } from './operations.js'
import { state } from './state.js'

const child = started(new URL('child.js', import.meta.url))
const program = started(new URL('../../src/cli/main.js', import.meta.url))
const env = { NODE_V8_COVERAGE: '' } // of a process that is killed nothing is written

export interface Bed {
  readonly place: Place
  readonly operation: Operation
  /** What stands before the operation, and after it. */
  readonly before: Snapshot
  readonly after: Snapshot
  /** The names of its steps. */
  readonly steps: readonly string[]
  open (internals?: Internals): Promise<Host>
  /** Runs the operation in another process that is killed at the given step; -1 is the exit code of a killed one. `recover`: it only opens the host. `fail`: a step that fails before. */
  killed (step: number, how?: { readonly recover?: boolean, readonly fail?: number }): Promise<Outcome>
  /** Runs the operation in another process, and does something (`signal=SIGKILL`, `error=ENOBUFS`) to the nth system call of a kind that any one thread makes. Needs 'strace'. */
  injected (what: string, call: string, nth: number): Promise<Outcome>
  /** The next command: the command line, or a host that is opened. Returns which of the two states stands then; throws with the difference to both where neither does. */
  next (how: 'command line' | 'host'): Promise<'before' | 'after'>
  /** Brings `before` back and proves it. */
  restore (from: 'before' | 'after'): Promise<void>
}

/** A host that ends with the work. */
export async function withHost<T> (place: Place & { readonly lockTimeout?: number }, internals: Internals, work: (host: Host) => Promise<T>): Promise<T> {
  const host = await openHost({ netns: place.netns, root: place.root, supervise: false, lockTimeout: place.lockTimeout ?? 30_000 }, internals)
  try { return await work(host) } finally { await host.close() }
}

/** Prepares the operation, runs it once each way to learn its steps and states, then `work`, then takes all away. */
export async function bed (name: OperationName, { ns, tmp }: KernelTest, work: (bed: Bed) => Promise<void>): Promise<void> {
  const root = join(tmp, 'root')
  await mkdir(root, { recursive: true }) // a test may have mounted something there
  await chmod(root, 0o711)
  const place: Place = { netns: ns.name, guest: (await ns.add()).name, root }
  const operation: Operation = operations[name]
  const steps: string[] = []
  await withHost(place, {}, async (host) => { await operation.setup(host, place) })
  const before = await state(place)
  await withHost(place, { hook: (step) => { steps.push(step) } }, async (host) => { await operation.run(host, place) })
  const after = await state(place)
  const restore = async (from: 'before' | 'after'): Promise<void> => {
    if (from === 'after') await withHost(place, {}, async (host) => { await operation.back(host, place) })
    same('what stands after the way back', lost(operation, await settle(before, async () => await state(place))))
  }
  await restore('after')
  await work({
    place, operation, before, after, steps, restore,
    open: async (internals = {}) => await openHost({ netns: place.netns, root: place.root, supervise: false }, internals),
    killed: async (step, { recover = false, fail = 0 } = {}) => await exec(process.execPath, [child, JSON.stringify({ ...place, operation: recover ? '' : name, step, fail })], { env }),
    // -D: strace stays with a dnsmasq that outlives the killed process, and must not be waited for, nor keep our pipes. It counts each thread's calls apart.
    injected: async (what, call, nth) => await exec('sh', [
      '-c', 'out=$1; shift; exec strace "$@" >"$out" 2>&1', 'sh', join(tmp, 'child.out'), '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:${what}:when=${String(nth)}`,
      process.execPath, child, JSON.stringify({ ...place, operation: name, step: 0 }),
    ], { env: { ...env, UV_THREADPOOL_SIZE: '1' } }),
    next: async (how) => {
      if (how === 'host') await withHost(place, {}, async () => { await Promise.resolve() })
      else await list(place)
      return await which(before, after, place, operation)
    },
  })
  await withHost(place, {}, async (host) => { await operation.end(host, place) })
}

async function list ({ netns, root }: Place): Promise<void> {
  const { code, stderr, stdout } = await exec(process.execPath, [program, '--root', root, '--netns', netns, 'net-list', '--all'], { env })
  if (code !== 0) throw new Error(`net-list: exit code ${String(code)}\n${stderr}${stdout}`)
}

/** The differences that are no fault. */
export function lost ({ first }: Operation, left: readonly string[]): readonly string[] { return first === undefined ? left : left.filter((line) => !line.startsWith('- files') || !first.test(line)) }

async function which (before: Snapshot, after: Snapshot, place: Place, operation: Operation): Promise<'before' | 'after'> {
  let toAfter: readonly string[] = []
  const toBefore = await settle(before, async () => {
    const now = await state(place)
    toAfter = difference(after, now)
    return toAfter.length === 0 || lost(operation, difference(before, now)).length === 0 ? before : now
  })
  if (toBefore.length > 0) throw new Error(`neither as before nor as after.\nbefore (- gone, + left):\n${brief(toBefore)}\nafter:\n${brief(toAfter)}`)
  return toAfter.length === 0 ? 'after' : 'before'
}

const brief = (lines: readonly string[]): string => lines.slice(0, 20).map((line) => line.slice(0, 2000)).join('\n')

/** Throws where something differs. */
export function same (what: string, left: readonly string[]): void {
  if (left.length > 0) throw new Error(`${what} is not as before (- gone, + left):\n${brief(left)}`)
}

/** The error that `work` throws; throws where it throws none. */
export async function thrown (work: () => Promise<unknown>): Promise<unknown> {
  try { await work() } catch (error) { return error }
  throw new Error('nothing was thrown')
}

/** The code of an error of netwright. */
export const codeOf = (error: unknown): string => error instanceof NetwrightError ? error.code : String(error)
