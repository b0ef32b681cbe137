/** Whatever happens while links are kept, laundered, lent and given up: each is in the reach of one record, and in the end none is left. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { openHost } from '../../src/engine/host.js'
import { exec, must } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { thrown } from './bed.js'
import { isolated } from './recycle-work.js'

const child = started(new URL('recycle-child.js', import.meta.url))
const env = { NODE_V8_COVERAGE: '' }

async function place ({ ns, tmp }: KernelTest): Promise<{ readonly netns: string, readonly root: string }> {
  const root = join(tmp, 'root')
  await mkdir(root, { recursive: true })
  await chmod(root, 0o711)
  return { netns: ns.name, root }
}

async function nothingLeft ({ ns, tmp }: KernelTest, where: string): Promise<void> {
  const links = (await ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname).filter((name) => name !== 'lo')
  assert.equal(links, [], where)
  assert.equal(await readdir(join(tmp, 'root/run/netwright')).catch(() => []), [], where)
}

/** Every so many steps, each half by a test of its own: a process a step. */
const PARTS = 3
for (let part = 0; part < PARTS; part++) {
  kernelTest(test, `recycle: killed at every step, the next host leaves nothing (${String(part + 1)} of ${String(PARTS)})`, async (context) => {
    const at = await place(context)
    const steps = (await must(process.execPath, [child, JSON.stringify(at)], { env })).trim().split('\n')
    await nothingLeft(context, 'after a run that came to its end')
    if (part === 0) console.log(`recycle: ${String(steps.length)} steps: ${steps.join(', ')}`)
    // What is done behind the scenes may come at another place each time.
    for (let step = 1 + part; step <= steps.length; step += PARTS) {
      const where = `killed at step ${String(step)}, ${steps[step - 1] ?? '?'}`
      const { code, stderr } = await exec(process.execPath, [child, JSON.stringify({ ...at, step })], { env, timeoutMs: 60_000 })
      assert.ok(code === -1 || code === 0, `${where}: ${stderr}`)
      const host = await openHost({ ...at, supervise: false })
      await Promise.all((await host.networks()).map(async ({ name }) => { await (await host.network(name)).destroy() }))
      await host.close()
      await nothingLeft(context, where)
    }
  }, { needs: ['nft', 'tun'] })
}

kernelTest(test, 'recycle: a start out of the pool that fails at any step is undone, and the links are there for the next', async (context) => {
  const at = await place(context)
  const seen: string[] = []
  let failing = 0
  const hook = (step: string): void => {
    if (step === 'launder links' || step === 'look at links' || step.startsWith('delete ') || step === 'close the grave') return // not of a start
    if (seen.push(step) === failing) throw new Error(`fault at ${step}`)
  }
  const host = await openHost({ ...at, supervise: false, recycle: { max: 20 } }, { hook })
  await host.pool.fill({ bridges: 2, taps: { count: 2 } })
  for (failing = 1; ; failing++) {
    seen.length = 0
    const failed = await host.create(isolated).then(() => '', String)
    if (failed === '') break
    assert.match(failed, 'fault at', seen[failing - 1])
    const left = (await context.ns.json<{ ifname: string }[]>('ip', ['-j', 'link'])).map(({ ifname }) => ifname).filter((name) => name.startsWith('br-') || name.startsWith('tap-'))
    assert.equal(left, [], seen[failing - 1])
    await host.pool.fill({ bridges: 2, taps: { count: 2 } })
    assert.equal(host.pool.size, { bridges: 2, taps: 2 }, seen[failing - 1])
    assert.ok(failing < 40)
  }
  assert.equal(host.pool.size, { bridges: 0, taps: 0 })
  failing = 0
  for (const name of ['one', 'two']) await (await host.network(name)).destroy()
  assert.equal(host.pool.size, { bridges: 2, taps: 2 })
  await host.close()
  await nothingLeft(context, 'in the end')
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'recycle: where links cannot be laundered they are deleted, and new ones are made', async (context) => {
  const at = await place(context)
  const host = await openHost({ ...at, supervise: false, recycle: { max: 20 } }, { hook: (step) => { if (step === 'launder links') throw new Error('fault') } })
  await host.create(isolated)
  for (const name of ['one', 'two']) await (await host.network(name)).destroy()
  await host.create(isolated)
  for (const name of ['one', 'two']) await (await host.network(name)).destroy()
  await host.close()
  await nothingLeft(context, 'in the end')
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'recycle: a stop that fails half-way keeps nothing back', async (context) => {
  const at = await place(context)
  let failing = ''
  const host = await openHost({ ...at, supervise: false, recycle: { max: 20 } }, { hook: (step) => { if (step === failing) { failing = ''; throw new Error('fault') } } })
  for (const step of ['dig a grave', 'remove nft elements', 'close the record']) {
    await host.create(isolated)
    failing = step
    await thrown(async () => { await (await host.network('one')).destroy() })
    const next = await openHost({ ...at, supervise: false })
    for (const { name } of await next.networks()) await (await next.network(name)).destroy()
    await next.close()
  }
  await host.close()
  await nothingLeft(context, 'in the end')
}, { needs: ['nft', 'tun'] })

test.run()
