/** A host that runs out: of room, of descriptors, of patience. Faults F5, A12, C12. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { NetwrightError, ProcessError } from '../../src/errors.js'
import { exec, must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { settle } from '../harness/snapshot.js'
import { bed, codeOf, same, thrown, withHost, type Bed } from './bed.js'
import { state } from './state.js'

const needs = { needs: ['dnsmasq', 'nft', 'tun'] }
const child = started(new URL('child.js', import.meta.url))
const program = started(new URL('../../src/cli/main.js', import.meta.url))
const PAGE = 4096

/** Fills a file system but for so many pages. Returns how to make room again. */
async function fill (directory: string, free: number): Promise<() => Promise<void>> {
  const path = join(directory, 'ballast')
  const { bavail, bsize } = await statfs(directory)
  const file = await open(path, 'w')
  try {
    const page = Buffer.alloc(PAGE)
    for (let left = bavail * bsize / PAGE - free; left > 0; left--) await file.write(page)
  } finally { await file.close() }
  assert.is((await statfs(directory)).bavail * bsize / PAGE, free)
  return async () => { await rm(path) }
}

kernelTest(test, 'resources: a full disk undoes a start, and a stop needs no room', async (context) => {
  const root = join(context.tmp, 'root')
  await mkdir(root)
  await must('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=711', 'tmpfs', root])
  try {
    await bed('start nat with DHCP', context, async (stand) => {
      let started = 0
      for (let free = 0; started === 0; free++) {
        assert.ok(free < 40, 'never enough')
        const empty = await fill(root, free)
        started += await startsWith(free, stand, empty)
      }
    })
  } finally { await must('umount', [root]) }
}, needs)

/** 1 where a start worked with so many pages free: then it is stopped with none. */
async function startsWith (free: number, { place, operation, before, restore }: Bed, empty: () => Promise<void>): Promise<number> {
  const where = `${String(free)} pages free`
  const error = await withHost(place, {}, async (host) => await operation.run(host, place).then(() => undefined, (reason: unknown) => reason))
  await empty()
  if (error === undefined) {
    const full = await fill(place.root, 0)
    await withHost(place, {}, async (host) => { await operation.back(host, place) })
    await full()
    await restore('before')
    return 1
  }
  if (!(error instanceof NetwrightError)) throw error instanceof Error ? error : new Error(where)
  const said = [error.message, ...error instanceof ProcessError ? error.lastLines : []].join('; ')
  assert.match(said, /ENOSPC|no space left/i, `${where}: ${said}`)
  same(`what stands after a start with ${where}`, await settle(before, async () => await state(place)))
  return 0
}

kernelTest(test, 'resources: with too few descriptors a start is undone with a typed error', async (context) => {
  await bed('start nat with DHCP', context, async ({ place, next, restore }) => {
    let refused = 0
    for (let limit = 40; limit >= 18; limit -= 1) {
      const { code, stderr } = await exec(process.execPath, [child, JSON.stringify({ ...place, operation: 'start nat with DHCP', step: 0, files: limit })], { env: { NODE_V8_COVERAGE: '' } })
      assert.ok(code === 0 || code === 3, `limit ${String(limit)}: exit code ${String(code)}\n${stderr}`)
      if (code === 3) refused++
      assert.is(await next('host'), code === 0 ? 'after' : 'before', `limit ${String(limit)}\n${stderr}`)
      await restore(code === 0 ? 'after' : 'before')
    }
    assert.ok(refused > 0, 'no limit was low enough')
  })
}, needs)

kernelTest(test, 'resources: whoever waits for a stopped process learns its pid and what it is at, and can look meanwhile', async (context) => {
  await bed('start nat', context, async (stand) => {
    const { place, operation } = stand
    const stopped = context.ns.spawn(process.execPath, [child, JSON.stringify({ ...place, operation: 'start nat', step: stand.steps.indexOf('make links') + 1, signal: 'SIGSTOP' })], { env: { NODE_V8_COVERAGE: '' } })
    const pid = await stoppedPid(stopped.pid)
    await withHost({ ...place, lockTimeout: 200 }, {}, async (host) => {
      assert.equal((await host.networks()).map(({ active }) => active), [false])
      const error = await thrown(async () => await operation.run(host, place))
      assert.is(codeOf(error), 'NETWRIGHT_LOCKED')
      assert.is(error instanceof NetwrightError ? error.holder : '', `process ${String(pid)} (start plain)`)
      assert.match(String(error), 'which holds /run/netwright/')
    })
    const list = await exec(process.execPath, [program, '--root', place.root, '--netns', place.netns, 'net-list', '--all'], { timeoutMs: 60_000 })
    assert.is(list.code, 0, list.stderr)
    process.kill(pid, 'SIGCONT')
    assert.is(await stopped.ended(), 0, stopped.output())
    assert.is(await stand.next('host'), 'after')
    await stand.restore('after')
  })
}, needs)

/** Waits until the process is stopped. */
async function stoppedPid (pid: number): Promise<number> {
  await must('sh', ['-c', `until grep -q '^State:.T' /proc/${String(pid)}/status; do sleep 0.02; done`], { timeoutMs: 60_000 })
  return pid
}

test.run()
