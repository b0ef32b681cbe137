/** What the tests of lifetimes stand on: processes with a host, and what is left of them. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { background, type Background } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { difference, networkState, type Snapshot } from '../harness/snapshot.js'
import { eventually } from './bed.js'
import type { Life } from './lifetime-worker.js'

export const worker = started(new URL('lifetime-worker.js', import.meta.url))
export const env = { NODE_V8_COVERAGE: '' } // of a process that is killed nothing is written

export type Plan = Partial<Life> & Pick<Life, 'end'>
export const order = ({ ns, tmp }: KernelTest, plan: Plan): string => JSON.stringify({ netns: ns.path, root: join(tmp, 'root'), count: 11, ...plan } satisfies Life)

const lives = new Set<Background>()
export function life (context: KernelTest, plan: Plan): Background {
  const started = background(process.execPath, [worker, order(context, plan)], { env })
  lives.add(started)
  return started
}

/** A process with a host, when all that it makes stands. */
export async function living (context: KernelTest, plan: Plan): Promise<Background> {
  const started = life(context, plan)
  await started.until(/ready/, 60_000)
  return started
}

/** A test whose processes end with it, whatever happens. */
export function lifetime (name: string, body: (context: KernelTest) => Promise<void>): void {
  kernelTest(test, `lifetime: ${name}`, async (context) => {
    try { await body(context) } finally {
      for (const one of lives) await one.stop('SIGKILL')
      lives.clear()
    }
  }, { needs: ['dnsmasq', 'tun'] })
}

/** Processes whose command line has these words. While a program takes another's place it has none: then all are looked at again. */
export async function pidsOf (words: string): Promise<number[]> {
  for (;;) {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const lines = await Promise.all(pids.map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '-')).replaceAll('\0', ' ')))
    const states = await Promise.all(pids.map(async (pid) => (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')).replace(/^.*\) /s, '').slice(0, 1)))
    if (pids.every((_, i) => lines[i] !== '' || states[i] === 'Z')) return pids.filter((_, i) => lines[i]?.includes(words) === true).map(Number)
  }
}
export const reapers = async (): Promise<number[]> => await pidsOf('native-shims/build/netwright-reaper')
export const daemons = async (): Promise<number[]> => await pidsOf('dnsmasq --conf-file')
export const names = async ({ ns }: KernelTest): Promise<string[]> => (await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname).filter((name) => name !== 'lo').sort()
export const filesBelow = async (path: string): Promise<string[]> => (await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) => !entry.isDirectory()).map(({ name }) => name)

/** Waits until nobody is at it any more, then looks at everything. */
export async function cleared (context: KernelTest, before: Snapshot): Promise<void> {
  await eventually('the reaper\'s end', async () => (await pidsOf('engine/reap.js')).length === 0 ? true : undefined)
  assert.equal(difference(before, await networkState(context.ns.name)), [])
  assert.equal(await daemons(), [])
  assert.equal([...await filesBelow(join(context.tmp, 'root')), ...await filesBelow('/run/netwright')], [])
}
